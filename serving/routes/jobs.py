"""Long work: /v1/interpolate, /v1/upscale, /v1/invert and /v1/evaluate begin a job; /v1/jobs/ID watches and ends
it.
"""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse

from gan_core.latent import interpolation
from gan_core.latent.film import write_film
from gan_core.latent.inversion import Settings, invert, prepared
from gan_core.latent.points import Points, joined
from gan_core.models.enlarging import enlarge, enlarged_rows
from gan_core.pictures import photos
from gan_core.pictures.depth import eight_bits
from gan_core.pictures.grids import to_uint8
from serving import evaluating
from serving.answers import Format, encoded, image_of
from serving.bodies import MODEL, Evaluate, Interpolate, Name
from serving.errors import Refused
from serving.jobs import Job, Work
from serving.routes.common import answered, client_of, content_of, format_of, headers_of, noted, rgb_of, service_of
from serving.routes.drawing import opened_for, placed
from ui.studio.models.costs import KINDS, LONGEST, LONGEST_HOSTED, MOST_HOSTED, enlarging_cost, film_cost
from ui.studio.models.image_models import ImageModel, open_image_model
from ui.studio.models.opened import hosted
from ui.studio.requests.jobs import Tell
from ui.studio.requests.uploads import FORMATS, LARGE_BYTES, Limits, picture_of
from ui.studio.view.pictures import write_marked

SEARCH = 120.0  # seconds of an inversion
STEPS = (50, 600)
LOOK = 0.2  # seconds between polls of a job
ALIVE = 15.0  # seconds after which a silent stream sends a keep-alive comment
JSON = "application/json"
TYPES = {"MP4": "video/mp4", "GIF": "image/gif", "WebP": "image/webp"}
BEGUN: dict[int | str, dict[str, Any]] = {202: {
    "description": "The job. Watch it at the address in the Location header.",
    "content": {"application/json": {"example": {
        "id": "kQ0P6c2vNf3Uq7s1eWd9xA", "kind": "interpolate", "state": "waiting", "progress": 0.0, "place": 1,
        "seconds_left": 4.0,
    }}},
}}  # fmt: skip

router = APIRouter(prefix="/v1", tags=["jobs"])


@router.post("/interpolate", status_code=202, responses=BEGUN)
async def interpolate(request: Request, body: Interpolate) -> JSONResponse:
    """Begins a film through the pictures of some seeds."""
    counter = await opened_for(request, body.model, "interpolate")
    explorer = counter.explored.explorer.apart()
    rate, parts = KINDS[body.kind][0], len(body.seeds) - (not body.closed)
    frames = max(len(body.seeds), round(parts * body.seconds * rate))

    def keyed() -> Points:
        return joined([placed(explorer, seed, body.label, body.truncation) for seed in body.seeds])

    keyframes = await asyncio.to_thread(keyed)  # problems are reported at once

    def make(path: Path, tell: Tell) -> dict[str, Any]:
        points = interpolation.interpolate(explorer, keyframes, frames, body.closed, body.way)
        film = write_film(explorer, points, path, rate, body.size, tell)
        return {"frames": film.frames, "seconds": film.seconds}

    model = counter.explored.model
    work = Work(
        "interpolate", make, f".{body.kind.lower()}", TYPES[body.kind], f"film {body.kind} {model.name}",
        film_cost(body.kind, frames, body.size),
    )  # fmt: skip
    return _begun(request, work, headers_of(model.card, ",".join(map(str, body.seeds))))


@router.post("/invert", status_code=202, responses=BEGUN)
async def search(
    request: Request,
    picture: UploadFile,
    model: Annotated[Name, Form(description=MODEL)] = "",
    steps: Annotated[int, Form(ge=STEPS[0], le=STEPS[1])] = 100,
) -> JSONResponse:
    """Begins a search for the point whose picture is nearest to a given one."""
    content = await content_of(picture)
    counter = await opened_for(request, model, "invert")
    image = await asyncio.to_thread(rgb_of, content)
    opened, explorer = counter.explored.model, counter.explored.explorer.apart()

    def make(path: Path, tell: Tell) -> dict[str, Any]:
        settings = Settings(steps=steps, start="nearest" if opened.encode is None else "encoder")
        end = time.monotonic() + SEARCH
        for found in invert(explorer, prepared(image, explorer), settings, encode=opened.encode):
            tell(found.share, None)
            if time.monotonic() > end:
                break
        path.write_bytes(encoded(image_of(to_uint8(found.picture)[0]), "png"))
        return {"psnr": round(found.psnr, 2)}

    work = Work("invert", make, turn=f"search {opened.name}", longest=2 * SEARCH)
    return _begun(request, work, headers_of(opened.card))


