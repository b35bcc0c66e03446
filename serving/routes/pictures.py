"""Pictures from given ones: /v1/translate and /v1/inpaint. A picture comes as a part of a form, never as an address."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from fastapi import APIRouter, Form, Request, Response, UploadFile
from PIL import Image

from gan_core.errors import BadValue
from gan_core.pictures.grids import to_uint8
from serving.answers import Format
from serving.bodies import MODEL, Name
from serving.routes.common import PICTURES, answered, content_of, format_of, headers_of, noted, rgb_of, service_of
from ui.studio.models.image_models import TRANSLATING, ImageModel, open_image_model, taken
from ui.studio.requests.uploads import picture_of

OPAQUE = 128  # from here on a mask's pixel counts as painted, of 255

router = APIRouter(prefix="/v1", tags=["pictures"])


@router.post("/translate", responses=PICTURES, response_class=Response)
async def translate(
    request: Request,
    picture: UploadFile,
    model: Annotated[Name, Form(description=MODEL)] = "",
    direction: Annotated[Name, Form(description="Of a model with two. By default the first.")] = "",
    strength: Annotated[float | None, Form(ge=0, le=1, allow_inf_nan=False)] = None,
    format: Annotated[Format | None, Form()] = None,
) -> Response:
    """Makes another kind of picture of a picture, such as a coloured one of a drawing."""
    wanted, content = format_of(request, format), await content_of(picture)
    name = service_of(request).catalogue.chosen(model, "translate")
    noted(request, model=name)

    def work() -> tuple[ImageModel, np.ndarray]:
        worker = open_image_model(name, TRANSLATING)
        if strength is not None:
            if worker.strength is None:
                raise BadValue("{name} has no strength to choose.", name=name)
            worker = worker.at(strength)
        return worker, to_uint8(worker.sampler.translate(taken(worker, rgb_of(content)), direction))

    worker, levels = await service_of(request).worked(request, work)
    return await answered(levels, wanted, 1, {"model": name, "sha256": worker.card.sha256}, headers_of(worker.card))


@router.post("/inpaint", responses=PICTURES, response_class=Response)
async def inpaint(
    request: Request,
    picture: UploadFile,
    mask: UploadFile,
    model: Annotated[Name, Form(description=MODEL)] = "",
    format: Annotated[Format | None, Form()] = None,
) -> Response:
    """Fills in a part of a picture: where the mask is opaque, or white if it has no transparency."""
    wanted, contents = format_of(request, format), (await content_of(picture), await content_of(mask))
    name = service_of(request).catalogue.chosen(model, "inpaint")
    noted(request, model=name)

    def work() -> tuple[ImageModel, np.ndarray]:
        worker = open_image_model(name, ("inpainting",))
        image, hole = rgb_of(contents[0]), _mask(contents[1])
        painted = _painted(hole, image, worker.size)
        return worker, to_uint8(worker.sampler.fill(taken(worker, image), painted))

    worker, levels = await service_of(request).worked(request, work)
    return await answered(levels, wanted, 1, {"model": name, "sha256": worker.card.sha256}, headers_of(worker.card))


def _mask(content: bytes) -> Image.Image:
    """Grey, white where it is painted; raises BadData."""
    image = picture_of(content)
    if not image.has_transparency_data:
        return rgb_of(content).convert("L")
    rgb_of(content)  # raises where it is broken
    return image.convert("RGBA").getchannel("A")


def _painted(mask: Image.Image, image: Image.Image, size: int) -> torch.Tensor:
    """(1, 1, size, size), true where the mask is painted; raises BadValue for one of another shape than the picture."""
    if not 0.95 < (mask.width * image.height) / (mask.height * image.width) < 1.05:
        raise BadValue(
            "The mask ({wide} x {high} pixels) must have the same shape as the picture ({width} x {height}).",
            wide=mask.width, high=mask.height, width=image.width, height=image.height,
        )  # fmt: skip
    side = min(mask.size)
    left, top = (mask.width - side) // 2, (mask.height - side) // 2
    square = mask.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(square) >= OPAQUE)[None, None]  # (H, W) -> (1, 1, H, W)
