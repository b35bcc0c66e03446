"""Reads and writes whole images as arrays (H, W, C), uint8 or uint16, greyscale or colour, with or without alpha.

Pillow supports colour at 8 bits only, so that 16-bit files are read by deep_files.py and 16-bit PNGs are written by
png16.py; other files are read with 8 bits (`levels_lost`). 16-bit arrays keep the file's values: depth.py finds white.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from gan_core.disk import check_extension, replacing
from gan_core.errors import BadData, BadValue
from gan_core.pictures import deep_files, png16
from gan_core.pictures.decoding import ACCEPTED, FORMATS, MAX_BYTES, plain, square
from gan_core.pictures.depth import eight_bits
from gan_core.pictures.fits import CROP

MOST_PIXELS = 16_000_000  # of an image to upscale
MOST_RESULT = 64_000_000  # pixels of an upscaled image
OPAQUE = (".jpg", ".jpeg")
MOST_SIDES = {"webp": ("WebP", 16_383), "jpg": ("JPEG", 65_500), "jpeg": ("JPEG", 65_500)}  # pixels of a side
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def sample_photo(name: str) -> Image.Image:
    """One of scikit-learn's sample photos (CC BY 2.0): `flower.jpg` or `china.jpg`, 640 x 427, RGB.

    Located without importing scikit-learn, which takes seconds.
    """
    found = importlib.util.find_spec("sklearn")
    with Image.open(Path(str(found and found.origin)).parent / "datasets" / "images" / name) as file:
        return file.convert("RGB")


def most_pixels(scale: int) -> int:
    """The largest image that can be upscaled by this factor, in pixels."""
    return min(MOST_PIXELS, MOST_RESULT // scale**2)


def megapixels(pixels: int) -> str:
    """Millions of pixels with one digit, rounded up: what exceeds a limit is shown to exceed it."""
    return f"{math.ceil(pixels / 100_000) / 10:.1f}"


def limit_words(pixels: int) -> str:
    """A limit in millions of pixels with at most one digit, rounded down."""
    return f"{pixels // 100_000 / 10:g}"


def array_of(image: Image.Image) -> np.ndarray:
    """The first frame, upright, as uint8, or uint16 for 16-bit greyscale. Palettes and CMYK become RGB.

    Raises BadData for pixels of unknown range.
    """
    upright = deep_files.upright(image)
    if upright.mode == "F" or upright.mode.startswith("I"):
        return _deep(upright)
    grey = upright.mode in ("1", "L", "LA", "La")
    clear = upright.has_transparency_data
    mode = ("LA" if clear else "L") if grey else ("RGBA" if clear else "RGB")
    levels = np.asarray(upright.convert(mode))
    return levels[:, :, None] if levels.ndim == 2 else levels  # (H, W) -> (H, W, 1)


def _deep(image: Image.Image) -> np.ndarray:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise BadData("The value range of these pixels is unknown. Save the image with 8 or 16 bits per channel.")
    return values.astype(np.uint16)[:, :, None]


def image_of(array: np.ndarray) -> Image.Image:
    """An image of an array (H, W, C). Raises BadValue for 16-bit colours, which Pillow does not support."""
    channels = array.shape[2]
    if array.dtype == np.uint16 and channels > 1:
        raise BadValue("16-bit images with colour or alpha can only be saved as PNG.")
    return Image.fromarray(array[:, :, 0] if channels == 1 else array)


def fitted(array: np.ndarray, size: int, channels: int, fit: str = CROP, depth: int = 0) -> np.ndarray:
    """A square of `size` pixels by one of fits.FITS, uint8 (C, size, size); transparency is composited on white.

    `depth` is the effective bit depth of 16-bit values; 0 detects it. Raises BadData if it cannot hold every value.
    """
    levels = image_of(eight_bits(array, depth))
    return square(plain(levels).convert("L" if channels == 1 else "RGB"), size, fit)


def read(path: Path, most_pixels: int) -> np.ndarray:
    """Reads an image file; sizes are checked before decoding. Raises BadData, which names the file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadData("{file} is larger than {size} MB.", file=path.name, size=MAX_BYTES // 1_000_000)
        with path.open("rb") as file:
            return read_from(file, most_pixels, path.name)
    except FileNotFoundError:
        raise BadData("The file {file} doesn't exist.", file=path) from None
    except OSError as error:
        raise BadData("{file} is corrupt or truncated ({reason}).", file=path.name, reason=error) from error


def read_from(file: BinaryIO, most_pixels: int, name: str) -> np.ndarray:
    """The same for an open file; raises BadData, which names the file `name`."""
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise _too_many(name, most_pixels)
            deep = deep_files.colours(file, image, most_pixels)
            return array_of(image) if deep is None else deep
    except BadData:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(name, most_pixels) from None
    except UnidentifiedImageError:
        raise BadData(
            "{file} is not an image in a supported format ({formats}).", file=name, formats=ACCEPTED
        ) from None
    except Exception as error:  # decoders raise nearly anything on a damaged or hostile file
        raise BadData("{file} is corrupt or truncated ({reason}).", file=name, reason=error) from error


def _too_many(name: str, most: int) -> BadData:
    return BadData("{file} has more than {most} megapixels.", file=name, most=limit_words(most))


def levels_lost(path: Path, array: np.ndarray) -> bool:
    """Whether a file has more than 8 bits per channel, but the array read from it has 8."""
    if array.dtype != np.uint8:
        return False
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        return deep_files.bits(file, image) > 8


def write(path: Path, array: np.ndarray) -> None:
    """Writes an image atomically, in the format of the file extension. Raises BadValue."""
    check_ending(path, array)
    check_sides(path.suffix.removeprefix("."), *array.shape[:2])
    with replacing(path) as temporary:
        if array.dtype == np.uint16:
            with temporary.open("wb") as file:
                for part in png16.encoded(array):
                    file.write(part)
        else:
            image_of(array).save(temporary, format=Image.registered_extensions()[path.suffix.lower()])


def check_ending(path: Path, array: np.ndarray | None = None) -> None:
    """Raises BadValue for a file extension that is not supported or cannot store the array."""
    check_extension(path, [name for name in ENDINGS if _fits(name, array)])


def check_sides(kind: str, height: int, width: int) -> None:
    """Raises BadValue for more pixels than a format allows, such as webp."""
    name, most = MOST_SIDES.get(kind.lower(), ("", 0))
    if most and max(height, width) > most:
        raise BadValue(
            "A {format} image has at most {most:,} pixels a side, and this one has {width:,} x {height:,}. Choose PNG.",
            format=name, most=most, width=width, height=height,
        )  # fmt: skip


def _fits(ending: str, array: np.ndarray | None) -> bool:
    if array is None:
        return True
    return ending == ".png" or (array.dtype == np.uint8 and (array.shape[2] in (1, 3) or ending not in OPAQUE))
