"""Pictures from latents: /v1/generate, /v1/edit, /v1/mix."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response

from gan_core.errors import BadValue
from gan_core.latent.edits import edited
from gan_core.latent.mixing import mixed
from gan_core.latent.points import Points
from gan_core.latent.truncation import Truncation, truncated
from serving.bodies import Drawn, Edit, Generate, Mix
from serving.catalogue import DRAWING, MIXING
from serving.drawing import Wish, bare_points, given_points, wish_of
from serving.routes.common import PICTURES, answered, format_of, headers_of, noted, service_of
from serving.service import Counter
from ui.studio.models.opened import Opened
from ui.studio.view.bands import band_layers
from ui.studio.view.view import MOST_SEED, edit_of, edits_of

if TYPE_CHECKING:
    from gan_core.latent.explorer import Explorer

router = APIRouter(prefix="/v1", tags=["drawing"])
_random = random.SystemRandom()


@router.post("/generate", responses=PICTURES, response_class=Response)
async def generate(request: Request, body: Generate) -> Response:
    """Draws pictures by their seed, class and truncation."""
    counter = await opened_for(request, body.model, DRAWING)
    seed = None if body.latents is not None else _seed(body.seed)
    explorer = counter.drawer.explorer
    if body.latents is None:
        points = bare_points(explorer, body.count, seed or 0, body.label)
    elif body.seed is not None or body.count != 1:
        raise BadValue("Give latents, or seed and count, but not both.")
    else:
        points = given_points(explorer, body.latents, body.label)
    return await _drawn(request, body, counter, wish_of(explorer, points, body.truncation), seed, body.label is None)


@router.post("/edit", responses=PICTURES, response_class=Response)
async def edit(request: Request, body: Edit) -> Response:
    """Draws one picture, moved along directions such as mouth: smile or PCA 1."""
    counter = await opened_for(request, body.model, DRAWING)
    seed = _seed(body.seed)
    points = await asyncio.to_thread(_moved, counter.drawer.model, counter.drawer.explorer, body, seed)
    return await _drawn(request, body, counter, Wish(points), seed)


@router.post("/mix", responses=PICTURES, response_class=Response)
async def mix(request: Request, body: Mix) -> Response:
    """Draws picture A with a band of picture B's layers."""
    counter = await opened_for(request, body.model, MIXING)
    points = await asyncio.to_thread(_mixed, counter.drawer.explorer, body)
    return await _drawn(request, body, counter, Wish(points), f"{body.seed_a},{body.seed_b}")


async def opened_for(request: Request, name: str, kind: str) -> Counter:
    """Returns the requested model; raises UnknownName, BadValue, and what opening it raises."""
    service = service_of(request)
    chosen = service.catalogue.chosen(name, kind)
    noted(request, model=chosen)
    found = service.open_counter(chosen)
    return await asyncio.to_thread(service.counter, chosen) if found is None else found


def _seed(seed: int | None) -> int:
    return _random.randint(0, MOST_SEED) if seed is None else seed


async def _drawn(
    request: Request, body: Drawn, counter: Counter, wish: Wish, seed: object, of_all_classes: bool = False
) -> Response:
    format = format_of(request, body.format)
    levels: np.ndarray = await service_of(request).drawn(request, counter, wish)
    noted(request, pictures=len(levels), engine=counter.drawer.engine)
    model = counter.drawer.model
    facts: dict[str, Any] = {"model": model.name, "seed": seed, "sha256": model.card.sha256}
    columns = counter.drawer.explorer.sampler.columns if of_all_classes else 8
    return await answered(levels, format, columns, facts, headers_of(model.card, seed))


def placed(explorer: Explorer, seed: int, label: int | str | None, psi: float | None) -> Points:
    """The point of a seed, truncated; raises BadValue."""
    points = explorer.sample(1, seed, label)
    if psi is None:
        return points
    return truncated(explorer, points, Truncation(psi))


def _moved(model: Opened, explorer: Explorer, body: Edit, seed: int) -> Points:
    text = body.edits if isinstance(body.edits, str) else _as_links(body.edits)
    changes = [edit_of(change, model) for change in edits_of(text, model)]
    return edited(explorer, placed(explorer, seed, body.label, body.truncation), changes)


def _as_links(edits: dict[str, float]) -> str:
    """Formats edits for `edits_of`: strengths without an exponent."""
    return ",".join(f"{name}*{strength:.6f}" for name, strength in edits.items())


def _mixed(explorer: Explorer, body: Mix) -> Points:
    a, b = (placed(explorer, seed, None, body.truncation) for seed in (body.seed_a, body.seed_b))
    return mixed(explorer, a, b, band_layers(explorer.layers, body.band, body.first_layer))