@router.post("/upscale", status_code=202, responses=BEGUN)
async def upscale(
    request: Request,
    picture: UploadFile,
    model: Annotated[Name, Form(description=MODEL)] = "",
    scale: Annotated[int, Form(ge=0, le=8, description="0: as the model does.")] = 0,
) -> JSONResponse:
    """Begins to make a picture larger; its depth and transparency stay."""
    most, longest = (MOST_HOSTED, LONGEST_HOSTED) if hosted() else (photos.MOST_PIXELS, LONGEST)
    limits = Limits(LARGE_BYTES, most, 1, (*FORMATS, "TIFF"))
    content = await content_of(picture, limits)
    name = service_of(request).catalogue.chosen(model, "upscale")
    noted(request, model=name)

    def checked() -> tuple[np.ndarray, ImageModel]:
        array, worker = _levels(content, limits), open_image_model(name, ("super_resolution",))
        enlarged_rows(worker.sampler, array, scale)  # raises BadValue; nothing is made until its rows are requested
        return array, worker

    array, worker = await asyncio.to_thread(checked)

    def make(path: Path, tell: Tell) -> dict[str, Any]:
        made = enlarge(worker.sampler, array, scale, progress=tell)
        write_marked(path, made)
        return {"width": made.shape[1], "height": made.shape[0]}

    turn, cost = enlarging_cost(worker, array)
    work = Work("upscale", make, turn=turn, cost=cost, longest=longest)
    return _begun(request, work, headers_of(worker.card))


@router.post("/evaluate", status_code=202, responses=BEGUN)
async def evaluate(request: Request, body: Evaluate) -> JSONResponse:
    """Begins to compare a model's samples with the images that it has learnt from."""
    counter = await opened_for(request, body.model, "evaluate")
    model = counter.explored.model
    plan = await asyncio.to_thread(evaluating.plan, model.card, body.samples, body.metrics)
    sampler = counter.explored.explorer.apart().sampler

    def make(path: Path, tell: Tell) -> dict[str, Any]:
        found = plan.measure(sampler, body.seed, tell)
        path.write_text(json.dumps({"model": model.name, "sha256": model.card.sha256, **found}), encoding="utf-8")
        return {"metrics": found["metrics"]}

    longest = LONGEST_HOSTED if hosted() else LONGEST
    cost = body.samples * evaluating.SECONDS
    work = Work("evaluate", make, ".json", JSON, f"evaluate {model.name}", cost, longest)
    return _begun(request, work, headers_of(model.card, body.seed))


def _levels(content: bytes, limits: Limits) -> np.ndarray:
    """A picture as an array of 8 or 16 bits; raises BadData."""
    picture_of(content, limits)
    return photos.read_from(io.BytesIO(content), limits.pixels, "The picture")


def _begun(request: Request, work: Work, headers: dict[str, str]) -> JSONResponse:
    job = service_of(request).jobs.begin(work, client_of(request), headers)
    return JSONResponse(job.described(), 202, {**headers, "Location": f"/v1/jobs/{job.id}"})


# --- jobs that have begun --------------------------------------------------------------------------------------------


def _job(request: Request, id: str) -> Job:
    return service_of(request).jobs.found(id, client_of(request))


@router.get("/jobs/{id}")
async def state(request: Request, id: str) -> JSONResponse:
    """How a job is getting on: waiting, running, done, failed or cancelled."""
    job = _job(request, id)
    return JSONResponse(job.described(), headers=job.headers)


@router.get("/jobs/{id}/events", response_class=StreamingResponse)
async def events(request: Request, id: str) -> StreamingResponse:
    """The same as server-sent events, one for each change, until the job has ended."""
    job = _job(request, id)
    return StreamingResponse(_event_stream(job), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _event_stream(job: Job) -> AsyncIterator[str]:
    said, when = "", time.monotonic()
    while True:
        over = job.over.is_set()  # read before the state, so that the last state is reported
        now = json.dumps(job.described())
        if now != said:
            said, when = now, time.monotonic()
            yield f"event: {'end' if over else 'progress'}\ndata: {now}\n\n"
        elif over:
            yield f"event: end\ndata: {now}\n\n"
        elif time.monotonic() - when > ALIVE:
            when = time.monotonic()
            yield ": waiting\n\n"
        if over:
            return
        await asyncio.sleep(LOOK)


@router.get("/jobs/{id}/result", response_class=Response)
async def result(request: Request, id: str, format: Annotated[Format | None, Query()] = None) -> Response:
    """What a job has made: a film, metrics as JSON, or a picture as png, webp, json or base64."""
    job = _job(request, id)
    if job.state != "done":
        raise Refused(409, f"The job is {job.state}, so it has no result{'' if job.over.is_set() else ' yet'}.")
    if job.type != "image/png":
        if format is not None:
            raise Refused(422, "Only pictures come in another format: leave out format.")
        return FileResponse(job.file, media_type=job.type, headers=job.headers)
    wanted = format_of(request, format)
    if wanted == "png":
        return FileResponse(job.file, media_type=job.type, headers=job.headers)
    levels = await asyncio.to_thread(_read, job.file)
    return await answered(levels, wanted, 1, job.facts, job.headers)


def _read(path: Path) -> np.ndarray:
    """A picture of ours as (1, H, W, C) of 8 bits."""
    with path.open("rb") as file:
        return eight_bits(photos.read_from(file, photos.MOST_RESULT, path.name))[None]


@router.delete("/jobs/{id}")
async def cancel(request: Request, id: str) -> JSONResponse:
    """Cancels a job, or deletes the result of one that has ended."""
    job = _job(request, id)
    service_of(request).jobs.cancel(job)
    await asyncio.to_thread(job.over.wait, 1.0)
    return JSONResponse(job.described())
