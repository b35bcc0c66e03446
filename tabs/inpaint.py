"""Inpaint: fills in the part that is painted over from the rest of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw

from gan_core.errors import BadValue
from ui.languages import N_, _
from ui.studio.models.image_models import (
    ImageModel,
    examples,
    image_models,
    made,
    open_image_model,
    taken,
    unfamiliar_words,
)
from ui.studio.requests.calls import callback, event_number, warn_if_animated
from ui.studio.requests.latest import Latest
from ui.studio.requests.uploads import clean, received
from ui.studio.view.pictures import display_url, lossless_url, marked
from ui.studio.view.view import another_seed
from ui.studio.widgets import canvas, parts
from ui.studio.widgets.canvas import read_back, sheet_of
from ui.studio.widgets.parts import QUIET
from ui.texts import paragraph, titles

TITLE = N_("Inpaint")
ID = "inpaint"
GROUP = N_("Pictures")
PAD = "fill-pad"
FILLING = ("inpainting",)  # task of inpainting models
KIND = "truth"  # label of these pictures on the sheet next to a model's card
OPAQUE = 128  # level of 255 from which a pixel counts as masked
OUTPUTS = 5  # number of outputs of a scene
FIRST_HOLE = (0.28, 0.42, 0.72, 0.6)  # left, top, right, bottom, as shares of the side: the eyes of an example
COLOUR = (90, 75, 212)  # of the mask

_latest = Latest()


@dataclass(frozen=True)
class Source:
    """The picture to paint over; `place` is the index of an example, -1 for the user's picture.

    `far`: how many times as far as usual it is from what the model `by` knows, if it is too far.
    """

    picture: Image.Image | None = None
    place: int = 0
    by: str = ""
    far: float = 0.0


def show_first(source: Source, model: str) -> list[Any]:
    """Opens the tab; keeps an earlier picture and its mask."""
    return [gr.skip()] * OUTPUTS if source.picture is not None else paper(source, model)


def paper(source: Source, model: str) -> list[Any]:
    """Selects a model: the current picture, or its first example with a hole."""
    chosen = open_image_model(model, FILLING)
    if source.picture is not None and source.place < 0:
        return _scene(source if source.by == chosen.name else _user_picture(source.picture, chosen), chosen)
    return press_at(model, 0)


def press(event: gr.EventData, model: str) -> list[Any]:
    """Handles a click on an example."""
    return press_at(model, int(event_number(event)))


def press_at(model: str, place: float) -> list[Any]:
    """Returns the example at a position of the row, with a hole."""
    chosen = open_image_model(model, FILLING)
    pictures = examples(chosen.card, KIND) or [Image.new("RGB", (chosen.size, chosen.size), "white")]
    if not 0 <= int(place) < len(pictures):
        raise BadValue("There is no example at position {place}.", place=int(place))
    return _scene(Source(pictures[int(place)], int(place)), chosen)


def take(path: str | None, model: str) -> list[Any]:
    """Accepts an upload: checked, cleaned, deleted, and placed on the pad."""
    if path is None:
        return [gr.skip()] * OUTPUTS
    with received(path) as image:
        warn_if_animated(image)
        picture = clean(image)
    chosen = open_image_model(model, FILLING)
    return _scene(_user_picture(picture, chosen), chosen)


def _user_picture(picture: Image.Image, chosen: ImageModel) -> Source:
    """Returns the user's picture, and whether the model knows such pictures."""
    kind = chosen.recognition.kind(taken(chosen, picture))
    return Source(picture, -1, chosen.name, max(kind.times.values()) if kind.strange else 0.0)


def fill(request: gr.Request, mask: str, source: Source, model: str) -> Any:
    """Returns the inpainted picture while the mask is painted. `mask` is a PNG as a `data:` address, opaque where
    masked. Outdated requests are dropped.
    """
    chosen = open_image_model(model, FILLING)
    picture = _of(source)
    visitor = (request and request.session_hash) or ""
    answer = _latest(visitor, lambda: _filled(chosen, picture, _hole(mask, chosen.size), source.far))
    return [gr.skip()] * 2 if answer is None else answer


def save(mask: str, source: Source, model: str) -> dict[str, str]:
    """Returns the inpainted picture as a file."""
    chosen = open_image_model(model, FILLING)
    return parts.Download("filled.png", marked(_answer(chosen, _of(source), _hole(mask, chosen.size)))).plain


