"""Custom slider: made from pictures that the visitor has marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import gradio as gr

from gan_core.errors import BadValue
from ui.languages import N_, _
from ui.studio.models.marks import COUNT, NO, OPEN, YES, name_of, samples
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback, event_number, streaming
from ui.studio.requests.jobs import Tell, whole, workshop
from ui.studio.view.pictures import SMALL, data_url, drawn, sheet
from ui.studio.view.view import MOST_SEED, Change, View, another_seed, checked_seed, first_view, points_of
from ui.studio.widgets import parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET
from ui.texts import paragraph, percent

TITLE = N_("Custom slider")
ID = "marks"
GROUP = N_("Faces")
SHOWN = (-4.0, -2.0, 0.0, 2.0, 4.0)  # strengths of the preview of a new slider
COST = 3.0  # seconds to make a slider
NEXT = {OPEN: YES, YES: NO, NO: OPEN}


@dataclass(frozen=True)
class Marked:
    """Samples and their marks."""

    model: str = ""
    seed: int = 0
    pictures: tuple[str, ...] = ()
    marks: tuple[str, ...] = (OPEN,) * COUNT


def show(model: str, seed: float) -> list[Any]:
    """Returns new, unmarked samples."""
    chosen, number = opened(model), checked_seed(int(seed or 0))
    pictures = drawn(chosen.explorer, samples(chosen.explorer, number))
    marked = Marked(model, number, tuple(data_url(one) for one in pictures))
    return [marked, _value(marked), _counted(marked), ""]


def mark(event: gr.EventData, marked: Marked) -> list[Any]:
    """Handles a click on a sample."""
    return mark_at(marked, int(event_number(event)))


def mark_at(marked: Marked, place: int) -> list[Any]:
    """Cycles a mark: unmarked, yes, no."""
    if not 0 <= place < len(marked.pictures):
        raise BadValue("There is no picture at position {place}.", place=place)
    marks = list(marked.marks)
    marks[place] = NEXT[marks[place]]
    marked = replace(marked, marks=tuple(marks))
    return [marked, _value(marked), _counted(marked)]


def make(marked: Marked) -> Iterator[str]:
    """Makes the slider: a preview, its accuracy on held-out marks, and the link that opens it."""
    if not marked.model:
        raise BadValue("Mark some pictures first.")
    name = name_of(marked.seed, marked.marks)
    for news in workshop.run(lambda tell: _made(marked.model, name, tell), f"slider {marked.model}", COST):
        yield news.made if news.done else f'<p class="quiet">{news.bar}</p>'


def _made(model: str, name: str, tell: Tell) -> str:
    chosen = opened(model)
    accuracy, explorer = chosen.direction(name).facts["accuracy"], chosen.explorer.apart()
    first, row = replace(first_view(model), seed=1), []
    for place, strength in enumerate(SHOWN):
        tell((place + 1) / (len(SHOWN) + 1), None)
        row += drawn(explorer, points_of(replace(first, changes=(Change(name, strength),))))
    tested = (
        _("On held-out marks it was right {share} of the time (chance: 50 %).").format(share=percent(accuracy))
        if accuracy == accuracy  # cross-validation needs at least two of each
        else _("There are too few marks of one kind to test it.")
    )
    words = paragraph(_("From less to more."), tested)
    view: View = replace(first, changes=(Change(name, 2.0),))
    link = f'<a href="?{escape(view.query())}">{_("Open in Latent editing")}</a>'
    shown = parts.sheet_value(sheet(row, len(row)), words, row[0].width <= SMALL)
    return f'{shown}<p class="quiet">{escape(words)}</p><p>{link}</p>'


def _value(marked: Marked) -> dict[str, Any]:
    words = {OPEN: _("not marked"), YES: _("yes"), NO: _("no")}
    return {
        "items": list(marked.pictures), "marks": list(marked.marks),
        "labels": [f"{_('Sample')} {place + 1}: {words[one]}" for place, one in enumerate(marked.marks)],
    }  # fmt: skip


def _counted(marked: Marked) -> str:
    yes, no = marked.marks.count(YES), marked.marks.count(NO)
    words = _("{yes} yes, {no} no. About ten are enough, with some of each.").format(yes=yes, no=no)
    seconds_needed = workshop.estimate(f"slider {marked.model}", COST)
    return paragraph(words, _("Making the slider takes about {seconds} s.").format(seconds=whole(seconds_needed)))


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices():
        parts.note(_("There are no models yet."))
        return
    marked = gr.State(Marked(), time_to_live=3600)
    parts.note(
        _("Think of something that only some of these pictures show: a mood, a colour, a hat. Click once where you "
          "see it (✓), twice where you don't (✗), and skip what you can't tell. The model makes a slider of it.")
    )  # fmt: skip
    with gr.Row():
        with gr.Column(scale=6, min_width=320):
            grid = parts.marks(elem_id="marks")
        with gr.Column(scale=4, min_width=300):
            words = parts.note()
            with gr.Row(elem_classes="row-tight"):
                makes = gr.Button(_("Make slider"), variant="primary", elem_id="make-slider")
                stop = gr.Button(_("Stop"))
                dice = gr.Button(_("New pictures"))
            made = gr.HTML("", apply_default_css=False, elem_id="own-slider", min_height=60)
            with gr.Accordion(_("More"), open=False):
                model = model_choice(page)
                seed = gr.Number(7, label=_("Seed"), precision=0, minimum=0, maximum=MOST_SEED)
    outputs = [marked, grid, words]
    gr.on([model.input, seed.change], callback(show), [model, seed], [*outputs, made], api_name="samples", **QUIET)
    grid.select(callback(mark), marked, outputs, api_visibility="private", **QUIET)
    dice.click(another_seed, None, seed, api_visibility="private", **QUIET)
    making = makes.click(streaming(make), marked, made, api_name="make_slider", concurrency_limit=None, **QUIET)
    gr.on([model.input, seed.change], None, cancels=making, api_visibility="private")
    stop.click(None, cancels=making, api_visibility="private").then(
        lambda: "", None, made, queue=False, api_visibility="private", **QUIET
    )
    tab.select(callback(show_first), [marked, model, seed], [*outputs, made], api_visibility="private", **QUIET)


def show_first(marked: Marked, model: str, seed: float) -> list[Any]:
    """Opens the tab; keeps earlier marks."""
    return [gr.skip()] * 4 if marked.model else show(model, seed)
