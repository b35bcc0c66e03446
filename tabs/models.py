"""Models: all models with their cards."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import gradio as gr
from PIL import Image

from gan_core.errors import BadValue
from gan_core.models import listing
from gan_core.models.card import SAMPLE, Card
from gan_core.runs.store import Checkpoint, Run
from ui.languages import N_, _
from ui.studio.models import runs as studio_runs
from ui.studio.models.opened import add, folder_of, hosted, offered
from ui.studio.requests.calls import callback
from ui.studio.view.pictures import data_url
from ui.studio.widgets import parts
from ui.studio.widgets.parts import QUIET
from ui.studio_process import is_loopback
from ui.texts import bytes_size, card_size, data_title, joined, number, recipe_word, run_title, state_word, titles

TITLE = N_("Models")
ID = "models"
GROUP = N_("Inside")
WIDTH = 480  # size of a thumbnail in pixels
RUNS = 6  # maximum number shown


def models() -> str:
    """Returns all models and the newest runs as cards; generative ones can be opened."""
    cards, damaged = listing.survey()
    runs = _runs()
    if not cards and not damaged and not runs:
        return f'<p class="quiet">{_("There are no models yet.")}</p>'
    drawing, called = offered(), titles(cards)
    ordered = sorted(cards.items(), key=lambda one: one[0] not in drawing)
    made = [_card(card, called[name], name in drawing) for name, card in ordered]
    broken = _("This model is damaged and can't be used.")
    made += [f"<article><div><h3>{escape(one.name)}</h3><p>{broken}</p></div></article>" for one in damaged]
    html = f'<div class="cards">{"".join(made)}</div>'
    if runs:
        html += f'<h3 class="part">{_("Your runs")}</h3><div class="cards">{"".join(runs)}</div>'
    return html


def _runs() -> list[str]:
    """Returns the newest runs of the classroom, unless the Studio is public."""
    return [] if hosted() else [_run(run, checkpoint) for run, checkpoint in studio_runs.runs()[:RUNS]]


def _run(run: Run, checkpoint: Checkpoint) -> str:
    card = studio_runs.card_of(run, checkpoint)
    previews = studio_runs.store().previews(run.id)
    picture = _picture(previews[-1].path) if previews else ""
    facts = joined(_("Run, {state}").format(state=state_word(run.state)), recipe_word(card), data_title(card.data),
                   card_size(card), _("step {step}").format(step=number(checkpoint.step)))  # fmt: skip
    return _article(picture, run_title(run), [facts], card.name)


def bring(request: gr.Request, reference: str) -> str:
    """Opens a model from a folder or the Hub: its card and a link. Only for the local user."""
    if request and not is_loopback(request.client.host):
        raise BadValue("Folders and Hub models can only be opened on the computer that runs the Studio.")
    if not (reference or "").strip():
        raise BadValue("Enter a folder, or a model on the Hub: hf://owner/name")
    name = add(reference)
    brought = offered()
    return f'<div class="cards">{_card(replace(brought[name], name=name), titles(brought)[name], True)}</div>'


def _card(card: Card, title: str, draws: bool) -> str:
    facts = joined(
        recipe_word(card), data_title(card.data), card_size(card), bytes_size(card.bytes),
        _("{count} parameters").format(count=number(sum(card.parameters.values()))),
    )  # fmt: skip
    lines = [facts, _("Limits: {limits}").format(limits=_(card.limits)), _("Licence: {licence}").format(
        licence=_(card.licence))]  # fmt: skip
    return _article(_picture(folder_of(card.name) / SAMPLE), title, lines, card.name if draws else "")


def _article(picture: str, title: str, lines: Sequence[str], name: str) -> str:
    """Returns a card as HTML; `name` is the model that its link opens, if any."""
    words = "".join(f"<p>{escape(line)}</p>" for line in lines)
    link = f'<a href="?{escape(urlencode({"model": name}))}">{_("Open in Latent editing")}</a>' if name else ""
    return f"<article>{picture}<div><h3>{escape(title)}</h3>{words}{link}</div></article>"


def _picture(path: Path) -> str:
    return f'<img src="{_thumbnail(path, path.stat().st_mtime_ns)}" alt="" loading="lazy">' if path.is_file() else ""


@lru_cache(maxsize=64)
def _thumbnail(path: Path, changed: int) -> str:
    with Image.open(io.BytesIO(path.read_bytes()), formats=("PNG",)) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    return data_url(small)


def build(page: gr.Blocks, tab: gr.Tab) -> None:
    """Builds the tab."""
    parts.note(_("Pretrained models. Each card shows the model's training data, limits and licence."))
    shown = parts.made(elem_id="cards", min_height=200)
    tab.select(callback(models), None, shown, api_name="models", **QUIET)
    if hosted():
        return
    with gr.Accordion(_("Open another model"), open=False):
        with gr.Row():
            reference = gr.Textbox(
                label=_("Folder or Hub address"), placeholder="hf://owner/name", scale=4,
                info=_("Available until the Studio is closed. Not offered in a Space."),
            )  # fmt: skip
            fetch = gr.Button(_("Open"), scale=1)
        brought = gr.HTML("", apply_default_css=False)
    gr.on([fetch.click, reference.submit], callback(bring), reference, brought, api_name="bring", concurrency_limit=1)
