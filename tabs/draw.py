"""Draw: a few lines, and the model makes a face of them while they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageChops, ImageStat

from gan_core.errors import BadValue
from ui.languages import N_, _
from ui.studio.models.workers import TRANSLATING, Worker, at_work, examples, learnt_from, made, taken, workers
from ui.studio.requests.calls import pressed, spoken
from ui.studio.requests.latest import Latest
from ui.studio.view.pictures import SMALL, address, exact, marked, shown
from ui.studio.view.view import another_seed
from ui.studio.widgets import canvas, parts
from ui.studio.widgets.canvas import read_back, sheet_of

TITLE = N_("Draw")
ID = "draw"
GROUP = N_("Pictures")
PAD = "draw-pad"
FACES = "edges2avatars"  # data whose pictures our own code draws, so that there is always another one
STARTS = 8
FAINT = 4  # levels of 255 up to which a pixel counts as paper
DARK = 128  # levels of 255 below which a pixel belongs to a line
USUAL_PEN = 2.0  # pixels
SEED = 111  # of the drawings to begin from: faces that no model has learnt, a varied row

_latest = Latest()


def sheet(model: str) -> list[Any]:
    """What a model begins with: the pad, drawings to begin from, and the first one's face."""
    worker = _drawing(model)
    starts = _starts(worker)
    items = [address(start) for start in starts]
    strip = {"items": items, "place": 0, "label": _("Drawing")}
    start = starts[0] if starts else Image.new("RGB", (worker.size, worker.size), "white")
    return [_laid(worker, start, f"{model} 0"), strip, *_drawn(worker, start)]


def press(event: gr.EventData, model: str) -> list[Any]:
    """One of the drawings is pressed."""
    return press_at(model, int(pressed(event)))


def press_at(model: str, place: float) -> list[Any]:
    """The drawing at a place of the row lies on the pad."""
    worker = _drawing(model)
    starts = _starts(worker)
    if not 0 <= int(place) < len(starts):
        raise BadValue("There is no drawing at place {place}.", place=int(place))
    start = starts[int(place)]
    strip = {"items": [address(one) for one in starts], "place": int(place), "label": _("Drawing")}
    return [_laid(worker, start, f"{model} {place} {another_seed()}"), strip, *_drawn(worker, start)]


def surprise(model: str) -> list[Any]:
    """A drawing that was never seen before."""
    worker = _drawing(model)
    if learnt_from(worker.card) != FACES:
        return press_at(model, another_seed() % max(1, len(_starts(worker))))
    seed = another_seed()
    start = _edges(worker.size, 1, seed)[0]
    return [_laid(worker, start, f"{model} {seed}"), gr.skip(), *_drawn(worker, start)]


def draw(request: gr.Request, drawing: str, model: str) -> Any:
    """While a line is drawn: the picture that the model makes of the drawing, a PNG as a `data:` address.

    Requests that were overtaken are dropped.
    """
    worker = _drawing(model)
    visitor = (request and request.session_hash) or ""
    answer = _latest(visitor, lambda: _drawn(worker, _flat(drawing)))
    return [gr.skip()] * 2 if answer is None else answer


def save(drawing: str, model: str) -> dict[str, str]:
    """The picture as a file."""
    worker = _drawing(model)
    return parts.Download("drawn.png", marked(_answer(worker, _flat(drawing)))).plain


def _drawing(model: str) -> Worker:
    worker = at_work(model, TRANSLATING)
    if not learnt_from(worker.card).startswith("edges"):
        raise BadValue("{recipe} can't do that.", recipe=worker.card.title)
    return worker


def _starts(worker: Worker) -> Sequence[Image.Image]:
    if learnt_from(worker.card) == FACES:
        return _edges(worker.size, STARTS, SEED)
    return examples(worker.card, "source")[:STARTS]


@lru_cache(maxsize=8)
def _edges(size: int, count: int, seed: int) -> tuple[Image.Image, ...]:
    """Edges of freshly drawn faces, made at the nearest size that is offered, as the data set is."""
    from gan_core.data import avatars
    from gan_core.pictures.decoding import square
    from gan_core.pictures.edges import edges

    drawn_at = min((offered for offered in avatars.SIZES if offered >= size), default=max(avatars.SIZES))
    attributes = avatars.sample_attributes(count, seed)
    lines = edges(avatars.draw_avatars(attributes, drawn_at))
    pictures = (Image.fromarray(one.transpose(1, 2, 0)) for one in lines)  # (C, H, W) -> (H, W, C)
    return tuple(Image.fromarray(square(one, size).transpose(1, 2, 0)) for one in pictures)


