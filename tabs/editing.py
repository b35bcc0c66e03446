"""Latent editing: one picture and six sliders, each a direction in the model's latent space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from tabs.editing_parts import Parts, lay_out
from ui.languages import N_, _
from ui.studio.models.opened import offered, opened
from ui.studio.preview import origin_of
from ui.studio.requests.calls import callback, event_number, warn_of_ignored
from ui.studio.requests.latest import Latest
from ui.studio.requests.uploads import received
from ui.studio.view.edits import EDITS, file_of_changes, received_changes
from ui.studio.view.history import History
from ui.studio.view.pictures import file_of, settings_in
from ui.studio.view.share import share_card
from ui.studio.view.surprise import surprise
from ui.studio.view.view import View, another_seed, first_view, parsed
from ui.studio.view.visit import Visit, at_view, chosen_change, slider_values, view_of
from ui.studio.view.words import class_choices, direction_words
from ui.studio.widgets import faces
from ui.studio.widgets import parts as studio_parts
from ui.studio.widgets.parts import QUIET
from ui.texts import titles

TITLE = N_("Latent editing")
ID = "editing"
GROUP = N_("Faces")

_latest = Latest()


# --- callbacks: the visit, then the values of the controls -----------------------------------------------------------


def arrive(link: str) -> list[Any]:
    """Opens the page, optionally from a link."""
    view, problems = parsed(link)
    warn_of_ignored(problems)
    return _empty() if view is None else _scene(_stepped(Visit(), view), view)


def move(request: gr.Request, visit: Visit, *values: Any) -> Any:
    """Returns only the picture while a slider is dragged. Outdated requests are dropped."""
    if not visit.model:
        return gr.skip()
    view = view_of(visit, values)
    visitor = (request and request.session_hash) or ""
    made = _latest(visitor, lambda: studio_parts.face_value(view, settled=False))
    return gr.skip() if made is None else made


def settle(visit: Visit, *values: Any) -> list[Any]:
    """Adds a step to the history and the link when a slider is released."""
    view = view_of(visit, values)
    visit = _stepped(visit, view)
    return [visit, studio_parts.face_value(view, settled=True), *_past(visit)]


def undo(visit: Visit, *values: Any) -> list[Any]:
    return _travel(_stepped(visit, view_of(visit, values)), -1)


def redo(visit: Visit, *values: Any) -> list[Any]:
    return _travel(visit, 1)


def revisit(event: gr.EventData, visit: Visit) -> list[Any]:
    """Returns to one of the last steps."""
    return _travel(visit, int(event_number(event)) - visit.history.place)


def another(visit: Visit, *values: Any) -> list[Any]:
    """Draws another random picture with the same edits."""
    return _go(visit, values, replace(view_of(visit, values), seed=another_seed(), point=""))


def surprise_me(visit: Visit, *values: Any) -> list[Any]:
    """Draws another picture, moves some of the sliders, and takes the clearest of several such pictures."""
    if not visit.model:
        return [gr.skip()] * Parts.OUTPUTS
    return _go(visit, values, surprise(visit.model, visit.slots))


def reset(visit: Visit, *values: Any) -> list[Any]:
    """Removes all edits."""
    return _go(visit, values, view_of(visit, values).before)


def choose_model(visit: Visit, model: str, *values: Any) -> list[Any]:
    """Switches to the first picture of another model."""
    if model == visit.model or not visit.model:
        return [gr.skip()] * Parts.OUTPUTS
    return _go(visit, values, first_view(model))


def pick(visit: Visit, direction: str, *values: Any) -> list[Any]:
    """Selects the direction of the lower slider; the previous one keeps its strength."""
    view = view_of(visit, values)
    if direction:
        opened(view.model).direction(direction)
    visit = replace(_stepped(visit, view), chosen=direction or "")
    return _scene(at_view(visit, view), view)


def download(visit: Visit, *values: Any) -> dict[str, str]:
    """Returns the picture as PNG with its settings."""
    view = view_of(visit, values)
    return studio_parts.Download(f"{view.model}-seed{view.seed}.png", file_of(view)).plain


def share(request: gr.Request, visit: Visit, *values: Any) -> dict[str, str]:
    """Returns a card with the picture, its edits and its link as PNG."""
    view = view_of(visit, values)
    assert request.request is not None  # of a visitor
    content = share_card(view, f"{origin_of(request.request)}/")
    return studio_parts.Download(f"{view.model}-seed{view.seed}-card.png", content).plain


def save_edit(visit: Visit, *values: Any) -> dict[str, str]:
    """Returns the edits as a file for this model."""
    view = view_of(visit, values)
    return studio_parts.Download(f"{view.model}-edit{EDITS}", file_of_changes(view.changes, opened(view.model))).plain


def read_back(path: str | None, visit: Visit, *values: Any) -> list[Any]:
    """Restores the settings of a saved PNG, or applies a file of edits."""
    if path is None:
        return [gr.skip()] * Parts.OUTPUTS
    view: View | None
    if path.endswith(EDITS):
        now = view_of(visit, values)
        changes, problems = received_changes(path, opened(now.model))
        view = replace(now, changes=changes)
    else:
        with received(path) as image:
            view, problems = parsed(settings_in(image))
    warn_of_ignored(problems)
    return [gr.skip()] * Parts.OUTPUTS if view is None else _go(visit, values, view)


def given(visit: Visit, *values: Any) -> View:
    """Returns the current view, for another tab."""
    return view_of(visit, values)


def take(view: View, visit: Visit, *values: Any) -> list[Any]:
    """Accepts a face from another tab."""
    return _go(visit, values, view)


# --- what they share -------------------------------------------------------------------------------------------------


def _stepped(visit: Visit, view: View) -> Visit:
    return replace(at_view(visit, view), history=visit.history.with_view(view))


def _go(visit: Visit, values: Any, view: View) -> list[Any]:
    """Switches to another view; the previous state of the controls becomes a step."""
    if visit.model:
        visit = _stepped(visit, view_of(visit, values))
    return _scene(_stepped(visit, view), view)


def _travel(visit: Visit, steps: int) -> list[Any]:
    visit = replace(visit, history=visit.history.at(visit.history.place + steps))
    view = visit.history.shown
    return _scene(at_view(visit, view), view)


def _past(visit: Visit) -> list[Any]:
    """Returns the history strip, undo and redo."""
    history: History = visit.history
    strip = studio_parts.strip_value(history.views, history.place)
    return [strip, gr.update(interactive=history.can_undo), gr.update(interactive=history.can_redo)]


def _scene(visit: Visit, view: View) -> list[Any]:
    """Returns all outputs of a view, in the order of `Parts.outputs`."""
    model = opened(view.model)
    layers = model.explorer.layers
    chosen = chosen_change(visit, view)
    first, last = chosen.layers if chosen and chosen.layers else (0, max(layers - 1, 0))
    names = [(title, name) for name, title in titles(offered()).items()]
    sliders = [
        gr.update(value=value, label=direction_words(visit.slots[place]), visible=True)
        if place < len(visit.slots)
        else gr.update(value=0, visible=False)
        for place, value in enumerate(slider_values(visit, view))
    ]
    classes = class_choices(model) if view.label is not None else []
    directions = [("", ""), *((direction_words(name), name) for name in model.directions)]
    return [
        visit, studio_parts.face_value(view, settled=True), *_past(visit),
        gr.update(choices=names, value=view.model),
        view.seed,
        gr.update(value=view.psi, visible=model.truncates),
        gr.update(choices=classes, value=view.label, visible=bool(classes)),
        *sliders,
        gr.update(choices=directions, value=visit.chosen),
        chosen.strength if chosen else 0.0,
        *(gr.update(value=value, maximum=max(layers - 1, 1), visible=layers > 1) for value in (first, last)),
        _list(visit),
    ]  # fmt: skip


def _list(visit: Visit) -> str:
    """Lists the edits that currently have no slider."""
    words = [f"{direction_words(change.direction)} {change.strength:+g}" for change in visit.others]
    return _("Also active: {edits}").format(edits=", ".join(words)) if words else ""


def _empty() -> list[Any]:
    """Returns the outputs when there is no model."""
    words = _("There are no models yet. Train one, or put a model's folder next to this app.")
    skipped: list[Any] = [gr.skip()] * Parts.OUTPUTS
    skipped[1] = {"wait": words}
    return skipped


# --- the page --------------------------------------------------------------------------------------------------------


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    parts = lay_out()
    inputs, outputs = [parts.visit, *parts.controls], parts.outputs
    dragged = [control.input for control in (*parts.sliders, parts.psi, parts.strength, parts.first, parts.last)]
    let_go = [control.release for control in (*parts.sliders, parts.psi, parts.strength, parts.first, parts.last)]
    page.load(
        callback(arrive),
        parts.link,
        outputs,
        js="() => location.search",
        api_name="arrive",
        concurrency_limit=4,
        **QUIET,
    )
    gr.on(
        dragged, callback(move), inputs, parts.face, trigger_mode="always_last", queue=False, api_name="move", **QUIET
    )
    gr.on(
        [*let_go, parts.seed.submit, parts.seed.blur, parts.label.input], callback(settle), inputs,
        [parts.visit, parts.face, parts.strip, parts.undo, parts.redo],
        trigger_mode="always_last", concurrency_limit=4, api_name="settle", **QUIET,
    )  # fmt: skip
    moves = (
        (parts.undo, undo), (parts.redo, redo), (parts.another, another), (parts.surprise, surprise_me),
        (parts.reset, reset),
    )  # fmt: skip
    for button, function in moves:
        button.click(
            callback(function), inputs, outputs, api_name=function.__name__, concurrency_limit=4,
            trigger_mode="multiple", **QUIET,
        )  # fmt: skip
    parts.strip.select(callback(revisit), parts.visit, outputs, api_visibility="private", **QUIET)
    parts.model.input(
        callback(choose_model), [parts.visit, parts.model, *parts.controls], outputs, api_name="choose_model", **QUIET
    )
    parts.direction.input(
        callback(pick), [parts.visit, parts.direction, *parts.controls], outputs, api_name="pick", **QUIET
    )
    for button, make in ((parts.download, download), (parts.share, share), (parts.save, save_edit)):
        made = button.click(callback(make), inputs, parts.file, api_name=make.__name__, **QUIET)
        studio_parts.saved(made, parts.file)
    dropped = parts.drop.upload(callback(read_back), [parts.drop, *inputs], outputs, api_name="read_back", **QUIET)
    studio_parts.emptied(parts.drop, dropped)
    faces.offered(page, ID, parts.use, given, inputs)
    faces.taking(page, ID, _(TITLE), take, inputs, outputs)
    studio_parts.copying(parts.copy)
