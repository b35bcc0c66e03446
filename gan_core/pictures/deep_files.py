"""Reads colour files with 16 bits per channel, which Pillow would reduce to 8: PNG by png16.py, TIFF by tifffile.

TIFF is supported as far as no additional codecs are needed; other files are left to Pillow.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from gan_core.pictures import png16

BITS, COMPRESSION, COLOURS, ORIENTATION, PREDICTOR, EXTRA, FORMAT = 258, 259, 262, 274, 317, 338, 339  # TIFF's tags
PLAIN, DEFLATED = (1,), (8, 32946)  # compressions that need no codec
WHITE_IS_ZERO, RGB = 0, 2
CLEAR = 2  # unassociated alpha
UNSIGNED = 1
PADDED = 4  # largest ratio of the pixels in a file's tiles to those of the image
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda array: array[:, ::-1], 3: lambda array: array[::-1, ::-1], 4: lambda array: array[::-1],
    5: lambda array: array.swapaxes(0, 1), 6: lambda array: np.rot90(array, -1),
    7: lambda array: array[::-1, ::-1].swapaxes(0, 1), 8: np.rot90,
}  # fmt: skip


def bits(file: BinaryIO, image: Image.Image) -> int:
    """Bits per channel in the file of an open image."""
    if image.format == "PNG":
        with _from_start(file):
            return png16.header(file.read(29)).depth
    if isinstance(image, TiffImageFile):
        return int(max(image.tag_v2.get(BITS, (8,))))
    return 8


def colours(file: BinaryIO, image: Image.Image, most_pixels: int) -> np.ndarray | None:
    """The 16-bit values of an open colour image, uint16 (H, W, C); None if it has fewer bits or is not supported.

    They are returned upright; a transparent colour of a PNG becomes alpha. Raises ValueError or zlib.error for a
    damaged file, and the errors of tifffile.
    """
    if bits(file, image) != 16:
        return None
    if image.format == "PNG":
        with _from_start(file):
            array = png16.decoded(file.read())
        return _upright_png(array, image)
    assert isinstance(image, TiffImageFile)
    if not _readable(image):
        return None
    with _from_start(file):
        return _tiff(file, most_pixels)


@contextmanager
def _from_start(file: BinaryIO) -> Iterator[None]:
    """Reads from the start of the file, then restores the position that Pillow expects."""
    place = file.tell()
    file.seek(0)
    try:
        yield
    finally:
        file.seek(place)


def _readable(image: TiffImageFile) -> bool:
    tags = image.tag_v2
    return (
        tags.get(COLOURS) == RGB
        and (len(tags[BITS]), tags.get(EXTRA)) in ((3, None), (4, (CLEAR,)))
        and set(tags.get(FORMAT, (UNSIGNED,))) == {UNSIGNED}
        and tags.get(COMPRESSION, 1) in PLAIN + DEFLATED
        and tags.get(PREDICTOR, 1) in (1, 2)
    )


def _upright_png(array: np.ndarray, image: Image.Image) -> np.ndarray:
    key, turn = image.info.get("transparency"), None
    if array.shape[2] in (1, 3) and isinstance(key, int | tuple):
        clear = (array == np.array(key)).all(2, keepdims=True)
        array = np.concatenate([array, np.where(clear, 0, 65535).astype(np.uint16)], 2)
    with suppress(Exception):  # damaged EXIF data is ignored
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    return np.ascontiguousarray(turn(array) if turn else array)


def is_negative(image: Image.Image) -> bool:
    """Whether the highest value of an open 16-bit greyscale image is black; Pillow inverts only 8 bits and less."""
    return (
        isinstance(image, TiffImageFile)
        and image.mode.startswith("I;16")
        and image.tag_v2.get(COLOURS) == WHITE_IS_ZERO
    )


def upright(image: Image.Image) -> Image.Image:
    """A copy of an open image, upright, in which the lowest value is black."""
    turned = ImageOps.exif_transpose(image)
    return Image.fromarray(65535 - np.asarray(turned)) if is_negative(image) else turned


def _tiff(stream: BinaryIO, most_pixels: int) -> np.ndarray:
    """The first page, uint16 (H, W, C); raises ValueError if it holds more data than it declares."""
    from tifffile import TiffFile

    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    with TiffFile(stream) as file:
        page = file.pages.first
        segment = math.prod(page.chunks)  # values per segment
        padded, most = segment * len(page.dataoffsets), page.samplesperpixel * most_pixels
        if page.size > most or padded > PADDED * most or sum(page.databytecounts) > length:
            raise ValueError("more pixels than it says")
        if page.compression in DEFLATED:
            for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
                file.filehandle.seek(start)
                if len(zlib.decompressobj().decompress(file.filehandle.read(count), 2 * segment + 1)) > 2 * segment:
                    raise ValueError("more pixels than it says")
        array = page.asarray()
        turn = UPRIGHT.get(page.tags.valueof(ORIENTATION, 1))
        if page.axes.startswith("S"):
            array = array.transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    return np.ascontiguousarray(turn(array) if turn else array)
