"""Pictures as answers: PNG, WebP, or JSON with nested lists or base64.

`format` in the request decides, else the Accept header, else PNG. Several pictures are one grid in a PNG or WebP, as
`ganscope sample` makes it, and a list in JSON.
"""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.responses import JSONResponse, Response

from gan_core.pictures.grids import grid
from gan_core.pictures.photos import check_sides
from serving.errors import Refused
from ui.studio.view.pictures import FAST, MARK, MARK_KEY, QUALITY

Format = Literal["png", "webp", "json", "base64"]
TYPES: dict[str, Format] = {"image/png": "png", "image/webp": "webp", "application/json": "json"}
ANY = {"*/*": "png", "image/*": "png", "application/*": "json"}
MOST_LISTED = 2**20  # numbers in nested lists: 20 bytes of JSON each
SOFTWARE = 0x0131  # the EXIF tag for the software that made a picture
SEED, SHA256, PSNR = "X-Seed", "X-Model-SHA256", "X-PSNR"


def wanted(format: Format | None, accept: str) -> Format:
    """The format of an answer; raises Refused (406) if none of the accepted ones is available."""
    if format is not None:
        return format
    kinds = sorted(filter(None, map(_kind, accept.lower().split(","))), reverse=True, key=lambda one: one[1])
    if not kinds:
        return "png"
    for name, share in kinds:
        found = TYPES.get(name) or ANY.get(name)
        if found and share > 0:
            return found  # type: ignore[return-value]
    valid = ", ".join(TYPES)
    raise Refused(406, f"Accept must name one of: {valid}. Or set format to one of: png, webp, json, base64.")


def _kind(text: str) -> tuple[str, float] | None:
    """A media type and its weight."""
    name, *parameters = (part.strip() for part in text.split(";"))
    if not name:
        return None
    weight = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


def answer(
    levels: np.ndarray, format: Format, columns: int = 8, facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    """Levels uint8 (count, H, W, C) as an answer; `facts` are added to JSON. Raises Refused for too long lists, and
    BadValue for pictures that are too wide or too high for WebP.
    """
    headers = dict(headers or {})
    if format in ("png", "webp"):
        image = grid(levels, columns) if len(levels) > 1 else image_of(levels[0])
        check_sides(format, image.height, image.width)
        return Response(encoded(image, format), media_type=f"image/{format}", headers=headers)
    described = {**(facts or {}), "shape": list(levels.shape)}
    if format == "json":
        if levels.size > MOST_LISTED:
            raise Refused(422, f"Nested lists hold {MOST_LISTED:,} numbers at most, and this would be "
                               f"{levels.size:,}. Ask for png, webp or base64.")  # fmt: skip
        return JSONResponse({**described, "images": levels.tolist()}, headers=headers)
    pictures = [base64.b64encode(encoded(image_of(one), "png")).decode() for one in levels]
    return JSONResponse({**described, "images": pictures}, headers=headers)


def image_of(levels: np.ndarray) -> Image.Image:
    """(H, W, C) as an image."""
    return Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)


def encoded(image: Image.Image, format: str) -> bytes:
    """A generated picture as a file that states that it is generated."""
    buffer = io.BytesIO()
    if format == "webp":
        exif = Image.Exif()
        exif[SOFTWARE] = MARK
        image.save(buffer, "WEBP", quality=QUALITY, method=0, exif=exif)
    else:
        texts = PngInfo()
        texts.add_text(MARK_KEY, MARK)
        # without a search for repetitions: a third of the time, and no larger for what generators draw
        image.save(buffer, "PNG", pnginfo=texts, compress_level=FAST, compress_type=zlib.Z_HUFFMAN_ONLY)
    return buffer.getvalue()
