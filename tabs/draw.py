"""Draw: turns a line drawing into a face while it is being drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageChops, ImageStat

from gan_core.errors import BadValue
from ui.languages import N_, _
from ui.studio.models.image_models import (
    TRANSLATING,
    ImageModel,
    examples,
    image_models,
    learnt_from,
    made,
    open_image_model,
    taken,
)
from ui.studio.requests.calls import callback, event_number
from ui.studio.requests.latest import Latest
from ui.studio.view.pictures import display_url, lossless_url, marked
from ui.studio.view.view import another_seed
from ui.studio.widgets import canvas, parts
from ui.studio.widgets.canvas import read_back, sheet_of
from ui.studio.widgets.parts import QUIET
from ui.texts import titles

TITLE = N_("Draw")
ID = "draw"
GROUP = N_("Pictures")
PAD = "draw-pad"
FACES = "edges2avatars"  # a data set that our own code draws, so that new sketches can always be made
STARTS = 8
FAINT = 4  # a pixel up to this level of 255 counts as paper
DARK = 128  # a pixel below this level of 255 belongs to a line
USUAL_PEN = 2.0  # pixels
SEED = 111  # of the initial sketches: a varied row of held-out faces

_latest = Latest()


def show_first(begun: bool, model: str) -> list[Any]:
    """Opens the tab; keeps an earlier drawing."""
    return [gr.skip()] * 5 if begun else [True, *sheet(model)]


def sheet(model: str) -> list[Any]:
    """Sets up a model: the pad, sketches to start from, and the picture of the first one."""
    chosen = _drawing(model)
    starts = _starts(chosen)
    strip = parts.examples_value(starts, 0, _("Sketch"))
    start = starts[0] if starts else Image.new("RGB", (chosen.size, chosen.size), "white")
    return [_pad_value(chosen, start, f"{model} {another_seed()}"), strip, *_drawn(chosen, start)]


def press(event: gr.EventData, model: str) -> list[Any]:
    """Handles a click on a sketch."""
    return press_at(model, int(event_number(event)))


def press_at(model: str, place: float) -> list[Any]:
    """Puts the sketch at a position of the row on the pad."""
    chosen = _drawing(model)
    starts = _starts(chosen)
    if not 0 <= int(place) < len(starts):
        raise BadValue("There is no sketch at position {place}.", place=int(place))
    start = starts[int(place)]
    strip = parts.examples_value(starts, int(place), _("Sketch"))
    return [_pad_value(chosen, start, f"{model} {place} {another_seed()}"), strip, *_drawn(chosen, start)]


def surprise(model: str) -> list[Any]:
    """Puts a new random sketch on the pad."""
    chosen = _drawing(model)
    if learnt_from(chosen.card) != FACES:
        return press_at(model, another_seed() % max(1, len(_starts(chosen))))
    seed = another_seed()
    start = _edges(chosen.size, 1, seed)[0]
    return [_pad_value(chosen, start, f"{model} {seed}"), gr.skip(), *_drawn(chosen, start)]


def draw(request: gr.Request, drawing: str, model: str) -> Any:
    """Returns the picture of the drawing while a line is drawn, as a `data:` address.

    Outdated requests are dropped.
    """
    chosen = _drawing(model)
    visitor = (request and request.session_hash) or ""
    answer = _latest(visitor, lambda: _drawn(chosen, _flat(drawing)))
    return [gr.skip()] * 2 if answer is None else answer


def save(drawing: str, model: str) -> dict[str, str]:
    """Returns the picture as a file."""
    chosen = _drawing(model)
    return parts.Download("drawn.png", marked(_answer(chosen, _flat(drawing)))).plain


def _drawing(model: str) -> ImageModel:
    chosen = open_image_model(model, TRANSLATING)
    if not learnt_from(chosen.card).startswith("edges"):
        raise BadValue("{recipe} doesn't support this task.", recipe=chosen.card.title)
    return chosen


def _starts(chosen: ImageModel) -> Sequence[Image.Image]:
    if learnt_from(chosen.card) == FACES:
        return _edges(chosen.size, STARTS, SEED)
    return examples(chosen.card, "source")[:STARTS]


@lru_cache(maxsize=8)
def _edges(size: int, count: int, seed: int) -> tuple[Image.Image, ...]:
    """Returns edges of newly drawn faces, made at the nearest supported size, as in the data set."""
    from gan_core.data import avatars
    from gan_core.pictures.decoding import square
    from gan_core.pictures.edges import edges

    drawn_at = min((offered for offered in avatars.SIZES if offered >= size), default=max(avatars.SIZES))
    attributes = avatars.sample_attributes(count, seed)
    lines = edges(avatars.draw_avatars(attributes, drawn_at))
    pictures = (Image.fromarray(one.transpose(1, 2, 0)) for one in lines)  # (C, H, W) -> (H, W, C)
    return tuple(Image.fromarray(square(one, size).transpose(1, 2, 0)) for one in pictures)


def _flat(drawing: str) -> Image.Image:
    """Returns the lines on white."""
    lines = read_back(drawing)
    return Image.alpha_composite(Image.new("RGBA", lines.size, "white"), lines).convert("RGB")


def _pad_value(chosen: ImageModel, start: Image.Image, key: str) -> dict[str, Any]:
    starts = _starts(chosen)
    plain = max(starts, key=lambda one: ImageStat.Stat(one.convert("L")).mean[0], default=None)
    return {
        "side": chosen.size, "picture": lossless_url(start), "key": key, "pen": _pen(starts),
        "guide": "" if plain is None else display_url(plain),
    }  # fmt: skip


def _pen(drawings: Sequence[Image.Image]) -> float:
    """Returns the median line width in pixels: for each dark pixel, the shorter of its two runs."""
    widths = []
    for drawing in drawings:
        dark = np.asarray(drawing.convert("L")) < DARK
        widths.append(np.minimum(_runs(dark), _runs(dark.T).T)[dark])
    found = np.concatenate(widths) if widths else np.zeros(0)
    return float(np.median(found)) if found.size else USUAL_PEN


def _runs(dark: np.ndarray) -> np.ndarray:
    """Returns for each pixel (h, w) the length of its run of dark pixels; 0 if it is light."""
    lengths = np.zeros(dark.shape, int)
    for row, found in zip(dark, lengths, strict=True):
        borders = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        for start, stop in zip(borders[::2], borders[1::2], strict=True):
            found[start:stop] = stop - start
    return lengths


def _drawn(chosen: ImageModel, drawing: Image.Image) -> list[Any]:
    """Returns the picture, and a message if the canvas is empty."""
    image = _answer(chosen, drawing)
    blank = not ImageChops.invert(drawing).point(lambda level: level > FAINT).getbbox()
    words = _("The canvas is empty, so the model has nothing to go by. Trace the pale lines, or start from a sketch.")
    face = parts.image_value(image, _("Picture generated from the drawing"))
    return [face, words if blank else ""]


def _answer(chosen: ImageModel, drawing: Image.Image) -> Image.Image:
    return made(chosen.sampler.translate(taken(chosen, drawing)))


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    cards = {name: card for name, card in image_models(TRANSLATING).items() if learnt_from(card).startswith("edges")}
    models = [(title, name) for name, title in titles(cards).items()]
    if not models:
        parts.note(
            _("Drawing needs a model trained on edges, and none is available. Train one with `ganscope train "
              "pix2pix --data edges2avatars`.")
        )  # fmt: skip
        return
    parts.note(_("What you draw becomes a face. Add glasses, a hat or a smile, or start over."))
    drawing = gr.Textbox(visible=False, label=_("Sketch"))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            pad = canvas.pad(PAD, _("Drawing canvas"))
        with gr.Column(min_width=300):
            face = parts.face(elem_id="drawn-face")
            words = parts.note()
    parts.note(_("Start from a sketch:"))
    strip = parts.strip(elem_id="drawings")
    with gr.Row(elem_classes="row-tight"):
        dice = gr.Button(_("New face"), variant="primary", elem_id="another-drawing")
        download = gr.Button(_("Save picture"), elem_id="save-drawing")
    with gr.Accordion(_("More"), open=False, visible=len(models) > 1):
        model = gr.Dropdown(models, value=models[0][1], label=_("Model"))
    whole = [pad, strip, face, words]
    pad.draw(
        callback(draw), [drawing, model], [face, words], js=sheet_of(PAD, 1), trigger_mode="always_last", queue=False,
        api_name="draw", **QUIET,
    )  # fmt: skip
    begun = gr.State(False)
    tab.select(
        callback(show_first), [begun, model], [begun, *whole], api_visibility="private", concurrency_limit=1, **QUIET
    )
    model.input(callback(sheet), model, whole, api_name="sheet", concurrency_limit=1, **QUIET)
    strip.select(callback(press), model, whole, api_visibility="private", **QUIET)
    dice.click(callback(surprise), model, whole, api_name="surprise", **QUIET)
    parts.saving(download, save, [drawing, model], "save_drawing", sheet_of(PAD, 1))
