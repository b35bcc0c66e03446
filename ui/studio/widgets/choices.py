"""Model selection in tabs: the model in the link, and models added after the page was built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

import gradio as gr

from gan_core.errors import GanscopeError
from gan_core.models.card import Card
from ui.languages import _
from ui.studio.models.opened import hosted, named, offered
from ui.studio.requests.calls import callback
from ui.texts import titles

Fits = Callable[[Card], bool]


def every(card: Card) -> bool:
    """Accepts every generative model."""
    return True


@dataclass(frozen=True)
class Choice:
    """A tab's model dropdown, and which models it accepts."""

    list: gr.Dropdown
    fits: Fits


_of_pages: WeakKeyDictionary[gr.Blocks, list[Choice]] = WeakKeyDictionary()


def model_choice(page: gr.Blocks, fits: Fits = every) -> gr.Dropdown:
    """A dropdown of the suitable models, updated whenever the page is opened. At least one must exist."""
    names = choices(fits)
    made = gr.Dropdown(names, value=names[0][1], label=_("Model"))
    _of_pages.setdefault(page, []).append(Choice(made, fits))
    return made


def choices(fits: Fits = every) -> list[tuple[str, str]]:
    """Returns titles and names."""
    models = offered()
    return [(title, name) for name, title in titles(models).items() if fits(models[name])]


def connect(page: gr.Blocks) -> None:
    """Must be called after all tabs are built."""
    made = _of_pages.get(page, [])
    if not made:
        return

    def fill(link: str) -> list[Any]:
        found = filled([one.fits for one in made], link)
        return found if len(found) > 1 else found[0]

    link = gr.Textbox(visible=False)
    page.load(
        callback(fill), link, [one.list for one in made], js="() => location.search", show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip


def filled(all_fits: Sequence[Fits], link: str) -> list[Any]:
    """Returns the updated dropdowns, with the link's model selected where it fits."""
    if not hosted():
        import gan_core.gans  # noqa: F401  it alone says what a run's recipe can do
    asked = parse_qs(link.lstrip("?")).get("model", [""])[-1]
    try:
        asked = named(asked)[0] if asked else ""
    except GanscopeError:  # the first tab reports it
        asked = ""
    found = []
    for fits in all_fits:
        names = choices(fits)
        known = asked in {name for _title, name in names}
        found.append(gr.update(choices=names, value=asked) if known else gr.update(choices=names))
    return found