def _flat(drawing: str) -> Image.Image:
    """Lines on white."""
    lines = read_back(drawing)
    return Image.alpha_composite(Image.new("RGBA", lines.size, "white"), lines).convert("RGB")


def _laid(worker: Worker, start: Image.Image, key: str) -> dict[str, Any]:
    starts = _starts(worker)
    plain = max(starts, key=lambda one: ImageStat.Stat(one.convert("L")).mean[0], default=None)
    return {
        "side": worker.size, "picture": exact(start), "key": key, "pen": _pen(starts),
        "guide": "" if plain is None else shown(plain),
    }  # fmt: skip


def _pen(drawings: Sequence[Image.Image]) -> float:
    """How wide the lines of drawings are in the middle, in pixels: the shorter run through each dark one."""
    widths = []
    for drawing in drawings:
        dark = np.asarray(drawing.convert("L")) < DARK
        widths.append(np.minimum(_runs(dark), _runs(dark.T).T)[dark])
    found = np.concatenate(widths) if widths else np.zeros(0)
    return float(np.median(found)) if found.size else USUAL_PEN


def _runs(dark: np.ndarray) -> np.ndarray:
    """Of each pixel (h, w), how many dark ones in a row it is one of; 0 where it is light."""
    lengths = np.zeros(dark.shape, int)
    for row, found in zip(dark, lengths, strict=True):
        borders = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
        for start, stop in zip(borders[::2], borders[1::2], strict=True):
            found[start:stop] = stop - start
    return lengths


def _drawn(worker: Worker, drawing: Image.Image) -> list[Any]:
    """The picture, and words where there is nothing to make a picture of."""
    image = _answer(worker, drawing)
    blank = not ImageChops.invert(drawing).point(lambda level: level > FAINT).getbbox()
    words = _(
        "The sheet is empty: this is what the model makes of nothing. Trace the pale lines, or begin with a drawing."
    )
    face = {"now": shown(image), "sharp": image.width <= SMALL, "alt": _("What the model makes of the drawing")}
    return [face, words if blank else ""]


def _answer(worker: Worker, drawing: Image.Image) -> Image.Image:
    return made(worker.sampler.translate(taken(worker, drawing)))


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Lays the tab out and connects it."""
    models = [
        (_(card.title), name) for name, card in workers(TRANSLATING).items() if learnt_from(card).startswith("edges")
    ]
    if not models:
        gr.Markdown(
            _("Drawing needs a model that has learnt from edges, and there is none on the shelf. Train one with "
              "`ganscope train pix2pix --data edges2avatars`."),
            elem_classes="quiet",
        )  # fmt: skip
        return
    gr.Markdown(_("Draw on the left, and a face appears on the right. Add glasses, a hat, a smile; or start anew."),
                elem_classes="quiet")  # fmt: skip
    drawing = gr.Textbox(visible=False, label=_("Drawing"))
    file = gr.JSON(visible=False)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            pad = canvas.pad(PAD, _("A sheet to draw on"))
        with gr.Column(min_width=300):
            face = parts.face(_("The model is being opened …"), elem_id="drawn-face")
            words = gr.Markdown("", elem_classes="quiet")
    gr.Markdown(_("Begin with a drawing:"), elem_classes="quiet")
    strip = parts.strip(elem_id="drawings")
    with gr.Row(elem_classes="row-tight"):
        dice = gr.Button(_("Another face"), variant="primary", elem_id="another-drawing")
        download = gr.Button(_("Save picture"), elem_id="save-drawing")
    with gr.Accordion(_("More"), open=False, visible=len(models) > 1):
        model = gr.Dropdown(models, value=models[0][1], label=_("Model"))
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    whole = [pad, strip, face, words]
    pad.draw(
        spoken(draw), [drawing, model], [face, words], js=sheet_of(PAD, 1), trigger_mode="always_last", queue=False,
        api_name="draw", **quiet,
    )  # fmt: skip
    gr.on([tab.select, model.input], spoken(sheet), model, whole, api_name="sheet", concurrency_limit=1,
          **quiet)  # fmt: skip
    strip.select(spoken(press), model, whole, api_visibility="private", **quiet)
    dice.click(spoken(surprise), model, whole, api_name="surprise", **quiet)
    download.click(spoken(save), [drawing, model], file, js=sheet_of(PAD, 1), api_name="save_drawing", **quiet).success(
        None, file, None, js=parts.SAVE, api_visibility="private"
    )
