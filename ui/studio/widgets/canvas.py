"""Drawing, painting and photographing in the browser: a pad, a mask, a webcam; and decoding their pictures.

Pictures arrive as `data:` addresses rather than files, so that nothing must be deleted from disk.
"""

from __future__ import annotations

import base64
import binascii
import io
from html import escape
from pathlib import Path

import gradio as gr
from PIL import Image, UnidentifiedImageError

from gan_core.errors import BadData
from ui.languages import _
from ui.studio.requests.checks import MOST_LETTERS

HERE = Path(__file__).parent
MOST_SIDE = 1024  # maximum side of such a picture in pixels
SEEN = 512  # side of the canvas on screen in pixels

_PAD = """
<div class="pad{kind}">
  <div class="paper"><img alt="" {hidden} draggable="false"><canvas class="face" width="{seen}" height="{seen}"
    role="img" aria-label="{label}"></canvas><img class="guide" alt="" hidden draggable="false"></div>
  <canvas class="sheet" width="1" height="1" hidden></canvas>
  <div class="tools">
    <button type="button" data-tool="draw" aria-pressed="true">{draw}</button>
    <button type="button" data-tool="erase" aria-pressed="false">{erase}</button>
    <button type="button" data-tool="undo" disabled>{undo}</button>
    <button type="button" data-tool="clear">{clear}</button>
    <button type="button" data-tool="guide" aria-pressed="false" hidden>{guide}</button>
    <label {slider}>{size}<input type="range" min="3" max="40" value="16"></label>
  </div>
</div>"""
_CAMERA = """
<div class="camera">
  <video muted playsinline hidden></video><canvas width="{side}" height="{side}" hidden></canvas>
  <div class="tools">
    <button type="button" data-camera="begin">{begin}</button>
    <button type="button" data-camera="take" hidden>{take}</button>
    <button type="button" data-camera="stop" hidden>{stop}</button>
  </div>
  <p class="quiet">{consent}</p>
  <p class="problem" hidden>{problem}</p>
</div>"""


def pad(elem_id: str, label: str) -> gr.HTML:
    """A pad for dark lines. Fires `draw` during a stroke and `done` after it.

    Value: `side`, the model's size in pixels; `picture` to start from, as an address; `key`, which changes with the
    picture; `pen`, its width in the model's pixels; `guide`, lines to trace that aren't part of the drawing.
    """
    return _pad(elem_id, label, _("Pen"), mask=False)


def mask_pad(elem_id: str, label: str) -> gr.HTML:
    """The same over a fixed picture: what is painted is a mask."""
    return _pad(elem_id, label, _("Brush"), mask=True)


def _pad(elem_id: str, label: str, draw: str, mask: bool) -> gr.HTML:
    template = _PAD.format(
        kind=" mask" if mask else "", hidden="" if mask else "hidden", slider="" if mask else "hidden", seen=SEEN,
        label=escape(label), draw=escape(draw), erase=escape(_("Eraser")), undo=escape(_("Undo")),
        clear=escape(_("Clear")), guide=escape(_("Guide")), size=escape(_("Width")),
    )  # fmt: skip
    script = (HERE / "pad.js").read_text(encoding="utf-8")
    return gr.HTML({}, html_template=template, js_on_load=script, apply_default_css=False, elem_id=elem_id)


def camera(elem_id: str) -> gr.HTML:
    """The webcam, which fires `take` when a picture is taken."""
    template = _CAMERA.format(
        side=SEEN, begin=escape(_("Use the webcam")), take=escape(_("Take picture")), stop=escape(_("Stop")),
        consent=escape(_("Your browser asks for permission first. Only the picture that you take is sent, and it "
                         "isn't stored.")),
        problem=escape(_("There is no webcam, or the browser blocks access to it.")),
    )  # fmt: skip
    script = (HERE / "camera.js").read_text(encoding="utf-8")
    return gr.HTML({}, html_template=template, js_on_load=script, apply_default_css=False, elem_id=elem_id)


def sheet_of(elem_id: str, others: int = 0) -> str:
    """JavaScript that passes the drawing to a callback, followed by its other inputs."""
    names = ", ".join(f"one{number}" for number in range(others))
    canvas = f"document.querySelector('#{elem_id} canvas.sheet, #{elem_id} .camera canvas')"
    return f"(_{', ' + names if names else ''}) => [{canvas}.toDataURL('image/png'){', ' + names if names else ''}]"


def read_back(sheet: str, most: int = MOST_SIDE) -> Image.Image:
    """Decodes the picture of a `data:` address as RGBA; raises BadData."""
    if not isinstance(sheet, str) or not sheet.startswith("data:image/") or len(sheet) > MOST_LETTERS:
        raise BadData("The drawing didn't arrive. Draw another line.")
    try:
        content = base64.b64decode(sheet.partition(",")[2], validate=True)
        image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP"))
        if max(image.size) > most:
            raise BadData("A drawing may be at most {most} pixels wide and high.", most=most)
        return image.convert("RGBA")
    except (binascii.Error, UnidentifiedImageError):
        raise BadData("The drawing didn't arrive. Draw another line.") from None
    except BadData:
        raise
    except Exception:  # decoders raise almost anything on damaged or hostile files
        raise BadData("The picture is damaged or incomplete.") from None
