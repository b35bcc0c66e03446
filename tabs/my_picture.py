"""My picture: finds the latent point whose picture is closest to the visitor's, and edits it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image

from gan_core.data.parts import kind_of
from gan_core.errors import BadValue
from gan_core.latent.sliders import SLOTS
from ui.languages import N_, _
from ui.studio.models.opened import Opened, opened
from ui.studio.requests.calls import callback, streaming, warn_if_animated
from ui.studio.requests.jobs import Tell, stopped, takes, workshop
from ui.studio.requests.latest import Latest
from ui.studio.requests.uploads import clean, received
from ui.studio.view.pictures import drawn, file_of
from ui.studio.view.view import Change, View, first_view, view_at
from ui.studio.view.visit import REACH
from ui.studio.view.words import direction_words
from ui.studio.widgets import faces, parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET
from ui.texts import paragraph

TITLE = N_("My picture")
ID = "my-picture"
GROUP = N_("Faces")
STEPS = (50, 600)
EXAMPLE = 4_242  # seed of the held-out example
USUAL = 100  # on held-out drawn faces 23.5 dB with the encoder's start, 22.4 dB without; see docs/benchmarks.md
LONGEST = 120.0  # maximum seconds of a search, which keeps its best result
COST, COST_STEP = 3.0, 0.08  # seconds of a search and per step, for a picture of 64 pixels

_latest = Latest()


@dataclass(frozen=True)
class Target:
    """The user's picture as model input (1, C, H, W), and the latent point found for it."""

    model: str = ""
    picture: Any = None  # the upload, cleaned: only pixels
    points: Any = None
    example: bool = False  # whether it is the built-in example


def take(path: str | None, model: str) -> list[Any]:
    """Accepts an upload: checked, cleaned, deleted, and shown as the model's input."""
    if path is None:
        return [gr.skip()] * (4 + SLOTS)
    with received(path) as image:
        warn_if_animated(image)
        picture = clean(image)
    return _before_search(opened(model), picture)


def _before_search(chosen: Opened, picture: Image.Image) -> list[Any]:
    """Shows a user's picture before the search; the sliders are reset."""
    wanted, wait = Target(chosen.name, picture), {"wait": _("The progress of the search appears here.")}
    return [wanted, _target(chosen, picture), wait, _("Now click “Start search”."), *_sliders(chosen)]


def show_example(wanted: Target, model: str) -> list[Any]:
    """Opens the tab: shows an example and the starting point of its search; keeps an existing picture."""
    if wanted.picture is not None:
        return [gr.skip()] * (4 + SLOTS)
    return _example(opened(model))


def _example(chosen: Opened) -> list[Any]:
    """Returns result and message with the sliders, which can be moved at once."""
    from gan_core.latent.inversion import invert, prepared

    picture = _other(chosen)
    target = prepared(picture, chosen.explorer)
    points = next(invert(chosen.explorer, target, _settings(chosen, STEPS[0]), encode=chosen.encode)).points
    sliders = [one | {"interactive": True} if one.get("visible") else one for one in _sliders(chosen)]
    words = _(
        "An example, and the starting point of the search. Click “Start search” to get closer, or drop in your own "
        "picture."
    )
    wanted = Target(chosen.name, picture, points, example=True)
    return [wanted, _target(chosen, picture), _face(chosen, points), words, *sliders]


def _other(chosen: Opened) -> Image.Image:
    """Returns a held-out picture: a drawn face if the model knows those, else one of its own."""
    if kind_of(chosen.card.data) != "avatars":
        return drawn(chosen.explorer, chosen.explorer.sample(1, EXAMPLE))[0].convert("RGB")
    from gan_core.data import avatars

    face = avatars.draw_avatars(avatars.sample_attributes(1, EXAMPLE), max(avatars.SIZES))[0]
    return Image.fromarray(face.transpose(1, 2, 0))  # (C, H, W) -> (H, W, C)


def save(wanted: Target, *strengths: float) -> dict[str, str]:
    """Returns the result with its edits as PNG with its settings."""
    return parts.Download(f"{wanted.model}-found.png", file_of(given(wanted, *strengths))).plain


