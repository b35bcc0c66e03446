"""Full screen, large type: the samples, one curve, the step; P pauses and goes on, S makes one step."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import Run, RunState
from ui import access, curves, sessions, style
from ui.advice import advice
from ui.errors import shown
from ui.feed import Feed, feed
from ui.grids import picture
from ui.i18n import STATE, _
from ui.live_page import act, time_left
from ui.live_panels import preset_of
from ui.store import store
from ui.texts import number, plain, run_message, run_title, state_badge

POLL = 1.0  # seconds
SCORES = 1  # which chart: D(x) and D(G(z))


def show(id: str | None) -> None:
    style.apply("projector.css")
    watched = None
    with shown():
        if id is None:
            active = [run for run in store().runs() if run.is_active] or store().runs()[:1]
            id = active[0].id if active else None
        if id is not None:
            watched = feed(store(), id)
            watched.run(fresh=True)
    if watched is None:
        st.info(_("There is no run to show yet."), icon=":material/slideshow:")
        _back(None)
        return
    with shown():
        active_now = watched.run().is_active
        with st.container(key="projector"):
            st.fragment(_live, run_every=POLL if active_now else None)(watched, active_now)


def _live(watched: Feed, polling: bool) -> None:
    with shown():
        run = watched.run()
        if polling and not run.is_active:
            st.rerun()
        left, right = st.columns([3, 2], gap="large")
        with left:
            content = watched.picture()
            if content is None:
                st.info(_("The first samples appear as soon as training begins."), icon=":material/image:")
            else:
                picture(content, alt=_("Samples of the generator at step {step}").format(step=run.step))
        with right:
            _side(watched, run)


def _side(watched: Feed, run: Run) -> None:
    planned = run.spec.steps
    with st.container(key="large-title"):
        st.markdown(f"{plain(run_title(run))} {state_badge(run.state)}")
    with st.container(key="counter"):
        st.markdown(number(run.step) + (f" / {number(planned)}" if planned else ""))
    with st.container(key="large-left"):
        st.markdown(_("{speed} images per second · time left: {left}").format(
            speed=number(run.images_per_second), left=time_left(run)))  # fmt: skip
    _keys(run)
    if len(watched.history.steps):
        curves.draw(watched.curves(only=SCORES, large=True), key=f"projector-{run.id}")
    with st.container(key="large-words"):
        message = run_message(run)
        texts = [plain(message)] if message else advice(run, preset_of(run))[:1]
        for text in texts:
            st.markdown(text)
    _back(run)


def _keys(run: Run) -> None:
    if not run.is_active:
        return
    locked = not access.may_steer()
    with st.container(horizontal=True):
        paused = run.state is RunState.PAUSED
        if st.button(_("Go on") if paused else _("Pause"), key="toggle", shortcut="P", type="primary", disabled=locked,
                     icon=":material/play_arrow:" if paused else ":material/pause:", help=access.why_locked()):  # fmt: skip
            act(sessions.resume if paused else sessions.pause, run.id)
        if st.button(_("Step"), key="one-step", shortcut="S", icon=":material/skip_next:", disabled=locked,
                     help=access.why_locked()):  # fmt: skip
            act(sessions.step, run.id, 1, None)


def _back(run: Run | None) -> None:
    query = {"lang": st.session_state.get(STATE, "en")} | ({"run": run.id} if run else {})
    st.page_link(
        "pages/train.py", label=_("Leave the projector view"), icon=":material/close_fullscreen:", query_params=query
    )
