"""The home page. Reads only the run store, so that it is rendered before torch is imported."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from gan_core.runs.store import Run, RunState
from ui.classroom.models import gallery
from ui.classroom.shell import access, offline, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import newest_picture, picture
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.run_titles import title_of
from ui.classroom.shell.store import active_runs, store
from ui.texts import ago, number, plain, state_badge

FIRST = {"recipe": "mlp_gan", "preset": "digits_30s"}  # the recipe and preset for newcomers
START = "start-preset"  # session state key: the Train page starts this preset
POLL = 2.0  # seconds
RECENT = 4
HERO = Path(__file__).with_name("first_gan.png")


def show() -> None:
    st.title(_("Watch a GAN learn, and steer it"), anchor=False)
    with st.container(key="lead"):
        st.markdown(
            _("A GAN trains two networks against each other: a **generator** creates images, and a "
              "**discriminator** tries to tell them from real ones. Watch them train live on your own computer: "
              "pause, step, change a setting and see its effect. Everything is kept, so you can look back, compare "
              "and try again.")
        )  # fmt: skip
    _first_step()
    picture(HERO, alt=_("Samples of a GAN at five stages of training, from noise to digits"))
    st.caption(_("The same 24 samples of this GAN: before training, and after about 100, 300, 1,000 and 5,000 steps."))
    with showing_errors():
        parts = [gallery.strip, _now]
        for part in reversed(parts) if active_runs() else parts:  # active runs come first
            part()
        _lately()
        _invitation()
    warm.start()


def _first_step() -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="first"):
        pressed = st.button(
            _("Train my first GAN"), type="primary", icon=":material/play_arrow:", key="first-gan",
            disabled=not access.may_steer(),
            help=access.why_locked() or _("A small GAN on handwritten digits; readable within half a minute."),
        )  # fmt: skip
        st.page_link(
            "pages/train.py", label=_("Choose another GAN"), icon=":material/tune:",
            query_params={"lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
        st.page_link(
            "pages/learn.py", label=_("Learn how it works"), icon=":material/school:",
            query_params={"lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
    if pressed:
        st.session_state[START] = FIRST
        st.switch_page("pages/train.py", query_params={"lang": st.session_state.get(STATE, "en")})


@st.fragment(run_every=POLL)
def _now() -> None:
    with showing_errors():
        active = active_runs()
        st.subheader(_("Running now"), anchor=False)
        if not active:
            st.markdown(":material/nights_stay: " + _("Nothing is training at the moment."))
        _cards(active)


def _lately() -> None:
    ended = [run for run in store().runs() if not run.is_active][:RECENT]
    if ended:
        st.subheader(_("Recent runs"), anchor=False)
        _cards(ended)


def _invitation() -> None:
    """Shows the address at which others can watch; only to the person at this computer."""
    address = offline.network_address()
    if address and access.is_owner():
        place = f"http://{address}:{st.get_option('server.port')}"
        st.caption(
            ":material/group: " + _("Others on your network can watch at {address}").format(address=plain(place))
        )


def _cards(runs: list[Run]) -> None:
    waiting = store().queue()
    for start in range(0, len(runs), RECENT):
        for column, run in zip(st.columns(RECENT), runs[start : start + RECENT], strict=False):
            with column:
                _card(run, waiting)


def _card(run: Run, waiting: list[str]) -> None:
    with st.container(border=True, key=f"card-{run.id}"):
        content = newest_picture(store(), run.id)
        if content:
            picture(content, alt=_("Samples of the generator at step {step}").format(step=number(run.step)))
        st.page_link(
            "pages/train.py", label=f"**{plain(title_of(run))}**",
            query_params={"run": run.id, "lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
        words = _("step {step}").format(step=number(run.step))
        if run.state is RunState.QUEUED and run.id in waiting:
            words = _("number {place} in the queue").format(place=waiting.index(run.id) + 1)
        st.markdown(f"{state_badge(run.state)} {words}")
        if not run.is_active:
            st.caption(ago(run.updated))
