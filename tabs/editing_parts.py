"""Layout of the tab "Latent editing": at first, visitors see a picture and six sliders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from gan_core.latent.sliders import SLOTS
from ui.languages import _
from ui.studio.view.edits import EDITS
from ui.studio.view.view import MOST_PSI, MOST_SEED
from ui.studio.view.visit import REACH, Visit
from ui.studio.widgets import faces, parts


@dataclass(frozen=True)
class Parts:
    """The components that callbacks read and write."""

    OUTPUTS: ClassVar[int] = 5 + 4 + SLOTS + 5  # their number

    visit: gr.State
    link: gr.Textbox
    file: gr.JSON
    face: gr.HTML
    strip: gr.HTML
    sliders: list[gr.Slider]
    undo: gr.Button
    redo: gr.Button
    another: gr.Button
    surprise: gr.Button
    reset: gr.Button
    download: gr.Button
    copy: gr.Button
    share: gr.Button
    use: gr.HTML
    model: gr.Dropdown
    seed: gr.Number
    psi: gr.Slider
    label: gr.Dropdown
    direction: gr.Dropdown
    strength: gr.Slider
    first: gr.Slider
    last: gr.Slider
    others: gr.Markdown
    save: gr.Button
    drop: gr.File

    @property
    def controls(self) -> list[Any]:
        """Returns the components in the order of `Controls.of`."""
        return [self.seed, self.psi, self.label, *self.sliders, self.strength, self.first, self.last]

    @property
    def outputs(self) -> list[Any]:
        """Returns the components in the order of a scene."""
        return [
            self.visit, self.face, self.strip, self.undo, self.redo, self.model, self.seed, self.psi, self.label,
            *self.sliders, self.direction, self.strength, self.first, self.last, self.others,
        ]  # fmt: skip


def lay_out() -> Parts:
    """Builds the picture on the left, sliders on the right, and everything else under "More"."""
    found: dict[str, Any] = {"visit": gr.State(Visit(), time_to_live=24 * 3600)}
    found["link"] = gr.Textbox(visible=False)
    found["file"] = gr.JSON(visible=False)
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=320, elem_id="stage"):
            found["face"] = parts.face(elem_id="face")
            found["strip"] = parts.strip(elem_id="steps")
        with gr.Column(scale=5, min_width=320):
            parts.note(_("Move a slider to change the picture. Press and hold the picture to see it before the edits."))
            found["sliders"] = [
                gr.Slider(-REACH, REACH, 0, step=0.1, label=_("Slider {number}").format(number=place + 1),
                          elem_id=f"slider-{place}", elem_classes="face-slider", buttons=[])
                for place in range(SLOTS)
            ]  # fmt: skip
            found |= _buttons()
            with gr.Accordion(_("More"), open=False, elem_id="more"):
                found |= _more()
    return Parts(**found)


def _buttons() -> dict[str, Any]:
    with gr.Row(elem_classes="row-tight"):
        found: dict[str, Any] = {
            "another": gr.Button(_("New picture"), variant="primary", elem_id="another"),
            "surprise": gr.Button(_("Surprise me"), elem_id="surprise"),
            "undo": gr.Button(_("Undo"), interactive=False, elem_id="undo"),
            "redo": gr.Button(_("Redo"), interactive=False, elem_id="redo"),
            "reset": gr.Button(_("Reset"), elem_id="reset"),
        }
    with gr.Row(elem_classes="row-tight"):
        found["download"] = gr.Button(_("Save picture"), elem_id="download")
        found["copy"] = gr.Button(_("Copy link"), elem_id="copy-link")
        found["share"] = gr.Button(_("Save as card"), elem_id="share-card")
    found["use"] = faces.choice("editing")
    return found


def _more() -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": gr.Dropdown([], label=_("Model"), elem_id="model"),
        "label": gr.Dropdown([], label=_("Class"), visible=False, elem_id="class"),
        "seed": gr.Number(
            0, label=_("Seed"), precision=0, elem_id="seed", minimum=0, maximum=MOST_SEED,
            info=_("The number of a random picture. The same seed gives the same picture."),
        ),
        "psi": gr.Slider(
            0, MOST_PSI, 1, step=0.05, label=_("Truncation"), elem_id="psi",
            info=_("0 is the average picture, 1 the full variety that the model learned. Lower values give better "
                   "but less varied pictures."),
        ),
        "direction": gr.Dropdown(
            [], label=_("Any direction"), elem_id="direction", filterable=True,
            info=_("All directions of this model: named ones, principal components of its latents (GANSpace) and "
                   "directions of its weights (SeFa)."),
        ),
        "strength": gr.Slider(-REACH * 2, REACH * 2, 0, step=0.1, label=_("Strength"), elem_id="strength",
                              info=_("In standard deviations of random pictures.")),
    }  # fmt: skip
    with gr.Row():
        found["first"] = gr.Slider(
            0, 1, 0, step=1, label=_("From layer"), info=_("0 is the coarsest layer."), min_width=120
        )
        found["last"] = gr.Slider(
            0, 1, 1, step=1, label=_("To layer"), info=_("The last layer is the finest."), min_width=120
        )
    found["others"] = parts.note()
    found["save"] = gr.Button(_("Save edits as a file"))
    parts.note(_("Drop a saved picture or a file of edits here to continue from it:"))
    found["drop"] = gr.File(show_label=False, file_types=[".png", EDITS], height=parts.UPLOAD_HEIGHT, elem_id="drop")
    return found
