"""Publishes a run as a model of the user's own, from its page: name, title, licence, limits."""

from __future__ import annotations

import streamlit as st

from gan_core.models.naming import place_of
from gan_core.runs.store import Run
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.store import store
from ui.texts import plain

ASKED = "publish-asked"  # session state keys: the run whose dialog is open
PUBLISHED = "published"  # run and model
MOST = 80  # characters of a title
LONGEST = 2_000  # characters of what a model can't do


def button(run: Run, disabled: bool = False, help: str | None = None) -> None:
    """Renders the button; a dialog, as phones have no room for a popover, asks for the texts of the card.

    The open dialog is kept in the session state, so that a rerun of the page doesn't close it.
    """
    st.button(
        _("Publish as a model"), icon=":material/publish:", key="publish", disabled=disabled or not access.may_steer(),
        help=access.why_locked() or help or _("Puts the newest checkpoint on your shelf, with a model card."),
        on_click=_ask, args=(run.id,),
    )  # fmt: skip
    if st.session_state.get(ASKED) == run.id:
        st.dialog(_("Publish as a model"), on_dismiss=_done)(_asking)(run)


def _ask(id: str) -> None:
    st.session_state[ASKED] = id


def _done() -> None:
    st.session_state.pop(ASKED, None)
    st.session_state.pop(PUBLISHED, None)


def _asking(run: Run) -> None:
    with showing_errors():
        panel(run)


def panel(run: Run) -> None:
    """Asks for the texts of the card; raises NotAllowed, and what `publish_run` raises."""
    from gan_core.shelf.own import Description, default_name, publish_run

    name = st.text_input(
        _("Name"), default_name(run), max_chars=64, key=f"publish-name-{run.id}",
        help=_("Letters, digits, dots, hyphens and underscores."),
    )  # fmt: skip
    title = st.text_input(_("Title"), run.name, max_chars=MOST, key=f"publish-title-{run.id}")
    licence = st.text_input(_("Licence (optional)"), max_chars=MOST, key=f"publish-licence-{run.id}",
                            help=_("Licence of the weights. If left empty, that of the data applies."))  # fmt: skip
    limits = st.text_area(_("Limits (optional)"), max_chars=LONGEST, key=f"publish-limits-{run.id}",
                          placeholder=_("What the model can't do"))  # fmt: skip
    if st.button(_("Publish"), type="primary", icon=":material/publish:", key="publish-now", width="stretch"):
        access.require_steering()
        place_of(name or "")
        with st.spinner(_("Writing the model and its samples …")):
            card = publish_run(
                store(), store().get(run.id), Description(name or "", title or "", licence or "", limits or "")
            )
        st.session_state[PUBLISHED] = (run.id, card.name)
    published = st.session_state.get(PUBLISHED)
    if published and published[0] == run.id:
        st.success(_("Published as {name}.").format(name=plain(published[1])), icon=":material/check:")
        query = {"model": published[1], "lang": st.session_state.get(STATE, "en")}
        st.page_link("pages/model.py", label=_("Open the model"), query_params=query)
