"""Drag: click a point of the picture and its target, and the model redraws the picture accordingly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from PIL import Image

from gan_core.errors import BadValue
from gan_core.models.card import Card
from ui.languages import N_, _
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback, event_number, has_value, streaming
from ui.studio.requests.jobs import Tell, stopped, workshop
from ui.studio.view.pictures import SMALL, display_url, drawn, image_of, marked
from ui.studio.view.view import MOST_SEED, PSI, SEEDS, View, another_seed, checked_seed, points_of, view_at
from ui.studio.widgets import faces, parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET

TITLE = N_("Drag")
ID = "drag"
GROUP = N_("Faces")
LONGEST = 90.0  # seconds, after which the drag stops
STEPS = 200  # maximum
MOST_PAIRS = 8
MOST_UNDONE = 4  # number of drags that can be undone
# half side of the area that may change, as a share of the picture's side; from EVERYWHERE on, all of it may
REACH, EVERYWHERE = 0.16, 0.5
SHOW_EVERY = 4  # steps
EDGE = 0.02  # as a share of the side: clicks this far outside count as on the edge

Place = tuple[float, float]


@dataclass(frozen=True)
class Hold:
    """The dragged picture, and points in its pixels: handles and targets alternate.

    `start` is the picture before the first drag; `image` and `kept` are the result of a drag, `way` lists the drags so
    far, `past` the states before each of them.
    """

    model: str = ""
    points: Any = None
    places: tuple[Place, ...] = ()
    image: Image.Image | None = None
    kept: Any = None
    way: tuple[str, ...] = ()
    past: tuple[Hold, ...] = ()
    start: View | None = None


def show_first(hold: Hold, model: str, seed: float, face: View | None = None) -> list[Any]:
    """Opens the tab; keeps earlier drags, unless another face arrives."""
    return [gr.skip()] * 3 if hold.start == _start(model, seed, face) else begin(model, seed, face)


def begin(model: str, seed: float, face: View | None = None) -> list[Any]:
    """Starts with a picture; a face from another tab, if there is one."""
    view = _start(model, seed, face)
    hold = Hold(model, points_of(view), start=view)
    return [hold, _value(hold), _hint(hold)]


def _start(model: str, seed: float, face: View | None) -> View:
    return faces.same(face, model, checked_seed(int(seed or 0))) or _view(model, seed)


def _view(model: str, seed: float) -> View:
    chosen = opened(model)
    label = 0 if chosen.explorer.sampler.recipe.conditional else None
    return View(model, checked_seed(int(seed or 0)), PSI if chosen.explorer.styled else 1.0, label)


def given(hold: Hold, seed: float) -> View:
    """Returns the dragged picture, for another tab."""
    if hold.points is None:
        raise BadValue("There is no picture yet.")
    return view_at(_view(hold.model, seed), hold.points)


def take(view: View) -> list[Any]:
    """Accepts a face from another tab: the model, its seed and the face itself."""
    if not opened(view.model).explorer.styled:
        raise BadValue("Dragging needs a style-based model.")
    return [gr.update(value=view.model), view.seed, view]


def put(event: gr.EventData, hold: Hold) -> list[Any]:
    """Handles a click on the picture, or the way from a handle to its target with the mouse pressed."""
    here = event_number(event, "x"), event_number(event, "y")
    if not has_value(event, "to_x"):
        return put_at(hold, *here)
    there = event_number(event, "to_x"), event_number(event, "to_y")
    if len(hold.places) % 2 or hold.points is None:  # the handle has been placed
        return put_at(hold, *there)
    return put_at(put_at(hold, *here)[0], *there)


def put_at(hold: Hold, x: float, y: float) -> list[Any]:
    """Places the next handle or target; coordinates are shares of the picture from the upper left corner."""
    if hold.points is None:
        return [gr.skip()] * 3
    if len(hold.places) >= 2 * MOST_PAIRS:
        raise BadValue("There can be at most {most} arrows.", most=MOST_PAIRS)
    if not (-EDGE <= x <= 1 + EDGE and -EDGE <= y <= 1 + EDGE):
        raise BadValue("This point is outside the picture. Click inside it.")
    side = opened(hold.model).explorer.image_shape[-1]
    right, down = (min(max(share, 0.0), 1.0) * (side - 1) for share in (x, y))
    hold = replace(hold, places=(*hold.places, (right, down)))
    return [hold, _value(hold), _hint(hold)]


def clear(hold: Hold) -> list[Any]:
    """Removes the arrows and keeps the picture."""
    hold = replace(hold, places=())
    return [hold, _value(hold) if hold.points is not None else gr.skip(), _hint(hold)]


def undo(hold: Hold) -> list[Any]:
    """Returns to the picture before the last drag."""
    if not hold.past:
        raise BadValue("There is no drag to undo.")
    hold = replace(hold.past[-1], past=hold.past[:-1])
    return [hold, _value(hold), _hint(hold)]


def save(hold: Hold, seed: float) -> dict[str, str]:
    """Returns the picture as PNG with its settings."""
    if hold.points is None:
        raise BadValue("There is no picture yet.")
    settings = _view(hold.model, seed).query()
    if hold.way:
        settings += "&" + urlencode({"drag": ";".join(hold.way)})
    return parts.Download(f"{hold.model}-dragged.png", marked(_image(hold), settings)).plain


def pull(hold: Hold, reach: float = REACH) -> Iterator[list[Any]]:
    """Drags and shows intermediate pictures."""
    from gan_core.latent.drag import DragSettings, drag

    pairs = len(hold.places) // 2
    if hold.points is None or not pairs:
        raise BadValue("Click a point of the picture, then the point where it should go.")
    handles, targets = hold.places[0 : 2 * pairs : 2], hold.places[1 : 2 * pairs : 2]
    settings = DragSettings(STEPS, reach=None if reach >= EVERYWHERE else float(reach))
    arrows = ",".join(f"{x:.0f},{y:.0f}" for pair in zip(handles, targets, strict=True) for x, y in pair)
    way = (*hold.way, f"{arrows}@{reach:g}")
    past = (*hold.past, replace(hold, past=()))[-MOST_UNDONE:]

    def pulled(tell: Tell) -> Any:
        """Returns the last state, when all handles have arrived or the time is over."""
        explorer, end = opened(hold.model).explorer.apart(), time.monotonic() + LONGEST
        for found in drag(explorer, hold.points, handles, targets, settings=settings, before=hold.kept):
            if found.done or time.monotonic() > end:
                break
            tell(found.step / STEPS, None if found.step % SHOW_EVERY else found)
        return found

    for news in workshop.run(pulled, f"drag {hold.model}", LONGEST):
        found = news.made if news.done else news.seen
        if found is None:
            yield [gr.skip(), gr.skip(), news.words if news.place > 1 else gr.skip()]
            continue
        places = tuple(place for pair in zip(found.handles, targets, strict=True) for place in pair)
        image = image_of(found.picture)
        moved = Hold(hold.model, found.points, () if news.done else places, image, found.kept, way, past, hold.start)
        words = _("Step {step}: {left:.1f} pixels to go.").format(step=found.step, left=found.left)
        yield [moved, _value(moved), words]


def _image(hold: Hold) -> Image.Image:
    return hold.image or drawn(opened(hold.model).explorer, hold.points)[0]


def _value(hold: Hold) -> dict[str, Any]:
    image = _image(hold)
    side = image.width
    return {
        "now": display_url(image), "sharp": side <= SMALL, "side": side,
        "places": [list(place) for place in hold.places],
        "alt": parts.alt(hold.start if hold.start and not hold.way else view_at(_view(hold.model, 0), hold.points)),
        "hint": _("Places for arrows: click, or move with the arrow keys and press Enter."),
    }  # fmt: skip


def _hint(hold: Hold) -> str:
    if not hold.places:
        return _(
            "Click a point of the picture, for example a corner of the mouth, then its target; or draw an arrow with "
            "the mouse."
        )
    if len(hold.places) % 2:
        return _("Now click where it should go.")
    return _("Click “Drag”, or place another arrow. Dragging takes at most {most:.0f} s.").format(most=LONGEST)


def fits(card: Card) -> bool:
    """Whether the tab supports a model."""
    return "w_space" in card.capabilities


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices(fits):
        parts.note(_("Dragging needs a style-based model, and none is available."))
        return
    hold = gr.State(Hold(), time_to_live=3600)
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            board = parts.board(elem_id="board")
        with gr.Column(scale=5, min_width=320):
            words = parts.note()
            with gr.Row(elem_classes="row-tight"):
                pulls = gr.Button(_("Drag"), variant="primary", elem_id="pull")
                stop = gr.Button(_("Stop"))
                clears = gr.Button(_("Remove arrows"))
            reach = gr.Slider(
                0.08, EVERYWHERE, REACH, step=0.02, label=_("Reach"), buttons=[], elem_id="drag-reach",
                info=_("How far around the arrows the picture may change, as a share of its side. The rest is "
                       "kept. At the right end, all of it may change."),
            )  # fmt: skip
            with gr.Row(elem_classes="row-tight"):
                undone = gr.Button(_("Undo"), elem_id="drag-undo")
                saving = gr.Button(_("Save picture"), elem_id="save-dragged")
                dice = gr.Button(_("New picture"))
            use = faces.choice(ID)
            with gr.Accordion(_("More"), open=False):
                model = model_choice(page, fits)
                seed = gr.Number(SEEDS[0], label=_("Seed"), precision=0, minimum=0, maximum=MOST_SEED)
    outputs = [hold, board, words]
    face = gr.State(None, time_to_live=3600)
    gr.on([model.input, seed.change], callback(begin), [model, seed, face], outputs, api_name="begin", **QUIET)
    faces.offered(page, ID, use, given, [hold, seed])
    faces.taking(page, ID, _(TITLE), take, [], [model, seed, face])
    board.press(callback(put), hold, outputs, api_visibility="private", **QUIET)
    clears.click(callback(clear), hold, outputs, api_name="clear", **QUIET)
    undone.click(callback(undo), hold, outputs, api_name="undo_drag", **QUIET)
    parts.saving(saving, save, [hold, seed], "save_dragged")
    dice.click(another_seed, None, seed, api_visibility="private", **QUIET)
    pulling = pulls.click(streaming(pull), [hold, reach], outputs, api_name="pull", concurrency_limit=None, **QUIET)
    gr.on(
        [model.input, seed.change, face.change, clears.click, undone.click], None, cancels=pulling,
        api_visibility="private",
    )  # fmt: skip
    board.press(None, cancels=pulling, api_visibility="private")  # an event of our own, which `on` doesn't take
    stop.click(None, cancels=pulling, api_visibility="private").then(
        callback(stopped), None, words, queue=False, api_visibility="private", **QUIET
    )
    tab.select(callback(show_first), [hold, model, seed, face], outputs, api_visibility="private", **QUIET)
