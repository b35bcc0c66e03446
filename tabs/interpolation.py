"""Interpolation: from picture to picture, with a slider or as a film."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from gan_core.errors import BadValue, GanscopeError
from ui.languages import N_, _
from ui.studio.models.costs import DRAWING, KINDS, MOST_KEYFRAMES, SECONDS, SIZES, film_cost
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback, event_number, streaming
from ui.studio.requests.jobs import most, stopped, whole, workshop
from ui.studio.requests.latest import Latest
from ui.studio.view.pictures import drawn
from ui.studio.view.view import PSI, SEEDS, View, another_seed, checked_seed, points_of, view_at
from ui.studio.widgets import faces, parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET
from ui.texts import error_sentence, paragraph

TITLE = N_("Interpolation")
ID = "interpolation"
GROUP = N_("Faces")
WAYS = {"linear": N_("Linear"), "spherical": N_("Spherical"), "smooth": N_("Smooth curve")}
SLOW = 0.1  # maximum seconds per frame, once a model has been timed
FINE = 24  # slider positions between two keyframes

_latest = Latest()
_drawing: dict[str, float] = {}  # model -> shortest measured seconds per picture


def keyframes(model: str, seeds: str) -> Any:
    """Returns the pictures of the keyframes."""
    return parts.strip_value([_view(model, seed) for seed in _seeds(seeds)], -1, _("Keyframe"))


def to_keyframe(event: gr.EventData, model: str, seeds: str, way: str, closed: bool) -> list[Any]:
    """Handles a click on a keyframe."""
    return keyframe_at(model, seeds, way, closed, event_number(event))


def keyframe_at(model: str, seeds: str, way: str, closed: bool, place: float) -> list[Any]:
    """Returns the share of the path at which it passes through a keyframe, and the picture."""
    known = _seeds(seeds)
    if not 0 <= int(place) < len(known):
        raise BadValue("There is no keyframe at position {place}.", place=int(place))
    share = int(place) * FINE / (_positions(known, closed) - 1)
    return [share, _between(model, known, way, closed, share)]


def more_keyframes(seeds: str) -> str:
    """Adds a random seed."""
    known = _seeds(seeds)
    if len(known) >= MOST_KEYFRAMES:
        raise BadValue("There can be at most {most} keyframes.", most=MOST_KEYFRAMES)
    return ", ".join(map(str, [*known, another_seed()]))


def between(request: gr.Request, model: str, seeds: str, way: str, closed: bool, share: float) -> Any:
    """Returns the picture at a share of the path, 0 to 1."""
    made = _latest((request and request.session_hash) or "", lambda: _between(model, _seeds(seeds), way, closed, share))
    return gr.skip() if made is None else made


def typed(request: gr.Request, model: str, seeds: str, way: str, closed: bool, share: float) -> list[Any]:
    """Returns the picture and the keyframes of a text that is being typed; both stay as they are while it is invalid,
    which `budget` reports.
    """
    try:
        _seeds(seeds)
    except GanscopeError:
        return [gr.skip(), gr.skip()]
    return [between(request, model, seeds, way, closed, share), keyframes(model, seeds)]


def budget(model: str, seeds: str, closed: bool, kind: str, seconds: float, size: float) -> str:
    """Describes length, size and time of a film before it is made."""
    try:
        plan = _plan(model, seeds, closed, kind, seconds, size)
    except GanscopeError as error:
        return error_sentence(error)
    seconds_needed = workshop.estimate(plan.job, plan.cost)
    words = _("{frames} frames, {length:.1f} s long, about {size:.1f} MB. It takes about {seconds} s to make.")
    status = words.format(frames=plan.frames, length=plan.length, seconds=whole(seconds_needed), size=plan.bytes / 1e6)
    if seconds_needed > most():
        limit = _("At most {most:.0f} s are allowed here: choose fewer keyframes, less time between them, or a smaller "
                  "size.")  # fmt: skip
        status = paragraph(status, limit.format(most=most()))
    return status


def film(model: str, seeds: str, way: str, closed: bool, kind: str, seconds: float, size: float) -> Iterator[list[Any]]:
    """Makes the film: progress, then the file, shown and downloadable."""
    from gan_core.latent.film import write_film

    plan = _plan(model, seeds, closed, kind, seconds, size)
    workshop.check(plan.job, plan.cost)
    points = _way(model, _seeds(seeds), way, closed, plan.frames)
    explorer = opened(model).explorer.apart()  # so that it doesn't block the model's sliders
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder:
        path = Path(folder) / f"{model}-way.{kind.lower()}"
        for news in workshop.run(
            lambda tell: write_film(explorer, points, path, plan.rate, int(size), tell), plan.job, plan.cost
        ):
            if not news.done:
                yield [gr.skip(), news.bar]
                continue
            words = _("{frames} frames, {length:.1f} s, {size:.1f} MB").format(
                frames=news.made.frames, length=news.made.seconds, size=news.made.bytes / 1e6
            )
            yield [parts.film_value(path, _("Save the film")), words]


@dataclass(frozen=True)
class Plan:
    """A film before it is made."""

    frames: int
    rate: int  # frames per second
    cost: float  # seconds of work on two cores
    bytes: float  # approximate
    job: str  # kind of job, for estimates

    @property
    def length(self) -> float:
        """Returns the length in seconds."""
        return self.frames / self.rate


def _plan(model: str, seeds: str, closed: bool, kind: str, seconds: float, size: float) -> Plan:
    """Raises BadValue for an invalid film."""
    if kind not in KINDS:
        raise BadValue("Unknown file type '{name}'. Valid: {valid}.", name=kind[:20], valid=", ".join(KINDS))
    if size not in SIZES:
        raise BadValue("The size must be one of {valid} pixels.", valid=", ".join(map(str, SIZES)))
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise BadValue("The time between keyframes must be {low} to {high} seconds.", low=SECONDS[0], high=SECONDS[1])
    known, (rate, _coding, size_each) = len(_seeds(seeds)), KINDS[kind]
    frames = max(known, round((known if closed else known - 1) * seconds * rate))
    megapixels = frames * size**2 / 1e6
    cost = film_cost(kind, frames, size, _drawing.get(model, DRAWING), opened(model).explorer.magnifies)
    return Plan(frames, rate, cost, megapixels * size_each, f"film {kind} {model}")


def _point(model: str, seeds: list[int | str], way: str, closed: bool, share: float) -> Any:
    points = _way(model, seeds, way, closed, _positions(seeds, closed))
    return points.at(round(max(0.0, min(share or 0.0, 1.0)) * (len(points) - 1)))


def _positions(seeds: list[int | str], closed: bool) -> int:
    """Returns the number of positions of the slider; a closed path ends one before the first keyframe."""
    return len(seeds) * FINE if closed else (len(seeds) - 1) * FINE + 1


def _between(model: str, seeds: list[int | str], way: str, closed: bool, share: float) -> dict[str, Any]:
    explorer, points = opened(model).explorer, _point(model, seeds, way, closed, share)
    began = time.monotonic()
    image = drawn(explorer, points)[0]
    _drawing[model] = min(time.monotonic() - began, _drawing.get(model, SLOW))  # timed while no other job was running
    return parts.image_value(image, _("A picture along the path"))


def _way(model: str, seeds: list[int | str], kind: str, closed: bool, frames: int) -> Any:
    from gan_core.latent.interpolation import interpolate
    from gan_core.latent.points import joined

    frames_of = joined([points_of(_view(model, seed)) for seed in seeds])
    return interpolate(opened(model).explorer, frames_of, frames, closed, kind)


def take(view: View, model: str, seeds: str) -> list[Any]:
    """Appends a face from another tab as a keyframe; removes those of other models."""
    keyframes = _parts(seeds) if model == view.model else [one for one in _parts(seeds) if one.isdecimal()]
    return [gr.update(value=view.model), ", ".join([*keyframes[: MOST_KEYFRAMES - 1], faces.name_of(view)])]


def given(model: str, seeds: str, way: str, closed: bool, share: float) -> View:
    """Returns the picture at a share of the path, for another tab."""
    known = _seeds(seeds)
    return view_at(_view(model, known[0]), _point(model, known, way, closed, share))


def _view(model: str, seed: int | str) -> View:
    if isinstance(seed, str):
        view = faces.known(seed)
        if view.model != model:
            raise BadValue("The face {name} belongs to another model.", name=seed)
        return view
    chosen = opened(model)
    label = 0 if chosen.explorer.sampler.recipe.conditional else None
    return View(model, seed, PSI if chosen.explorer.styled else 1.0, label)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,，;]+", (text or "").strip()) if part]


def _seeds(text: str) -> list[int | str]:
    """Parses seeds and names of faces, however they are separated."""
    found = [part if part.startswith(faces.NAME) else checked_seed(part) for part in _parts(text)]
    if not 2 <= len(found) <= MOST_KEYFRAMES:
        raise BadValue(
            "An interpolation needs 2 to {most} keyframes, got {count}.", most=MOST_KEYFRAMES, count=len(found)
        )
    return found


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices():
        parts.note(_("There are no models yet."))
        return
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            face = parts.face()
            share = gr.Slider(0, 1, 0, step=0.005, label=_("Position"), elem_classes="face-slider", buttons=[])
            strip = parts.strip()
        with gr.Column(scale=5, min_width=320):
            seeds = gr.Textbox(
                ", ".join(map(str, SEEDS)), label=_("Keyframes"),
                info=_("Seeds of the pictures that the path passes through, in order, and faces from other tabs."),
            )  # fmt: skip
            add = gr.Button(_("Add a random keyframe"))
            use = faces.choice(ID)
            way = gr.Radio([(_(words), name) for name, words in WAYS.items()], value="smooth", label=_("Path"))
            closed = gr.Checkbox(True, label=_("Return to the first keyframe, so that the film loops"))
            with gr.Accordion(_("More"), open=False):
                model = model_choice(page)
                seconds = gr.Slider(*SECONDS, 1.5, step=0.5, label=_("Seconds between keyframes"))
                size = gr.Radio([(f"{value} px", value) for value in SIZES], value=256, label=_("Film size"))
            kind = gr.Radio(list(KINDS), value="MP4", label=_("File type"))
            duration_note = parts.note(elem_id="film-budget")
            with gr.Row(elem_classes="row-tight"):
                make = gr.Button(_("Make film"), variant="primary", elem_id="make-film")
                stop = gr.Button(_("Stop"))
            status = gr.HTML("", apply_default_css=False, elem_classes="quiet", elem_id="film-said")
            made = parts.film(elem_id="film")
    inputs = [model, seeds, way, closed, share]
    gr.on(
        [share.input, way.input, closed.input, model.input], callback(between), inputs, face,
        trigger_mode="always_last", queue=False, api_name="between", **QUIET,
    )  # fmt: skip
    model.input(callback(keyframes), [model, seeds], strip, api_name="keyframes", trigger_mode="always_last", **QUIET)
    seeds.change(
        callback(typed),
        inputs,
        [face, strip],
        trigger_mode="always_last",
        queue=False,
        api_visibility="private",
        **QUIET,
    )
    strip.select(callback(to_keyframe), [model, seeds, way, closed], [share, face], api_visibility="private", **QUIET)
    faces.offered(page, ID, use, given, inputs)
    faces.taking(page, ID, _("Interpolation, as a keyframe"), take, [model, seeds], [model, seeds])
    add.click(callback(more_keyframes), seeds, seeds, api_name="more_keyframes", **QUIET)
    wanted = [model, seeds, closed, kind, seconds, size]
    gr.on(
        [seeds.change, *(one.change for one in (model, closed, kind, seconds, size)), tab.select], callback(budget),
        wanted, duration_note, trigger_mode="always_last", queue=False, api_visibility="private", **QUIET,
    )  # fmt: skip
    making = make.click(
        streaming(film), [model, seeds, way, closed, kind, seconds, size], [made, status], api_name="film",
        concurrency_limit=None, **QUIET,
    )  # fmt: skip
    stop.click(None, cancels=making, api_visibility="private").then(
        callback(stopped), None, status, queue=False, api_visibility="private", **QUIET
    )
    tab.select(callback(between), inputs, face, queue=False, api_visibility="private", **QUIET)
    tab.select(callback(keyframes), [model, seeds], strip, api_visibility="private", **QUIET)
