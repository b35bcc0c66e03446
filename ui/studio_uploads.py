"""Pictures from strangers: sizes and format are checked before anything is decoded, and the file is deleted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from gan_core.data.images import Unusable, plain
from gan_core.errors import BadData

MOST_BYTES = 10_000_000
MOST_PIXELS = 25_000_000
LEAST_SIDE = 8  # pixels
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP"


@contextmanager
def received(path: str) -> Iterator[Image.Image]:
    """An uploaded file as a picture whose header was checked; the file is deleted after it, whatever happens.

    Raises BadData with what a visitor can do about it.
    """
    file = Path(path)
    try:
        yield _opened(_content(file))
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadData("The file is larger than {size} MB.", size=MOST_BYTES // 1_000_000)
        return file.read_bytes()
    except OSError:
        raise BadData("The upload did not arrive. Please try again.") from None


def _opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise BadData("This is no picture of an accepted format ({formats}).", formats=ACCEPTED) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many() from None
    except Exception:  # decoders raise nearly anything on a damaged or hostile file
        raise BadData("The picture is broken or cut off.") from None
    if image.width * image.height > MOST_PIXELS:
        raise _too_many()
    if min(image.size) < LEAST_SIDE:
        raise BadData("The picture is smaller than {least} pixels.", least=LEAST_SIDE)
    return image


def _too_many() -> BadData:
    return BadData("The picture has more than {count} megapixels.", count=MOST_PIXELS // 1_000_000)


def clean(image: Image.Image, most: int = 1024) -> Image.Image:
    """The decoded first frame as RGB, turned upright, without EXIF or any other data; `most` pixels wide at most.

    Raises BadData.
    """
    from PIL import ImageOps

    try:
        image.draft("RGB", (most, most))
        image.load()
        upright = ImageOps.exif_transpose(image)
        rgb = plain(upright).convert("RGB")
    except Unusable as error:
        raise BadData("The picture can't be used: {reason}.", reason=str(error)) from None
    except Exception:  # as above
        raise BadData("The picture is broken or cut off.") from None
    rgb.thumbnail((most, most), Image.Resampling.LANCZOS)
    bare = Image.new("RGB", rgb.size)
    bare.paste(rgb)
    return bare