def given(wanted: Target, *strengths: float) -> View:
    """Returns the same, for another tab."""
    if wanted.points is None:
        raise BadValue("Nothing was found yet: click “Start search” first.")
    changes = tuple(
        Change(name, round(float(strength), 3))
        for name, strength in zip(opened(wanted.model).slots, strengths, strict=False)
        if round(float(strength or 0), 3)
    )
    return replace(view_at(first_view(wanted.model), wanted.points), changes=changes)


def budget(model: str, steps: float) -> str:
    """Describes how long a search will take."""
    return takes(workshop.estimate(*_cost(model, steps)), LONGEST)


def find(wanted: Target, model: str, steps: float) -> Iterator[list[Any]]:
    """Searches and shows progress: picture, message and result so far."""
    if wanted.picture is None:
        raise BadValue("Drop in a picture first.")
    if not STEPS[0] <= steps <= STEPS[1]:
        raise BadValue("The number of steps must be {least} to {most}, not {count}.",
                       least=STEPS[0], most=STEPS[1], count=steps)  # fmt: skip
    chosen, count = opened(model), int(steps)
    resting: list[Any] = [gr.skip()] * SLOTS
    begun = False
    for news in workshop.run(lambda tell: _searched(chosen, wanted.picture, count, tell), *_cost(model, steps)):
        if news.done:
            found, words = news.made
            sliders = [gr.update(interactive=True, value=0)] * SLOTS
            yield [replace(wanted, model=model, points=found.points), _face(chosen, found.points), words, *sliders]
        elif news.seen is not None:
            begun = True
            yield [replace(wanted, model=model, points=news.seen.points), _face(chosen, news.seen.points),
                   _step_words(news.seen, count), *resting]  # fmt: skip
        elif news.place > 1:
            yield [gr.skip(), gr.skip(), news.words, *resting]
        else:
            yield [gr.skip(), gr.skip(), gr.skip() if begun else _("Searching for a picture to start from …"),
                   *resting]  # fmt: skip


def stop_search(wanted: Target) -> list[Any]:
    """Stops the search; the result so far is kept and can be edited."""
    found = wanted.points is not None
    return [stopped(), *([gr.update(interactive=True, value=0) if found else gr.skip()] * SLOTS)]


def _searched(chosen: Opened, picture: Any, steps: int, tell: Tell) -> tuple[Any, str]:
    """Returns the last result, when the steps or the time are over, and a message."""
    from gan_core.latent.inversion import invert, prepared

    _measured = chosen.familiarity  # takes seconds the first time, in which a finished search would seem to hang
    explorer = chosen.explorer.apart()  # so that it doesn't block the model's sliders
    target, end = prepared(picture, explorer), time.monotonic() + LONGEST
    for found in invert(explorer, target, _settings(chosen, steps), encode=chosen.encode):
        if found.step == steps or time.monotonic() > end:
            break
        tell(found.share, found)
    words = [_step_words(found, steps), *_warnings(chosen, target, found.picture)]
    return found, paragraph(*words)


def _step_words(found: Any, steps: int) -> str:
    words = _("Step {step} of {steps}: PSNR {psnr:.1f} dB (higher is closer; above 25 the difference is hard to see).")
    return words.format(step=found.step, steps=steps, psnr=found.psnr)


def _cost(model: str, steps: float) -> tuple[str, float]:
    """Returns job kind and estimated seconds of a search, as `workshop` needs them."""
    return f"search {model}", COST + COST_STEP * steps


def _settings(chosen: Opened, steps: int) -> Any:
    """Returns the settings of a search; it starts from the encoder's prediction, if there is an encoder."""
    from gan_core.latent.inversion import Settings

    return Settings(steps=steps) if chosen.encode is None else Settings(steps=steps, start="encoder")


def _warnings(chosen: Opened, target: Any, picture: Any) -> Iterator[str]:
    """Describes the distance between result and target, and whether the model knows such pictures at all."""
    if chosen.perceive is not None:
        distance = float(chosen.perceive(picture, target.cpu()))
        yield _("Perceptual distance {distance:.2f} (0 is the same picture).").format(distance=distance)
    if chosen.familiarity.far(times := chosen.familiarity.distance(target)):
        yield _("**Unlike this model's pictures**: {times:.1f} times as far from them as they are from one "
                "another, so the model returns a different picture.").format(times=times)  # fmt: skip


