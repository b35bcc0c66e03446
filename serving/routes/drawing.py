"""Pictures and other samples from latents: /v1/generate, /v1/edit, /v1/mix."""

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
from serving import answers
from serving.bodies import Edit, Generate, Label, Mix
from serving.catalogue import GENERATE
from serving.drawing import Wish
from serving.routes.common import PICTURES, SAMPLES, answered, format_of, headers_of, noted, service_of
from serving.sampling import Draft
from serving.service import Counter
from ui.studio.models.opened import Opened
from ui.studio.view.bands import band_layers
from ui.studio.view.view import MOST_SEED, edit_of, edits_of

if TYPE_CHECKING:
    from gan_core.latent.explorer import Explorer

router = APIRouter(prefix="/v1", tags=["drawing"])
_random = random.SystemRandom()


@router.post("/generate", responses=SAMPLES, response_class=Response)
async def generate(request: Request, body: Generate) -> Response:
    """Draws pictures, sounds, texts, music, molecules or films by their seed, class or sentence, and truncation."""
    if body.latents is not None and (body.seed is not None or body.count != 1):
        raise BadValue("Give latents, or seed and count, but not both.")
    counter = await opened_for(request, body.model, GENERATE)
    drawer, seed = counter.drawer, None if body.latents is not None else _seed(body.seed)
    format = format_of(request, body.format, answers.formats_of(drawer.card.task))
    wish = drawer.wish(body.count, seed or 0, body.label, body.latents, body.truncation)
    columns = drawer.sampler.columns if body.label is None else 8
    return await _drawn(request, format, counter, wish, seed, columns)


@router.post("/edit", responses=PICTURES, response_class=Response)
async def edit(request: Request, body: Edit) -> Response:
    """Draws one picture, moved along directions such as mouth: smile or PCA 1."""
    counter = await opened_for(request, body.model, "edit")
    drawer, seed = counter.explored, _seed(body.seed)
    points = await asyncio.to_thread(_moved, drawer.model, drawer.explorer, body, seed)
    return await _drawn(request, format_of(request, body.format), counter, Wish(points), seed)


@router.post("/mix", responses=PICTURES, response_class=Response)
async def mix(request: Request, body: Mix) -> Response:
    """Draws picture A with a band of picture B's layers."""
    counter = await opened_for(request, body.model, "mix")
    points = await asyncio.to_thread(_mixed, counter.explored.explorer, body)
    seeds = f"{body.seed_a},{body.seed_b}"
    return await _drawn(request, format_of(request, body.format), counter, Wish(points), seeds)


async def opened_for(request: Request, name: str, call: str) -> Counter:
    """Returns the requested model; raises UnknownName, BadValue, and what opening it raises."""
    service = service_of(request)
    chosen = service.catalogue.chosen(name, call)
    noted(request, model=chosen)
    found = service.open_counter(chosen)
    return await asyncio.to_thread(service.counter, chosen) if found is None else found


def _seed(seed: int | None) -> int:
    return _random.randint(0, MOST_SEED) if seed is None else seed


async def _drawn(
    request: Request, format: str, counter: Counter, wish: Wish | Draft, seed: object, columns: int = 8
) -> Response:
    made: np.ndarray = await service_of(request).drawn(request, counter, wish)
    drawer = counter.drawer
    noted(request, pictures=len(made), engine=drawer.engine)
    facts: dict[str, Any] = {"model": drawer.card.name, "seed": seed, "sha256": drawer.card.sha256}
    headers = headers_of(drawer.card, seed)
    if drawer.pictured:
        return await answered(made, format, columns, facts, headers)
    return await asyncio.to_thread(answers.sampled, made, drawer.sampler, format, facts, headers)


def placed(explorer: Explorer, seed: int, label: Label | None, psi: float | None) -> Points:
    """The point of a seed, truncated; raises BadValue."""
    points = explorer.sample(1, seed, explorer.sampler.asked_for(label))
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
