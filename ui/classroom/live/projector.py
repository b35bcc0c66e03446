"""Projector view in full screen with large type: the samples, one curve, the step.

P pauses or resumes, S runs one step, D and G one step of only the discriminator or the generator.
"""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import Run, RunState
from ui.classroom.live import board
from ui.classroom.live.page import act, found, poll
from ui.classroom.live.panels import preset_of
from ui.classroom.shell import access, sessions, style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.store import store

CHARTS = ("scores", "terms", "losses")  # the first that the run has is shown


def show(id: str | None) -> None:
    style.apply("live/projector.css")
    with showing_errors():
        id = id or _newest()
    watched = found(id) if id else None
    if watched is None:
        if not id:
            st.info(_("There are no runs yet."), icon=":material/slideshow:")
        _leave(None)
        return
    run = watched.run(fresh=True)
    poll(watched, lambda: board.draw(watched, preset_of(run), None, large=True, files=CHARTS, key=f"projector-{id}"))
    with st.container(horizontal=True, vertical_alignment="center", key="projector-keys"):
        _keys(run)
        _leave(run)


def _newest() -> str | None:
    """Returns an active run, else the latest one."""
    runs = store().runs()
    chosen = [run for run in runs if run.is_active] or runs
    return chosen[0].id if chosen else None


def _keys(run: Run) -> None:
    if not run.is_active:
        return
    locked, why = not access.may_steer(), access.why_locked()
    paused = run.state is RunState.PAUSED
    icon = ":material/play_arrow:" if paused else ":material/pause:"
    label = _("Resume") if paused else _("Pause")
    if st.button(label, key="toggle", shortcut="P", type="primary", disabled=locked, icon=icon, help=why):
        act(sessions.resume if paused else sessions.pause, run.id)
    for key, letter, icon, label, only in (
        ("one-step", "S", "skip_next", _("Step"), None),
        ("only-d", "D", "policy", _("Only D"), "discriminator"),
        ("only-g", "G", "brush", _("Only G"), "generator"),
    ):
        if st.button(label, key=key, shortcut=letter, icon=f":material/{icon}:", disabled=locked, help=why):
            act(sessions.step, run.id, 1, only)
    access.unlock_button()


def _leave(run: Run | None) -> None:
    query = {"lang": st.session_state.get(STATE, "en")} | ({"run": run.id} if run else {})
    label = _("Exit projector view")
    st.page_link("pages/train.py", label=label, icon=":material/close_fullscreen:", query_params=query)
