"""The page Motion, in three parts."""

from __future__ import annotations

import streamlit as st

from ui.classroom.models.shelf import shelf
from ui.classroom.motion import choice
from ui.classroom.shell import address
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _

PARTS = {"films": N_("Films"), "control": N_("Control"), "game": N_("Simulated game")}
KINDS = {"films": "motion", "control": "control", "game": "world"}  # capabilities of their models
PART, IN_LINK = "motion-part", ("part",)
ICONS = {"films": "movie", "control": "sports_gymnastics", "game": "sports_esports"}


def show() -> None:
    """Renders the page; only the selected part loads a model."""
    st.title(_("Motion"), anchor=False)
    st.markdown(
        _("What GANs generate besides still pictures: films in which content and motion are apart, actions that "
          "imitate an expert, and the next frame of a game that you play.")
    )  # fmt: skip
    asked = st.query_params.get("part", "")
    found = shelf()
    first = next((part for part, kind in KINDS.items() if choice.models(found, kind)), "films")
    if PART not in st.session_state or address.changed_elsewhere(PART, IN_LINK):
        st.session_state[PART] = asked if asked in PARTS else first
    part = st.segmented_control(
        _("Part"), list(PARTS), key=PART, required=True,
        format_func=lambda name: f":material/{ICONS[name]}: {_(PARTS[name])}", label_visibility="collapsed",
    )  # fmt: skip
    if part != (asked or first):  # a link without a part stays as it is, or the browser's Back would lead here again
        st.query_params["part"] = str(part)
    address.mark_synced(PART, IN_LINK)
    with showing_errors():
        if part == "control":
            from ui.classroom.motion import control

            control.show(choice.models(found, "control"))
        elif part == "game":
            from ui.classroom.motion import world

            world.show(choice.models(found, "world"))
        else:
            from ui.classroom.motion import films

            films.show(choice.models(found, "motion"))