def edit(request: gr.Request, wanted: Target, *strengths: float) -> Any:
    """Returns the found picture with the sliders' edits."""
    from gan_core.latent.edits import Edit, edited

    if wanted.points is None:
        return gr.skip()
    chosen = opened(wanted.model)
    edits = [
        Edit(chosen.directions[name], float(strength))
        for name, strength in zip(chosen.slots, strengths, strict=False)
        if strength
    ]
    made = _latest(
        (request and request.session_hash) or "",
        lambda: _face(chosen, edited(chosen.explorer, wanted.points, edits)),
    )
    return gr.skip() if made is None else made


def choose(wanted: Target, model: str) -> list[Any]:
    """Switches to another model: the same picture as its input, and its own sliders."""
    chosen = opened(model)
    return _example(chosen) if wanted.picture is None or wanted.example else _before_search(chosen, wanted.picture)


def _sliders(chosen: Opened) -> list[Any]:
    names = [direction_words(name) for name in chosen.slots]
    return [gr.update(label=name, value=0, visible=True, interactive=False) for name in names] + [
        gr.update(visible=False)
    ] * (SLOTS - len(names))


def _target(chosen: Opened, picture: Any) -> dict[str, Any]:
    from gan_core.latent.inversion import prepared
    from gan_core.pictures.grids import to_uint8

    pixels = to_uint8(prepared(picture, chosen.explorer))[0]
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    return parts.image_value(image, _("Your picture"))


def _face(chosen: Opened, points: Any) -> dict[str, Any]:
    image = drawn(chosen.explorer, points)[0]
    return parts.image_value(image, _("Picture found by the search"))


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices():
        parts.note(_("There are no models yet."))
        return
    wanted = gr.State(Target(), time_to_live=3600)
    parts.upload_note(
        _("Drop in a picture, and the model searches for the closest one that it can generate. A model knows only "
          "its training data: one trained on drawn faces returns a drawn face."))  # fmt: skip
    with gr.Row():
        with gr.Column(min_width=140):
            gr.Markdown(f"**{_('Yours')}**")
            target = parts.face()
            drop = parts.picture_file("own-picture")
        with gr.Column(min_width=140):
            gr.Markdown("**" + _("The model's") + "**")
            found = parts.face()
            words = parts.note()
        with gr.Column(min_width=240):
            duration_note = parts.note(elem_id="search-budget")
            with gr.Row(elem_classes="row-tight"):
                start = gr.Button(_("Start search"), variant="primary", elem_id="find-it")
                stop = gr.Button(_("Stop"))
            sliders = [
                gr.Slider(-REACH, REACH, 0, step=0.1, label=_("Slider {number}").format(number=place + 1),
                          elem_classes="face-slider", buttons=[], interactive=False)
                for place in range(SLOTS)
            ]  # fmt: skip
            download = gr.Button(_("Save picture"), elem_id="save-found")
            use = faces.choice(ID)
            with gr.Accordion(_("More"), open=False):
                model = model_choice(page)
                steps = gr.Slider(*STEPS, USUAL, step=50, label=_("Search steps"))
    scene = [wanted, target, found, words, *sliders]
    parts.emptied(drop, drop.upload(callback(take), [drop, model], scene, api_name="take", **QUIET))
    searching = start.click(
        streaming(find), [wanted, model, steps], [wanted, found, words, *sliders], api_name="find",
        concurrency_limit=None, **QUIET,
    )  # fmt: skip
    gr.on([drop.upload, model.input], None, cancels=searching, api_visibility="private")
    stop.click(None, cancels=searching, api_visibility="private").then(
        callback(stop_search), wanted, [words, *sliders], queue=False, api_visibility="private", **QUIET
    )
    gr.on([tab.select, model.change, steps.change], callback(budget), [model, steps], duration_note, queue=False,
          trigger_mode="always_last", api_visibility="private", **QUIET)  # fmt: skip
    gr.on(
        [slider.input for slider in sliders], callback(edit), [wanted, *sliders], found, trigger_mode="always_last",
        queue=False, api_name="edit", **QUIET,
    )  # fmt: skip
    model.input(callback(choose), [wanted, model], scene, api_name="choose", **QUIET)
    tab.select(callback(show_example), [wanted, model], scene, api_visibility="private", concurrency_limit=1, **QUIET)
    parts.saving(download, save, [wanted, *sliders], "save_found")
    faces.offered(page, ID, use, given, [wanted, *sliders])
