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
from gan_core.pictures.depth import DEPTHS, WHOLE, eight_bits, used, white
from gan_core.pictures.fits import CROP, PAD, STRETCH

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")  # where only the name is known
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF"
SMALLEST = 8  # pixels, the shorter side
MAX_PIXELS = 64_000_000
MAX_BYTES = 200_000_000  # of one file
LARGE_PIXELS = 8_000_000  # larger images are decoded one at a time, to limit memory

_one_large = threading.Lock()
Taken = TypeVar("Taken")
Made = TypeVar("Made")


class Unusable(Exception):
    """An image file cannot be used; the message is displayed next to its name."""


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 (3, size, size), and properties of the file."""

    pixels: np.ndarray
    animated: bool  # more than one frame; the first one is used
    deep: bool = False  # more than 8 bits per channel
    depth: int = 8  # effective bits per channel


def decode(file: BinaryIO, size: int, fit: str = CROP, depth: int = 0) -> Decoded:
    """An image file as a colour square of `size` pixels. Raises Unusable.

    `depth` is the effective bit depth of a 16-bit file; 0 detects it.
    """
    return _guarded(file, lambda image: _decode(file, image, size, fit, depth))


def opened(file: BinaryIO, depth: int = 0) -> Image.Image:
    """A whole image file as `L` or `RGB`; `depth` as in `decode`. Raises Unusable."""
    return _guarded(file, lambda image: _whole(file, image, depth)[0])


def deep_bits(file: BinaryIO) -> int:
    """The effective bit depth of a file with more than 8 bits per channel; 0 for others, which are not decoded.

    Raises Unusable.
    """
    return _guarded(file, lambda image: _whole(file, image, 0)[1] if _is_deep(file, image) else 0)


def _guarded(file: BinaryIO, read: Callable[[Image.Image], Made]) -> Made:
    try:
        with Image.open(file, formats=FORMATS) as image:
            return read(image)
    except Unusable:
        raise
    except BadData as error:  # the depth cannot hold all values
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
    # JPEGs are decoded at reduced size, of at least twice the needed resolution
    image.draft(None, (2 * size, 2 * size))
    deep = _is_deep(file, image)
    with _one_at_a_time(image):
        upright, taken = _plain_upright(file, image, depth)
        pixels = square(upright.convert("RGB"), size, fit)
    animated = False
    with suppress(Exception):  # a damaged second frame does not matter
        # the second frame of an MPO (a phone's JPEG) is a preview, not an animation
        animated = image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return Decoded(pixels, animated, deep, taken)


def _one_at_a_time(image: Image.Image) -> AbstractContextManager[object]:
    return _one_large if image.width * image.height > LARGE_PIXELS else nullcontext()


def _plain_upright(file: BinaryIO, image: Image.Image, depth: int) -> tuple[Image.Image, int]:
    """The image as `plain` returns it, upright, and its effective bit depth."""
    image.load()
    declared = deep_files.bits(file, image)
    wanted = declared if not depth and declared in DEPTHS[1:-1] else depth
    if (colours := dim_colours(file, image, wanted)) is not None:
        return plain(Image.fromarray(eight_bits(colours, wanted))), wanted or used(colours)
    negative = deep_files.is_negative(image)
    with suppress(Exception):  # damaged EXIF data is ignored
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        return _grey(image, wanted, negative)
    return plain(image), max(DEPTHS[0], declared)


def _is_deep(file: BinaryIO, image: Image.Image) -> bool:
    return image.mode.startswith("I") or deep_files.bits(file, image) > 8


def dim_colours(file: BinaryIO, image: Image.Image, depth: int = 0) -> np.ndarray | None:
    """16-bit colours, uint16 (H, W, C), if Pillow's upper 8 bits would lose most of their range, or if they are said to
    have a smaller `depth`; otherwise None.

    Raises the errors of Pillow, png16 and tifffile for damaged files.
    """
    if image.mode.startswith("I") or deep_files.bits(file, image) != 16:
        return None
    upper = np.asarray(image)
    if depth in (0, WHOLE) and int(upper[:, :, :3].max(initial=0)) > white(DEPTHS[-2]) >> 8:
        return None  # all 16 bits are used
    return deep_files.colours(file, image, MAX_PIXELS)


def plain(image: Image.Image) -> Image.Image:
    """The image as 8-bit `L` or `RGB`: deep pixels scaled by their effective depth, transparency laid on white."""
    if image.mode == "F":
        raise Unusable("floating-point pixels, whose range isn't known; save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _grey(image)[0]
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _grey(image: Image.Image, wanted: int = 0, negative: bool = False) -> tuple[Image.Image, int]:
    """16-bit greyscale as 8 bits, a transparent level as white, and its effective bit depth."""
    levels = _levels(image)
    clear = levels == image.info.get("transparency", -1)
    levels[clear] = 0
    levels = 65535 - levels if negative else levels
    grey = eight_bits(levels[:, :, None], wanted)[:, :, 0]
    grey[clear] = 255
    return Image.fromarray(grey), wanted or used(levels)


def _levels(image: Image.Image) -> np.ndarray:
    """16-bit greyscale as uint16 (H, W)."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0:
        raise Unusable("signed pixels with negative values; save it with 8 or 16 bits without sign")
    if values.max() > 65535:
        raise Unusable("32-bit pixels, whose range isn't known; save it with 8 or 16 bits")
    return values.astype(np.uint16)


def square(image: Image.Image, size: int, fit: str = CROP) -> np.ndarray:
    """An `L` or `RGB` image as uint8 (C, size, size), by one of fits.FITS; Lanczos to downscale, bicubic to upscale."""
    # Lanczos rings visibly around hard edges when small images are enlarged
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
    """(H, W[, C]) centred in (size, size[, C]), padded by reflection, as networks would learn plain bars."""
    missing = [size - side for side in pixels.shape[:2]]
    around = [(most // 2, most - most // 2) for most in missing]
    return np.pad(pixels, [*around, (0, 0)][: pixels.ndim], "symmetric")


def in_threads(function: Callable[[Taken], Made], items: Iterable[Taken], chunk: int = 64) -> Iterator[Made]:
    """`map` in a few threads, in order, at most one chunk ahead of the consumer."""
    rest = iter(items)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        while batch := list(islice(rest, chunk)):
            yield from pool.map(function, batch)
