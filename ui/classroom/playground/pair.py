"""Two playgrounds side by side, in step with each other: the page requests the same steps from both.

Both stay paused and train only requested steps, so that neither can run ahead, and neither waits for its turn.
"""

from __future__ import annotations

import streamlit as st

from gan_core.errors import RunConflict
from gan_core.runs.store import RunState
from ui.classroom.live import page, panels
from ui.classroom.live.feed import Feed
from ui.classroom.playground import plot, settings
from ui.classroom.shell import access, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.texts import data_title, plain

STRIDE = 40  # steps per request
GOING = "playground.going"  # key of the session's state: both are running


def show(one: Feed, other: Feed) -> None:
    """Buttons for both, then each with its plane and its settings."""
    pair = (one, other)
    st.title(_("Two playgrounds"), anchor=False)
    st.caption(plain(data_title(one.run().spec.data)))
    _buttons(pair)
    drawn_for = [page.looks(watched) for watched in pair]

    def again() -> None:
        with showing_errors():
            if [page.looks(watched) for watched in pair] != drawn_for:
                st.rerun()
            _go_on(pair)
            for place, (column, watched) in enumerate(zip(st.columns(2, gap="medium"), pair, strict=True)):
                with column:
                    plot.draw_small(watched, f"pair-{place}-{watched.id}", bool(st.session_state[GOING]))

    st.fragment(again)()
    st.subheader(_("Settings"), anchor=False)
    st.caption(_("A change acts from the next step on, in its own column alone."))
    for column, watched in zip(st.columns(2, gap="medium"), pair, strict=True):
        with column:
            current = panels.settings_of(watched)
            if current is not None and watched.run().is_active:
                settings.quick(watched, current, 1)
            label = _("Alone: {run}").format(run=plain(watched.id))
            st.page_link(
                "pages/playground.py", label=label, icon=":material/open_in_full:",
                query_params={"run": watched.id, "lang": st.session_state.get(STATE, "en")},
            )  # fmt: skip


def _buttons(pair: tuple[Feed, Feed]) -> None:
    locked, why = not access.may_steer(), access.why_locked()
    st.session_state.setdefault(GOING, False)
    going = bool(st.session_state[GOING])
    with st.container(horizontal=True, key="pair-controls"):
        label, icon = (_("Pause"), "pause") if going else (_("Run both"), "play_arrow")
        if st.button(label, type="primary", icon=f":material/{icon}:", key="pair-run", disabled=locked, help=why):
            st.session_state[GOING] = not going
            st.rerun()
        for name, label, only in (
            ("both", _("Step"), None), ("d", _("Only D"), "discriminator"), ("g", _("Only G"), "generator"),
        ):  # fmt: skip
            pressed = st.button(label, key=f"pair-{name}", disabled=locked or going, help=why)
            if pressed:
                with showing_errors():
                    for watched in pair:
                        sessions.step(watched.id, 1, only)
                    st.rerun()
        if st.button(_("Stop both"), icon=":material/stop:", key="pair-stop", disabled=locked, help=why):
            st.session_state[GOING] = False
            with showing_errors():
                for watched in pair:
                    if watched.run(fresh=True).is_active:
                        sessions.stop(watched.id)
                st.rerun()


def _go_on(pair: tuple[Feed, Feed]) -> None:
    """Requests the next steps once both have done the last ones; a run that is behind catches up first."""
    if not st.session_state[GOING]:
        return
    runs = [watched.run(fresh=True) for watched in pair]
    if any(run.state is not RunState.PAUSED for run in runs):
        st.session_state[GOING] = False
        raise RunConflict("Both runs must be paused to go on in step. Open each of them alone to see what it does.")
    ahead = max(run.step for run in runs)
    target = ahead + STRIDE * all(run.step == ahead for run in runs)
    for run in runs:
        if run.step < target:
            sessions.step_to(run.id, target)
