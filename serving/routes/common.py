"""Shared by the routes: the service, the client, and the input and output of pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
from fastapi import Request, Response, UploadFile
from PIL import Image

from gan_core.models.card import Card
from serving import answers
from serving.errors import Refused
from serving.guard import NOTES
from serving.service import Service
from ui.studio.requests.uploads import USUAL, Limits, clean, picture_of

AT_ONCE = 256**2  # pixels up to which a picture is encoded without leaving the event loop, which takes 1 ms

PICTURE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
PICTURES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The pictures: one, or a grid of several. JSON has a list of them in images.",
        "content": {"image/png": PICTURE, "image/webp": PICTURE, "application/json": {"schema": {"type": "object"}}},
        "headers": {
            answers.SEED: {"description": "The seed.", "schema": {"type": "string"}},
            answers.SHA256: {"description": "Of the model's weights.", "schema": {"type": "string"}},
        },
    }
}
SAMPLES: dict[int | str, dict[str, Any]] = {
    200: {
        **PICTURES[200],
        "description": "Pictures, or a file of the model's medium. JSON has a list of images, samples or files.",
        "content": dict.fromkeys(answers.FORMATS.values(), PICTURE) | PICTURES[200]["content"],
    }
}


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def client_of(request: Request) -> str:
    """Returns the owner of a job: the key's name, or "" if there are no keys."""
    client = str(request.scope[NOTES].get("client", ""))
    return client if client.startswith("key ") else ""


def noted(request: Request, **facts: object) -> None:
    """Adds values to this request's log line."""
    request.scope[NOTES].update(facts)


def format_of(request: Request, format: str | None, formats: Mapping[str, str] = answers.PICTURES) -> str:
    """The format of the answer among those available; raises BadValue and Refused."""
    return answers.wanted(format, request.headers.get("accept", ""), formats)


def headers_of(card: Card, seed: object = None) -> dict[str, str]:
    known = {answers.SHA256: card.sha256}
    return known if seed is None else {answers.SEED: str(seed), **known}


async def answered(
    levels: np.ndarray, format: str, columns: int, facts: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    """The answer, encoded in a thread where that takes a while."""
    given = levels, format, columns, facts, headers
    if format in ("png", "webp") and len(levels) * levels.shape[1] * levels.shape[2] <= AT_ONCE:
        return answers.answer(*given)
    return await asyncio.to_thread(answers.answer, *given)


async def content_of(upload: UploadFile, limits: Limits = USUAL) -> bytes:
    """Returns the bytes of an upload; raises Refused if there are too many."""
    content = await upload.read(limits.bytes + 1)
    if len(content) > limits.bytes:
        raise Refused(413, f"The file is larger than {limits.bytes // 1_000_000} MB.")
    return content


def rgb_of(content: bytes) -> Image.Image:
    """Returns a client's picture in the form that the Studio uses; raises BadData."""
    return clean(picture_of(content))
