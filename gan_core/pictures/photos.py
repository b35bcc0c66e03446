"""Whole pictures as arrays (H, W, C) of uint8 or uint16: grey or colours, with alpha or without; from files and back.

Pillow holds colours of 8 bits alone, so files of 16 bits are read by deep_files.py, and PNG is written by png16.py; all
else is read as 8 bits (`levels_lost`). Arrays of 16 bits keep the file's levels: depth.py says which of them is white.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_core.disk import replacing
from gan_core.errors import BadData, BadValue
from gan_core.pictures import deep_files, png16
from gan_core.pictures.decoding import ACCEPTED, FORMATS, MAX_BYTES, plain, square
from gan_core.pictures.depth import eight_bits
from gan_core.pictures.fits import CROP

MOST_PIXELS = 16 * 2**20  # of a picture that is enlarged
MOST_RESULT = 64 * 2**20  # pixels
OPAQUE = (".jpg", ".jpeg")
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def sample_photo(name: str) -> Image.Image:
    """One of the photos that come with scikit-learn (CC BY 2.0): `flower.jpg` or `china.jpg`, 640 x 427 in RGB.

    Found without importing scikit-learn, which takes seconds.
    """
    found = importlib.util.find_spec("sklearn")
    with Image.open(Path(str(found and found.origin)).parent / "datasets" / "images" / name) as file:
        return file.convert("RGB")


def most_pixels(scale: int) -> int:
    """Of a picture that is enlarged so many times."""
    return min(MOST_PIXELS, MOST_RESULT // scale**2)


def array_of(image: Image.Image) -> np.ndarray:
    """The first frame, upright, as it is: uint8, or uint16 of deep grey. Palettes and CMYK become RGB.

    Raises BadData for pixels whose range isn't known.
    """
    upright = ImageOps.exif_transpose(image)
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
        raise BadData("The range of these pixels isn't known; save the picture with 8 or 16 bits.")
    return values.astype(np.uint16)[:, :, None]


def image_of(array: np.ndarray) -> Image.Image:
    """An image of an array (H, W, C); raises BadValue for colours of 16 bits, which Pillow can't hold."""
    channels = array.shape[2]
    if array.dtype == np.uint16 and channels > 1:
        raise BadValue("Pictures in colour or with alpha can have 16 bits in PNG files alone.")
    return Image.fromarray(array[:, :, 0] if channels == 1 else array)


def fitted(array: np.ndarray, size: int, channels: int, fit: str = CROP, depth: int = 0) -> np.ndarray:
    """A square of `size` pixels by one of own.FITS, uint8 (C, size, size), grey or in colour; clear becomes white.

    `depth` is how many bits of 16 are used; 0: as many as the levels need. Raises BadData where it holds less.
    """
    levels = image_of(eight_bits(array, depth))
    return square(plain(levels).convert("L" if channels == 1 else "RGB"), size, fit)


def read(path: Path, most_pixels: int) -> np.ndarray:
    """A picture file; sizes are checked before anything is decoded. Raises BadData, which names the file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadData("{file} is larger than {size} MB.", file=path.name, size=MAX_BYTES // 1_000_000)
        with path.open("rb") as file:
            return read_from(file, most_pixels, path.name)
    except FileNotFoundError:
        raise BadData("There is no file {file}.", file=path) from None
    except OSError as error:
        raise BadData("{file} is broken or cut off ({reason}).", file=path.name, reason=error) from error


def read_from(file: BinaryIO, most_pixels: int, name: str) -> np.ndarray:
    """The same of an open file; raises BadData, which calls it by `name`."""
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
        raise BadData("{file} is no picture of an accepted format ({formats}).", file=name, formats=ACCEPTED) from None
    except Exception as error:  # decoders raise nearly anything on a damaged or hostile file
        raise BadData("{file} is broken or cut off ({reason}).", file=name, reason=error) from error


def _too_many(name: str, most: int) -> BadData:
    return BadData("{file} has more than {most} megapixels.", file=name, most=f"{most / 2**20:.0f}")


def levels_lost(path: Path, array: np.ndarray) -> bool:
    """Whether a file has more than 8 bits a channel, and the array that was read from it 8."""
    if array.dtype != np.uint8:
        return False
    with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        return deep_files.bits(file, image) > 8


def write(path: Path, array: np.ndarray) -> None:
    """Writes a picture, whole or not at all, in the format that the name's ending says; raises BadValue."""
    check_ending(path, array)
    with replacing(path) as temporary:
        if array.dtype == np.uint16:
            with temporary.open("wb") as file:
                for part in png16.encoded(array):
                    file.write(part)
        else:
            image_of(array).save(temporary, format=Image.registered_extensions()[path.suffix.lower()])


def check_ending(path: Path, array: np.ndarray | None = None) -> None:
    """Raises BadValue for a name that can't be written, or that can't hold such a picture."""
    ending = path.suffix.lower()
    valid = [name for name in ENDINGS if _fits(name, array)]
    if ending not in valid:
        raise BadValue("{file} can't be written: valid endings are {valid}.", file=path.name, valid=", ".join(valid))


def _fits(ending: str, array: np.ndarray | None) -> bool:
    if array is None:
        return True
    return ending == ".png" or (array.dtype == np.uint8 and (array.shape[2] in (1, 3) or ending not in OPAQUE))
