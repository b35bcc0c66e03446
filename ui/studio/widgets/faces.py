"""Sending a face from tab to tab without loading anything again.

A tab calls `offered` for what it shows and `taking` for what it accepts; the page calls `connect` after all tabs are
built. Faces among seeds, for example keyframes, get a short name.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from gan_core.errors import BadValue
from ui.languages import _
from ui.studio.requests.calls import callback, event_number
from ui.studio.view.view import View

MOST = 4_096  # number of named faces that are kept
NAME = "#"  # prefix of a face's name
DIGITS = 10  # length of a name's random part
# a native select without a value: it resets itself after a choice
_CHOICE = """
<select class="use" aria-label="${value.words}"><option value="">${value.words}</option>
${(value.places || []).map((words, place) => `<option value="${place}">${words}</option>`).join('')}</select>"""
_CHOOSE = """
element.addEventListener('change', event => {
  if (event.target.value) trigger('select', {place: Number(event.target.value)});
  event.target.value = '';
});
"""
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True)
class Offer:
    """`give` makes a view from the values of `inputs`."""

    tab: str
    choice: gr.HTML
    give: Callable[..., View]
    inputs: Sequence[Any]


@dataclass(frozen=True)
class Place:
    """A tab that accepts a view: `take` gets it, then the values of `inputs`, and fills `outputs`."""

    tab: str
    title: str
    take: Callable[..., list[Any]]
    inputs: Sequence[Any]
    outputs: Sequence[Any]


@dataclass
class _Page:
    offers: list[Offer]
    places: list[Place]


_pages: WeakKeyDictionary[gr.Blocks, _Page] = WeakKeyDictionary()
_named: OrderedDict[str, View] = OrderedDict()
_lock = threading.Lock()


def choice(tab: str) -> gr.HTML:
    """Builds the selector of tabs to send the current face to."""
    words = _("Use this face in …")
    return gr.HTML(
        {"words": words, "places": []}, html_template=_CHOICE, js_on_load=_CHOOSE, apply_default_css=False,
        elem_id=f"use-{tab}",
    )  # fmt: skip


def offered(page: gr.Blocks, tab: str, shown: gr.HTML, give: Callable[..., View], inputs: Sequence[Any]) -> None:
    """Defines what a selector from `choice` sends."""
    _of(page).offers.append(Offer(tab, shown, give, inputs))


def taking(
    page: gr.Blocks, tab: str, title: str, take: Callable[..., list[Any]], inputs: Sequence[Any], outputs: Sequence[Any]
) -> None:
    """Declares that a tab accepts faces; `title` is in the page's language."""
    _of(page).places.append(Place(tab, title, take, inputs, outputs))


def connect(page: gr.Blocks, tabs: gr.Tabs) -> None:
    """Fills the selectors; a selected tab takes the face and comes to the front."""
    here = _of(page)
    for offer in here.offers:
        others = [place for place in here.places if place.tab != offer.tab]
        offer.choice.value = {"words": _("Use this face in …"), "places": [place.title for place in others]}
        inputs = [*offer.inputs, *(one for place in others for one in place.inputs)]
        outputs = [tabs, *(one for place in others for one in place.outputs)]
        offer.choice.select(callback(_sending(offer, others)), inputs, outputs, **QUIET)


def _sending(offer: Offer, places: Sequence[Place]) -> Callable[..., list[Any]]:
    def send(event: gr.EventData, *values: Any) -> list[Any]:
        view, rest = offer.give(*values[: len(offer.inputs)]), list(values[len(offer.inputs) :])
        front, filled = gr.skip(), list[Any]()
        for number, place in enumerate(places):
            given, rest = rest[: len(place.inputs)], rest[len(place.inputs) :]
            if number == int(event_number(event)):
                front = gr.Tabs(selected=place.tab)
                filled += place.take(view, *given)
            else:
                filled += [gr.skip()] * len(place.outputs)
        return [front, *filled]

    return send


def _of(page: gr.Blocks) -> _Page:
    return _pages.setdefault(page, _Page([], []))


def same(view: View | None, model: str, seed: int) -> View | None:
    """Returns the face that a tab received, while model and seed are still those of the face."""
    return view if view is not None and (view.model, view.seed) == (model, seed) else None


def name_of(view: View) -> str:
    """Returns a short name of a face, which `known` resolves for a while."""
    name = NAME + hashlib.sha256(view.query().encode()).hexdigest()[:DIGITS]
    with _lock:
        _named[name] = view
        _named.move_to_end(name)
        while len(_named) > MOST:
            _named.popitem(last=False)
    return name


def known(name: str) -> View:
    """Returns the face of a name; raises BadValue if it is no longer stored."""
    with _lock:
        if name in _named:
            _named.move_to_end(name)
            return _named[name]
    raise BadValue("The face {name} is no longer stored: send it to this tab again.", name=name[:20])
