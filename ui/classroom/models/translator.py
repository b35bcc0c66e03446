"""Outputs of an image-to-image model for held-out pictures of its own data, by seed."""

from __future__ import annotations

import random

import streamlit as st

from gan_core import data
from gan_core.models.card import Card
from gan_core.pictures.grids import enlarge, png
from gan_core.training.comparing import compared, unseen
from ui.classroom.models.sampler import MOST_SEED, WIDE, loaded
from ui.classroom.models.shelf import kinds
from ui.classroom.shell import address
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import _
from ui.core_texts import filled
from ui.texts import data_name, plain

IN_LINK = ("model", "seed")


@st.fragment
def show(name: str, card: Card) -> None:
    """Renders seed and pictures; a change reruns only this fragment."""
    with showing_errors():
        if data_name(card) in data.sources and data.source(data_name(card)).available():
            _of_seed(name, card)
        else:
            st.info(plain(_why_none(card)), icon=":material/download:")
    verb = "upscale" if card.task == "super_resolution" else "translate"
    st.caption(
        _("To use your own pictures, open the Studio or run {command}.").format(
            command=f"`ganscope {verb} {name} PICTURE -o OUT`"
        )
    )


def _of_seed(name: str, card: Card) -> None:
    seed = _seed()
    with st.spinner(_("Loading the model …")):
        content = made(card.sha256, name, card.data, card.size, seed)
    with st.container(key="model-samples"):
        picture(content, alt=_("Outputs of the model for the pictures of seed {seed}").format(seed=seed))
    st.caption(_("Side by side: {kinds}.").format(kinds=kinds(card)))
    st.download_button(
        _("Download (PNG)"), content, f"ganscope-{name}-seed{seed}.png", "image/png", icon=":material/image:",
        key="model-download", on_click="ignore",
    )  # fmt: skip


def _why_none(card: Card) -> str:
    reference = data_name(card)
    if not reference:
        return _("The training data of this model are unknown, so there are no pictures to show.")
    needs = filled(data.source(reference).needs) if reference in data.sources else ""
    return " ".join(part for part in (_("Its input pictures aren't available here."), needs) if part)


def _seed() -> int:
    if "translator-seed" not in st.session_state or address.changed_elsewhere("translator", IN_LINK):
        st.session_state["translator-seed"] = address.integer_in_link("seed", 0, MOST_SEED, 0)
    with st.container(horizontal=True, vertical_alignment="bottom", key="translator-controls"):
        seed = int(
            st.number_input(
                _("Seed"), 0, MOST_SEED, key="translator-seed", width=170,
                help=_("Determines which held-out pictures are used."),
            )
        )  # fmt: skip
        st.button(_("New pictures"), icon=":material/casino:", key="translator-dice", type="primary", on_click=_throw)
    if seed:
        st.query_params["seed"] = str(seed)
    else:
        st.query_params.pop("seed", None)
    address.mark_synced("translator", IN_LINK)
    return seed


def _throw() -> None:
    st.session_state["translator-seed"] = random.randrange(10_000)


@st.cache_data(show_spinner=False, max_entries=32)
def made(sha256: str, name: str, reference: str, size: int, seed: int) -> bytes:
    """Returns each input next to the model's output as PNG; raises BadData or BadCheckpoint."""
    sampler = loaded(sha256, name)
    return png(enlarge(compared(sampler, unseen(sampler.recipe, reference, size, seed)), WIDE))