def _of(source: Source) -> Image.Image:
    if source.picture is None:
        raise BadValue("Drop in a picture first.")
    return source.picture


def _hole(mask: str, size: int) -> np.ndarray:
    """Returns the mask (size, size), true where masked."""
    painted = read_back(mask).getchannel("A").resize((size, size), Image.Resampling.BOX)
    return np.asarray(painted) >= OPAQUE


def _scene(source: Source, chosen: ImageModel) -> list[Any]:
    """Returns the picture on the pad with an initial hole, the row of examples, and the model's output."""
    picture = _of(source)
    hole = Image.new("L", (chosen.size, chosen.size))
    if source.place >= 0:
        ImageDraw.Draw(hole).rounded_rectangle([chosen.size * share for share in FIRST_HOLE], chosen.size / 12, 255)
    painted = Image.new("RGBA", hole.size, (*COLOUR, 0))
    painted.putalpha(hole)
    pad = {
        "side": chosen.size, "picture": display_url(made(taken(chosen, picture))), "mask": lossless_url(painted),
        "key": f"{chosen.name} {another_seed()}",
    }  # fmt: skip
    strip = parts.examples_value(examples(chosen.card, KIND), source.place, _("Example"))
    return [source, pad, strip, *_filled(chosen, picture, np.asarray(hole) >= OPAQUE, source.far)]


def _filled(chosen: ImageModel, picture: Image.Image, hole: np.ndarray, far: float) -> list[Any]:
    image = _answer(chosen, picture, hole)
    words = [unfamiliar_words(far)] if far else []
    if not hole.any():
        words.append(_("Nothing is masked yet: paint over the part to be filled in."))
    elif hole.all():
        words.append(_("Everything is masked: the model has nothing to go by and draws the most likely picture."))
    return [parts.image_value(image, _("Inpainted picture")), paragraph(*words)]


def _answer(chosen: ImageModel, picture: Image.Image, hole: np.ndarray) -> Image.Image:
    """Returns the inpainted picture; without a mask it is unchanged."""
    import torch

    given = taken(chosen, picture)
    if not hole.any():
        return made(given)
    return made(chosen.sampler.fill(given, torch.from_numpy(hole.copy())[None, None]))  # (H, W) -> (1, 1, H, W)


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    models = [(title, name) for name, title in titles(image_models(FILLING)).items()]
    if not models:
        parts.note(
            _("Inpainting needs a context encoder, and none is available. Train one with `ganscope train "
              "context_encoder`.")
        )  # fmt: skip
        return
    source = gr.State(Source(), time_to_live=3600)
    mask = gr.Textbox(visible=False, label=_("Mask"))
    parts.note(_("Paint over a part of the picture, and the model fills it in from its surroundings."))
    with gr.Row(equal_height=False):
        with gr.Column(min_width=300):
            pad = canvas.mask_pad(PAD, _("Picture to paint over"))
        with gr.Column(min_width=300):
            face = parts.face(elem_id="filled-face")
            words = parts.note()
    parts.note(_("Examples, none of them training images:"))
    strip = parts.strip(elem_id="fill-examples")
    with gr.Row(elem_classes="row-left"):
        download = gr.Button(_("Save picture"), elem_id="save-filled")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=280):
            gr.Markdown(f"**{_('Your picture')}**")
            drop = parts.picture_file("fill-drop")
        with gr.Column(min_width=280):
            parts.upload_note(
                after=_("A model knows only its training data: one trained on drawn faces fills every picture with "
                        "parts of drawn faces.")
            )  # fmt: skip
            model = gr.Dropdown(models, value=models[0][1], label=_("Model"), visible=len(models) > 1)
    scene = [source, pad, strip, face, words]
    pad.draw(
        callback(fill), [mask, source, model], [face, words], js=sheet_of(PAD, 2), trigger_mode="always_last",
        queue=False, api_name="fill", **QUIET,
    )  # fmt: skip
    tab.select(callback(show_first), [source, model], scene, api_visibility="private", concurrency_limit=1, **QUIET)
    model.input(callback(paper), [source, model], scene, api_name="fill_model", concurrency_limit=1, **QUIET)
    strip.select(callback(press), model, scene, api_visibility="private", **QUIET)
    parts.emptied(drop, drop.upload(callback(take), [drop, model], scene, api_name="fill_picture", **QUIET))
    parts.saving(download, save, [mask, source, model], "save_filled", sheet_of(PAD, 2))
