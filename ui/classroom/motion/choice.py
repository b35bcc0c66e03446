"""Which model a part of the page shows."""

from __future__ import annotations

import streamlit as st

from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from ui.classroom.models.sampler import loaded
from ui.classroom.models.shelf import Shelf
from ui.classroom.shell.i18n import STATE, _
from ui.texts import titles


def models(shelf: Shelf, capability: str) -> dict[str, Card]:
    """The models on the shelf that can do this."""
    return {name: card for name, card in shelf.models.items() if capability in card.capabilities}


def chosen(offered: dict[str, Card], capability: str, recipe: str) -> tuple[Card, Sampler] | None:
    """Lets the visitor choose among the models; None, and a link to train one, where there are none."""
    if not offered:
        st.info(_("There is no model for this yet. Train one, and publish it from its run."), icon=":material/info:")
        st.page_link(
            "pages/train.py", label=_("Train one"), icon=":material/model_training:",
            query_params={"recipe": recipe, "lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
        return None
    names = list(offered)
    name = names[0]
    if len(names) > 1:
        words = titles(offered)
        name = st.selectbox(
            _("Model"), names, format_func=words.__getitem__, key=f"motion-{capability}-model",
            width=420,
        )  # fmt: skip
    with st.spinner(_("Loading the model …")):
        return offered[name], loaded(offered[name].sha256, name)
