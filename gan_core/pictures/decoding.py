"""Decodes untrusted image files to square uint8 arrays.

The format is detected from the content, size limits are checked on the header before decoding, and any error becomes an
`Unusable` with a reason to display.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_core.errors import BadData
from gan_core.pictures import deep_files
from gan_core.pictures.depth import DEPTHS, eight_bits, used, white
from gan_core.pictures.fits import CROP, PAD, STRETCH

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")  # where names have to tell
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF"
SMALLEST = 8  # pixels, the shorter side
MAX_PIXELS = 64_000_000
MAX_BYTES = 200_000_000  # of one file
LARGE_PIXELS = 8_000_000  # decoded one at a time, so that a few workers don't need gigabytes

_one_large = threading.Lock()
Taken = TypeVar("Taken")
Made = TypeVar("Made")


class Unusable(Exception):
    """Why one image file can't be used; the message is shown beside its name."""


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 (3, size, size), and whether the file holds more frames than the one taken."""

    pixels: np.ndarray
    animated: bool
    deep: bool = False  # more than 8 bits a channel
    depth: int = 8  # of these, how many were taken for the whole range


def decode(file: BinaryIO, size: int, fit: str = CROP, depth: int = 0) -> Decoded:
    """An image file as a square of `size` pixels, in colour; raises Unusable.

    `depth` is how many bits are used of a file of 16; 0: as many as its levels need.
    """
    return _guarded(file, lambda image: _decode(file, image, size, fit, depth))


def opened(file: BinaryIO, depth: int = 0) -> Image.Image:
    """A whole image file as `L` or `RGB`, `depth` as in `decode`; raises Unusable."""
    return _guarded(file, lambda image: _whole(file, image, depth)[0])


def deep_bits(file: BinaryIO) -> int:
    """How many bits are used of a file of more than 8 a channel; 0 for any other, which isn't decoded for it.

    Raises Unusable.
    """
    return _guarded(file, lambda image: _whole(file, image, 0)[1] if _is_deep(file, image) else 0)


def _guarded(file: BinaryIO, read: Callable[[Image.Image], Made]) -> Made:
    try:
        with Image.open(file, formats=FORMATS) as image:
            return read(image)
    except Unusable:
        raise
    except BadData as error:  # of a depth that doesn't hold all levels
        raise Unusable(str(error).removesuffix(".")) from error
    except UnidentifiedImageError:
        raise Unusable(f"not an image of an accepted format ({ACCEPTED})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(f"more than {MAX_PIXELS // 1_000_000} megapixels") from None
    except Exception as error:  # decoders raise nearly anything on a damaged or hostile file
        raise Unusable(f"broken or cut off ({error or type(error).__name__})") from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise Unusable(f"more than {MAX_PIXELS // 1_000_000} megapixels")
    if min(width, height) < SMALLEST:
        raise Unusable(f"{width}x{height} pixels, smaller than {SMALLEST}")


def _whole(file: BinaryIO, image: Image.Image, depth: int) -> tuple[Image.Image, int]:
    _check_size(image)
    with _one_at_a_time(image):
        return _plain_upright(file, image, depth)


def _decode(file: BinaryIO, image: Image.Image, size: int, fit: str, depth: int) -> Decoded:
    _check_size(image)
    # a JPEG is decoded at a fraction of its size where that still leaves twice what is needed
    image.draft(None, (2 * size, 2 * size))
    deep = _is_deep(file, image)
    with _one_at_a_time(image):
        upright, taken = _plain_upright(file, image, depth)
        pixels = square(upright.convert("RGB"), size, fit)
    animated = False
    with suppress(Exception):  # a damaged second frame doesn't matter: the first one is whole
        # the second frame of an MPO (a phone's JPEG) is a preview, not an animation
        animated = image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return Decoded(pixels, animated, deep, taken)


def _one_at_a_time(image: Image.Image) -> AbstractContextManager[object]:
    return _one_large if image.width * image.height > LARGE_PIXELS else nullcontext()


def _plain_upright(file: BinaryIO, image: Image.Image, depth: int) -> tuple[Image.Image, int]:
    """The picture as `plain` has it, and the bits of a channel that were taken for the whole range."""
    image.load()
    declared = deep_files.bits(file, image)
    wanted = declared if not depth and declared in DEPTHS[1:-1] else depth
    if (colours := dim_colours(file, image)) is not None:
        return plain(Image.fromarray(eight_bits(colours, wanted))), wanted or used(colours)
    with suppress(Exception):  # damaged EXIF is no reason to lose the picture
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        levels = _levels(image)
        return Image.fromarray(eight_bits(levels[:, :, None], wanted)[:, :, 0]), wanted or used(levels)
    return plain(image), max(DEPTHS[0], declared)


def _is_deep(file: BinaryIO, image: Image.Image) -> bool:
    return image.mode.startswith("I") or deep_files.bits(file, image) > 8


def dim_colours(file: BinaryIO, image: Image.Image) -> np.ndarray | None:
    """Colours of 16 bits, uint16 (H, W, C), of which Pillow keeps the upper 8 alone; None where these are enough.

    Raises what Pillow, png16 and tifffile raise for damaged files.
    """
    if image.mode.startswith("I") or deep_files.bits(file, image) != 16:
        return None
    upper = np.asarray(image)
    if int(upper[:, :, :3].max(initial=0)) > white(DEPTHS[-2]) >> 8:
        return None  # all 16 bits are used
    return deep_files.colours(file, image, MAX_PIXELS)


def plain(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey (`L`) or colour (`RGB`): deep pixels scaled by the bits that they use, transparency laid
    on white.
    """
    if image.mode == "F":
        raise Unusable("floating-point pixels, whose range isn't known; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return Image.fromarray(eight_bits(_levels(image)[:, :, None])[:, :, 0])
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _levels(image: Image.Image) -> np.ndarray:
    """Deep grey as uint16 (H, W)."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise Unusable("32-bit pixels, whose range isn't known; save it with 8 or 16 bits")
    return values.astype(np.uint16)


def square(image: Image.Image, size: int, fit: str = CROP) -> np.ndarray:
    """An `L` or `RGB` image as uint8 (C, size, size), by one of fits.FITS; Lanczos to downscale, bicubic to upscale."""
    # Lanczos rings visibly around the hard edges of small pictures that are enlarged
    shrinks = (max if fit == PAD else min)(image.size) >= size
    resample = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    if image.size == (size, size):
        pixels = np.asarray(image)
    elif fit == CROP:
        pixels = np.asarray(ImageOps.fit(image, (size, size), resample))
    elif fit == STRETCH:
        pixels = np.asarray(image.resize((size, size), resample))
    else:
        sides = [max(1, round(side * size / max(image.size))) for side in image.size]
        pixels = _padded(np.asarray(image.resize((sides[0], sides[1]), resample)), size)
    # (H, W) -> (1, H, W), or (H, W, C) -> (C, H, W)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _padded(pixels: np.ndarray, size: int) -> np.ndarray:
    """(H, W[, C]) in the middle of (size, size[, C]), mirrored at its borders: bars of one colour would be learnt."""
    missing = [size - side for side in pixels.shape[:2]]
    around = [(most // 2, most - most // 2) for most in missing]
    return np.pad(pixels, [*around, (0, 0)][: pixels.ndim], "symmetric")


def in_threads(function: Callable[[Taken], Made], items: Iterable[Taken], chunk: int = 64) -> Iterator[Made]:
    """`map` in a few threads and in order, never more than a chunk ahead of who takes the results."""
    rest = iter(items)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        while batch := list(islice(rest, chunk)):
            yield from pool.map(function, batch)
