"""Uploaded pictures: size and format are checked before decoding, and the file is deleted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from gan_core.errors import BadData
from gan_core.pictures import deep_files
from gan_core.pictures.decoding import Unusable, dim_colours, plain
from gan_core.pictures.depth import eight_bits

MOST_BYTES = 10_000_000
LARGE_BYTES = 100_000_000  # for enlarging; the server accepts no larger file
MOST_PIXELS = 25_000_000
LEAST_SIDE = 8  # pixels
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")


@dataclass(frozen=True)
class Limits:
    """Limits of an upload."""

    bytes: int = MOST_BYTES
    pixels: int = MOST_PIXELS
    side: int = LEAST_SIDE
    formats: tuple[str, ...] = FORMATS


USUAL = Limits()


@contextmanager
def received(path: str, limits: Limits = USUAL) -> Iterator[Image.Image]:
    """Opens an uploaded file as a picture with a checked header; always deletes the file afterwards.

    Raises BadData that says what the visitor can do.
    """
    file = Path(path)
    try:
        yield picture_of(_content(file, limits), limits)
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _content(file: Path, limits: Limits) -> bytes:
    try:
        if file.stat().st_size > limits.bytes:
            raise BadData("The file is larger than {size} MB.", size=limits.bytes // 1_000_000)
        return file.read_bytes()
    except OSError:
        raise BadData("The upload didn't arrive. Try again.") from None


def picture_of(content: bytes, limits: Limits = USUAL) -> Image.Image:
    """A file's content as a picture whose header was checked; raises BadData."""
    try:
        image = Image.open(io.BytesIO(content), formats=limits.formats)
    except UnidentifiedImageError:
        names = ", ".join(limits.formats).replace("WEBP", "WebP")
        raise BadData("This isn't a picture in an accepted format ({formats}).", formats=names) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(limits) from None
    except Exception:  # decoders raise almost anything on damaged or hostile files
        raise BadData("The picture is damaged or incomplete.") from None
    if image.width * image.height > limits.pixels:
        raise _too_many(limits)
    if min(image.size) < limits.side:
        raise BadData("The picture is smaller than {least} pixels.", least=limits.side)
    try:
        colours = dim_colours(io.BytesIO(content), image)
    except Exception:
        raise BadData("The picture is damaged or incomplete.") from None
    return image if colours is None else Image.fromarray(eight_bits(colours))


def _too_many(limits: Limits) -> BadData:
    return BadData("The picture has more than {count} megapixels.", count=limits.pixels // 1_000_000)


def clean(image: Image.Image, most: int = 1024) -> Image.Image:
    """Returns the decoded first frame as RGB, upright, without EXIF or other data, at most `most` pixels wide.

    Raises BadData.
    """
    try:
        image.draft("RGB", (most, most))
        image.load()
        upright = deep_files.upright(image)
        rgb = plain(upright).convert("RGB")
    except Unusable as error:
        raise BadData("The picture can't be used: {reason}.", reason=str(error)) from None
    except Exception:  # as above
        raise BadData("The picture is damaged or incomplete.") from None
    rgb.thumbnail((most, most), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", rgb.size)
    bare.paste(rgb)
    return bare
