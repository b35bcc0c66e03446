"""Inside: a layer's channels as pictures; switch channels off to see what they draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import numpy as np
from PIL import Image

from gan_core.errors import BadValue
from gan_core.models.card import Card
from ui.languages import N_, _
from ui.studio.models.opened import opened
from ui.studio.requests.calls import callback, event_number
from ui.studio.view.attribution import attribution_page
from ui.studio.view.measured import leakage_page
from ui.studio.view.pictures import data_url, drawn, marked
from ui.studio.view.view import MOST_SEED, PSI, SEEDS, View, another_seed, checked_seed, points_of
from ui.studio.widgets import faces as studio_faces
from ui.studio.widgets import parts
from ui.studio.widgets.choices import choices, model_choice
from ui.studio.widgets.parts import QUIET

TITLE = N_("Inside")
ID = "inside"
GROUP = N_("Inside")
MOST_SHOWN = 64  # maximum number of channels, those with the highest variance
TILE = 64  # pixels


@dataclass(frozen=True)
class Look:
    """The selected layer; `order` lists the visible channels, `off` those switched off. `face` comes from another
    tab.
    """

    model: str = ""
    seed: int = 0
    layer: str = ""
    order: tuple[int, ...] = ()
    off: frozenset[int] = frozenset()
    face: View | None = None


def show_first(seen: Look, model: str, seed: float, layer: str | None, face: View | None = None) -> list[Any]:
    """Opens the tab; keeps channels switched off, unless another face arrives."""
    number = checked_seed(int(seed or 0))
    asked = (model, number, layer, studio_faces.same(face, model, number))
    same = (seen.model, seen.seed, seen.layer, seen.face) == asked
    return [gr.skip()] * 6 if same else look(model, seed, layer, face)


def look(model: str, seed: float, layer: str | None, face: View | None = None) -> list[Any]:
    """Returns a layer's channels for a picture, by default those of the first layer with feature maps."""
    from gan_core.latent.inside import layer_names

    chosen = opened(model)
    names = {name: shape for name, shape in layer_names(chosen.apart).items() if len(shape) == 3}
    if not names:
        raise BadValue("{recipe} has no layers with feature maps.", recipe=chosen.explorer.sampler.recipe.title)
    if layer not in names:
        layer = list(names)[min(1, len(names) - 1)]
    number = checked_seed(int(seed or 0))
    start = Look(model, number, layer, face=studio_faces.same(face, model, number))
    choices = [
        (_("{place}. {size} x {size} pixels, {channels} channels").format(
            place=place + 1, size=shape[2], channels=shape[0]), name)
        for place, (name, shape) in enumerate(names.items())
    ]  # fmt: skip
    return [*_seen(start), gr.update(choices=choices, value=layer)]


def toggle(event: gr.EventData, seen: Look) -> list[Any]:
    """Handles a click on a channel."""
    return switch(seen, int(event_number(event)))


def switch(seen: Look, place: int) -> list[Any]:
    """Switches the channel at a position of the grid off or on."""
    if not 0 <= place < len(seen.order):
        raise BadValue("There is no channel at position {place}.", place=place)
    return _seen(replace(seen, off=seen.off ^ {seen.order[place]}))


def all_on(seen: Look) -> list[Any]:
    """Switches all channels on."""
    return _seen(replace(seen, off=frozenset()))


def save(seen: Look) -> dict[str, str]:
    """Returns the picture without the channels as PNG with its settings."""
    if not seen.model:
        raise BadValue("There is no picture yet.")
    settings = f"{_view(seen).query()}&{urlencode({'layer': seen.layer, 'off': ','.join(map(str, sorted(seen.off)))})}"
    made = marked(_drawn(seen)[1], settings)
    return parts.Download(f"{seen.model}-seed{seen.seed}-inside.png", made).plain


def given(seen: Look) -> View:
    """Returns the unmodified face, for another tab."""
    if not seen.model:
        raise BadValue("There is no picture yet.")
    return _view(seen)


def take(view: View) -> list[Any]:
    """Accepts a face from another tab: the model, its seed and the face itself."""
    return [gr.update(value=view.model), view.seed, view]


def _view(seen: Look) -> View:
    chosen = opened(seen.model)
    conditional = chosen.explorer.sampler.recipe.conditional
    return seen.face or View(seen.model, seen.seed, PSI if chosen.explorer.styled else 1.0, 0 if conditional else None)


def _drawn(seen: Look) -> list[Image.Image]:
    """Returns the picture, and the picture without the channels that are switched off."""
    from gan_core.latent.inside import switched

    points, explorer = points_of(_view(seen)), opened(seen.model).apart
    before = drawn(explorer, points)[0]
    with switched(explorer, {seen.layer: sorted(seen.off)} if seen.off else {}):
        return [before, drawn(explorer, points)[0]]


