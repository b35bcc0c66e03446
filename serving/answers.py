"""Samples as answers: PNG, WebP, or JSON with nested lists or base64, and the file formats of each medium.

`format` in the request decides, else the Accept header, else the first format of the model's task: PNG for pictures.
Several pictures are one grid in a PNG or WebP, and several samples of a medium one file, as `ganscope sample` writes
it; in JSON they are a list.
"""

from __future__ import annotations

import base64
import io
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from starlette.responses import JSONResponse, Response

from gan_core.errors import BadValue
from gan_core.media import Medium, media, medium_of
from gan_core.models.sampler import Sampler
from gan_core.models.showing import sheet
from gan_core.pictures.grids import grid
from gan_core.pictures.photos import check_sides
from serving.errors import Refused
from ui.studio.view.pictures import FAST, MARK, MARK_KEY, QUALITY

Format = Literal["png", "webp", "json", "base64"]
JSON = "application/json"
PICTURES: Mapping[str, str] = {"png": "image/png", "webp": "image/webp", "json": JSON, "base64": JSON}  # default first
POINTS = {name: type for name, type in PICTURES.items() if name != "base64"}  # there is no file for each point
MOST_LISTED = 2**20  # numbers in nested lists: 20 bytes of JSON each
SOFTWARE = 0x0131  # the EXIF tag for the software that made a picture
SEED, SHA256, PSNR = "X-Seed", "X-Model-SHA256", "X-PSNR"


def formats_of(task: str) -> Mapping[str, str]:
    """Name and media type of each format that samples of a task come in, the default first."""
    medium = medium_of(task)
    if medium is None:
        return POINTS if task == "points" else PICTURES
    return {**{suffix.removeprefix("."): type for suffix, type in medium.types.items()}, **PICTURES}


FORMATS = {name: type for one in media for name, type in formats_of(one.task).items()}  # of all models


def wanted(format: str | None, accept: str, formats: Mapping[str, str] = PICTURES) -> str:
    """The format of an answer; raises BadValue for one that isn't among `formats`, and Refused (406) if none of the
    accepted ones is.
    """
    if format is not None:
        if format not in formats:
            raise BadValue("Unknown format '{format}'. Valid: {valid}.", format=format, valid=", ".join(formats))
        return format
    kinds = sorted(filter(None, map(_kind, accept.lower().split(","))), reverse=True, key=lambda one: one[1])
    if not kinds:
        return next(iter(formats))
    for name, share in kinds:
        for one, type in formats.items():
            if share > 0 and name in (type, f"{type.partition('/')[0]}/*", "*/*"):
                return one
    valid = ", ".join(dict.fromkeys(formats.values()))
    raise Refused(406, f"Accept must name one of: {valid}. Or set format to one of: {', '.join(formats)}.")


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
    levels: np.ndarray, format: str, columns: int = 8, facts: Mapping[str, Any] | None = None,
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
        return JSONResponse({**described, "images": _listed(levels, PICTURES)}, headers=headers)
    pictures = [base64.b64encode(encoded(image_of(one), "png")).decode() for one in levels]
    return JSONResponse({**described, "images": pictures}, headers=headers)


def sampled(
    samples: np.ndarray, sampler: Sampler, format: str, facts: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """Samples (count, ...) that aren't pictures as an answer: their medium's file, or PNG and WebP of what they look
    like. JSON has them as numbers or as base64 of one file each, with their texts if they can be read. Raises as
    `answer`, and BadValue if a file can't hold them.
    """
    task, spec = sampler.recipe.task, sampler.spec
    formats, medium = formats_of(task), medium_of(task)
    if format in ("png", "webp"):
        image = sheet(sampler, torch.from_numpy(samples))
        check_sides(format, image.height, image.width)
        return Response(encoded(image, format), media_type=formats[format], headers=dict(headers))
    if format not in PICTURES:
        assert medium is not None
        return Response(_file(medium, samples, sampler, f".{format}"), media_type=formats[format],
                        headers=dict(headers))  # fmt: skip
    described = {**facts, "shape": list(samples.shape)}
    if format == "json":
        described["samples"] = _listed(np.nan_to_num(samples), formats)
    else:
        assert medium is not None
        suffix, type = next(iter(medium.types.items()))
        files = [_file(medium, one[None], sampler, suffix) for one in samples]
        described |= {"type": type, "files": [base64.b64encode(file).decode() for file in files]}
    if medium is not None and medium.texts is not None:
        described["texts"] = medium.texts(samples, spec)
    return JSONResponse(described, headers=dict(headers))


def _listed(values: np.ndarray, formats: Mapping[str, str]) -> Any:
    """Values as nested lists; raises Refused for too many."""
    if values.size > MOST_LISTED:
        others = ", ".join(name for name in formats if name != "json")
        raise Refused(422, f"Nested lists hold {MOST_LISTED:,} numbers at most, and this would be {values.size:,}. "
                           f"Choose another format: {others}.")  # fmt: skip
    return values.tolist()


def _file(medium: Medium, samples: np.ndarray, sampler: Sampler, suffix: str) -> bytes:
    """The content of a file with these samples, as `ganscope sample` writes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples{suffix}"
        medium.write(samples, sampler.spec, path)
        return path.read_bytes()


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
