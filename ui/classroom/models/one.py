"""The page of one model: its card in plain words, samples of any seed, and actions.

The card and its picture are rendered before torch is imported; the sampler follows.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from gan_core.models import listing
from gan_core.models.card import NEIGHBOURS, SAMPLE, WEIGHTS, Card, read_card
from ui.classroom.models import actions, facts, gallery
from ui.classroom.models.shelf import classifies, damage, draws, enlarged_file, kinds, one_line, shelf, translates
from ui.classroom.shell import export_panel, style, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import STATE, _
from ui.texts import bytes_size, plain, titles


def show(name: str) -> None:
    """Renders the page of the model of this name."""
    style.apply(gallery.SHEET)
    st.page_link(
        "pages/models.py", label=_("All models"), icon=":material/arrow_back:",
        query_params={"lang": st.session_state.get(STATE, "en")},
    )  # fmt: skip
    with showing_errors():
        folder = listing.standing(name)
        card = read_card(folder)
        _head(name, card)
        broken = damage(folder, card)
        if broken:
            st.error(plain(broken), icon=":material/broken_image:")
        drawn, described = st.columns([3, 2], gap="large")
        with described:
            _sheet(folder, card)
            facts.show(card)
        with drawn:
            stage = st.container()
            if not broken:
                with st.container(horizontal=True, key="model-actions"):
                    actions.show(name, folder, card)
                    _weights(name, folder, card)
                    export_panel.button(export_panel.Subject(str(folder.resolve()), card.sha256, name))
            _neighbours(folder, card)
            facts.explain(card)
        if not broken and not classifies(card):
            with stage:
                _playground(name, card)


def _head(name: str, card: Card) -> None:
    st.title(plain(titles(shelf().models).get(name, _(card.title))), anchor=False)
    st.caption(plain(one_line(card)))
    st.markdown(" ".join(gallery.badges(card)))


def _sheet(folder: Path, card: Card) -> None:
    try:
        content = enlarged_file(folder / SAMPLE)
    except OSError:
        st.caption(_("There is no picture of this model."))
        return
    with st.container(key="sheet"):
        picture(content, alt=_("Samples of {model}").format(model=_(card.title)))
    if draws(card):
        st.caption(_("The first samples of seed 0, not selected by hand."))
    elif translates(card):
        st.caption(_("Side by side: {kinds}.").format(kinds=kinds(card)))
        st.caption(_("Outputs for held-out images, not selected by hand."))


def _neighbours(folder: Path, card: Card) -> None:
    """Shows samples next to their nearest training images; nothing if they haven't been computed."""
    with suppress(OSError):
        content = enlarged_file(folder / NEIGHBOURS)
        with st.container(key="neighbours"):
            st.markdown(f"**{_('Memorised training images?')}**")
            picture(
                content, alt=_("Samples of {model} next to their nearest training images").format(model=_(card.title))
            )
            st.caption(_("Top: the samples closest to a training image. Bottom: that training image."))


def _playground(name: str, card: Card) -> None:
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once per start …")):
            warm.now()
        st.rerun()
    from ui.classroom.models import sampler, translator

    if translates(card):
        translator.show(name, card)
    else:
        sampler.show(name, card)


def _weights(name: str, folder: Path, card: Card) -> None:
    def content() -> bytes:
        return (folder / WEIGHTS).read_bytes()

    st.download_button(
        _("Weights ({size})").format(size=bytes_size(card.bytes)), content, f"{name}.safetensors",
        "application/octet-stream", icon=":material/neurology:", key="model-weights", on_click="ignore",
        help=_("A safetensors file, which contains no code. The card.toml in the same folder says how to build the "
               "networks."),
    )  # fmt: skip