def _seen(seen: Look) -> list[Any]:
    """Returns the look, the grid, both pictures and a description."""
    from gan_core.latent.inside import maps

    explorer, points = opened(seen.model).apart, points_of(_view(seen))
    values = maps(explorer, points, seen.layer)[0].float().numpy()  # (C, h, w)
    if not seen.order:
        lively = np.argsort(-values.reshape(len(values), -1).std(1))[:MOST_SHOWN]
        seen = replace(seen, order=tuple(int(one) for one in lively))
    before, after = _drawn(seen)
    grid = {
        "items": [data_url(_tile(values[channel])) for channel in seen.order],
        "off": [place for place, channel in enumerate(seen.order) if channel in seen.off],
        "label": _("Channel"), "numbers": list(seen.order),
    }  # fmt: skip
    words = _("{off} of {all} channels are switched off.").format(off=len(seen.off), all=len(values))
    both = [
        parts.image_value(image, alt)
        for image, alt in ((before, _("Original picture")), (after, _("Picture without these channels")))
    ]
    return [seen, grid, *both, words]


def _tile(channel: np.ndarray) -> Image.Image:
    """Converts a map (h, w) to grey levels, its minimum black and its maximum white."""
    low, high = float(channel.min()), float(channel.max())
    levels = (channel - low) / (high - low) if high > low else np.zeros_like(channel)
    image = Image.fromarray((255 * levels).astype(np.uint8))
    return image.resize((min(TILE, image.width), min(TILE, image.height)), Image.Resampling.BOX)


def leakage(model: str) -> str:
    """Returns how much each slider changes its own and other features: text and heat map."""
    return leakage_page(opened(model))


def still_leaking(shows: bool, model: str) -> str:
    """Updates the same for another model, if the table is open."""
    return leakage(model) if shows else ""


def looked_at(model: str, seed: float, face: View | None = None) -> str:
    """Returns what the discriminator looks at in the tab's picture: text and pictures."""
    number = checked_seed(int(seed or 0))
    return attribution_page(opened(model), _view(Look(model, number, face=studio_faces.same(face, model, number))))


def still_looked_at(shows: bool, model: str, seed: float, face: View | None = None) -> str:
    """Updates the same for another picture, if the maps are open."""
    return looked_at(model, seed, face) if shows else ""


def fits(card: Card) -> bool:
    """Whether the tab supports a model."""
    return card.recipe != "mlp_gan"


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    if not choices(fits):
        parts.note(_("There are no models yet."))
        return
    seen = gr.State(Look(), time_to_live=3600)
    parts.note(
        _("Each layer computes many small pictures, its channels, and the next layer builds larger ones from them. "
          "Click a channel to switch it off: what disappears from the picture is what the channel draws."))  # fmt: skip
    with gr.Row():
        with gr.Column(scale=4, min_width=300):
            with gr.Row():
                faces = []
                for words in (_("Original"), _("Without these channels")):
                    with gr.Column(min_width=140):
                        gr.Markdown(f"**{words}**")
                        faces.append(parts.face())
            status = parts.note()
            layer = gr.Dropdown([], label=_("Layer"), info=_("In the order of computation, the coarsest first."))
            with gr.Row(elem_classes="row-tight"):
                on = gr.Button(_("Switch all on"))
                dice = gr.Button(_("New picture"))
                download = gr.Button(_("Save picture"), elem_id="save-inside")
            use = studio_faces.choice(ID)
            with gr.Accordion(_("More"), open=False):
                model = model_choice(page, fits)
                seed = gr.Number(SEEDS[0], label=_("Seed"), precision=0, minimum=0, maximum=MOST_SEED)
        with gr.Column(scale=5, min_width=300):
            grid = parts.tiles(elem_id="channels")
    with gr.Accordion(_("What the sliders change"), open=False, elem_id="leakage") as moves:
        table = gr.HTML("", apply_default_css=False, elem_classes="working", min_height=80)
    with gr.Accordion(_("What the discriminator looks at"), open=False, elem_id="attribution") as attribution:
        maps = gr.HTML("", apply_default_css=False, elem_classes="working", min_height=80)
    face = gr.State(None, time_to_live=3600)
    shows, leaks = _opens(attribution), _opens(moves)
    attribution.expand(callback(looked_at), [model, seed, face], maps, api_name="attribution")
    gr.on(
        [seed.change, model.input, face.change], callback(still_looked_at), [shows, model, seed, face], maps,
        trigger_mode="always_last", api_visibility="private",
    )  # fmt: skip
    moves.expand(callback(leakage), model, table, api_name="leakage", **QUIET)
    model.input(callback(still_leaking), [leaks, model], table, api_visibility="private", **QUIET)
    outputs = [seen, grid, *faces, status]
    gr.on(
        [layer.input, model.input, seed.change], callback(look), [model, seed, layer, face], [*outputs, layer],
        trigger_mode="always_last", api_name="look", **QUIET,
    )  # fmt: skip
    grid.select(callback(toggle), seen, outputs, api_visibility="private", **QUIET)
    on.click(callback(all_on), seen, outputs, api_name="all_on", **QUIET)
    dice.click(another_seed, None, seed, api_visibility="private", **QUIET)
    parts.saving(download, save, seen, "save_inside")
    studio_faces.offered(page, ID, use, given, [seen])
    studio_faces.taking(page, ID, _(TITLE), take, [], [model, seed, face])
    tab.select(
        callback(show_first), [seen, model, seed, layer, face], [*outputs, layer], api_visibility="private", **QUIET
    )


def _opens(accordion: gr.Accordion) -> gr.State:
    """Returns whether an accordion is open."""
    shows = gr.State(False, time_to_live=3600)
    accordion.expand(lambda: True, None, shows, api_visibility="private", **QUIET)
    accordion.collapse(lambda: False, None, shows, api_visibility="private", **QUIET)
    return shows
