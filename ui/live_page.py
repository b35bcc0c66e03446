"""A run as it goes on: state and buttons, samples beside real images, curves, and what to make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from gan_core.runs.store import Run, RunState
from ui import access, curves, live_panels, sessions, warm
from ui.advice import advice, show_findings
from ui.errors import shown
from ui.feed import Feed, feed
from ui.grids import COLUMNS, picture, real_grid
from ui.i18n import _
from ui.store import store
from ui.texts import (
    data_title,
    duration,
    number,
    plain,
    run_message,
    run_title,
    state_badge,
)

POLL = 1.0  # seconds
PREPARING = "prepare"


def show(id: str) -> None:
    """The whole page of one run."""
    watched = None
    with shown():
        watched = feed(store(), id)
        run = watched.run(fresh=True)
    if watched is None or watched._run is None:
        st.page_link("pages/train.py", label=_("Train something new"), icon=":material/add:")
        return
    _title(run)
    # a fragment that polls goes on until the run has ended: then the page is drawn once more without polling
    st.fragment(_live, run_every=POLL if run.is_active else None)(watched, run.is_active)
    live_panels.show(watched)


def _title(run: Run) -> None:
    titles = live_panels.recipe_titles()
    first, second = st.columns([4, 1], vertical_alignment="center")
    with first:
        st.title(plain(run_title(run, titles)), anchor=False)
    with second, st.container(horizontal=True, horizontal_alignment="right"):
        st.page_link(
            "pages/projector.py", label=_("Projector"), icon=":material/fit_screen:",
            query_params={"run": run.id, "lang": st.session_state.get("language", "en")},
        )  # fmt: skip
    recipe = titles.get(run.spec.recipe, run.spec.recipe)
    facts = [
        _(recipe),
        plain(data_title(run.spec.data)),
        f"{run.spec.size} px",
        _("seed {seed}").format(seed=run.spec.hparams.get("seed", 0)),
    ]
    st.caption(" · ".join(facts))


def _live(watched: Feed, polling: bool) -> None:
    """What is drawn again at each poll; as little as possible."""
    with shown():
        run = watched.run()
        if polling and not run.is_active:
            st.rerun()  # the whole page, without polling
        _status(run)
        _controls(run)
        _message(watched, run)
        _samples(watched, run)
        if len(watched.history.steps):
            st.markdown(f"#### {_('Curves')}")
            curves.draw(watched.curves(), key=f"curves-{run.id}")
            st.caption(
                _("Thick lines: mean of the last 100 steps. Faint lines: single steps. Violet marks: what was done; "
                  "point at one to read it. A legend entry switches its curve off.")
            )  # fmt: skip


def _status(run: Run) -> None:
    planned = run.spec.steps
    columns = st.columns([1.5, 1, 1, 1], vertical_alignment="bottom")
    with columns[0]:
        st.markdown(state_badge(run.state))
        share = min(1.0, run.step / planned) if planned else 0.0
        st.progress(share, text=None)
    columns[1].metric(_("Step"), number(run.step) + (f" / {number(planned)}" if planned else ""))
    columns[2].metric(_("Images per second"), number(run.images_per_second) if run.step else "–")
    columns[3].metric(_("Time left"), time_left(run))


def time_left(run: Run) -> str:
    """How long the run still takes, in words."""
    if run.state is RunState.RUNNING and run.spec.steps and run.images_per_second and run.step:
        images = (run.spec.steps - run.step) * run.images_seen / run.step
        return duration(images / run.images_per_second)
    if not run.is_active:
        return "–"
    return "∞" if not run.spec.steps else "–"


def act(action: Callable[..., Any], *arguments: Any) -> None:
    """Does what a button says; the page shows the new state at once."""
    with shown():
        action(*arguments)
        st.rerun(scope="fragment")


def _controls(run: Run) -> None:
    locked = not access.may_steer()
    why = access.why_locked()
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        if run.is_active:
            _active_controls(run, locked, why)
        elif run.state is not RunState.FINISHED:
            if st.button(_("Resume"), type="primary", icon=":material/play_arrow:", key="resume-ended", disabled=locked,
                         help=why or _("Goes on from the newest checkpoint.")):  # fmt: skip
                with shown(), st.spinner(_("Loading PyTorch, once after each start …")):
                    warm.now()
                    sessions.resume_ended(run.id)
                    st.rerun(scope="app")
        else:
            longer = _("Train {steps} steps more").format(steps=number(max(run.step, 1)))
            if st.button(longer, icon=":material/forward:", key="longer", disabled=locked,
                         help=why or _("A new run that goes on from this one's last checkpoint.")):  # fmt: skip
                with shown():
                    live_panels.open_run(sessions.fork(run.id, {}, steps=2 * max(run.step, 1)).id)


def _active_controls(run: Run, locked: bool, why: str | None) -> None:
    options: dict[str, Any] = {"disabled": locked}
    if run.state is RunState.PAUSED:
        if st.button(_("Train"), type="primary", icon=":material/play_arrow:", key="resume", help=why, **options):
            act(sessions.resume, run.id)
    elif st.button(_("Pause"), type="primary", icon=":material/pause:", key="pause", help=why, **options):
        act(sessions.pause, run.id)
    if st.button(_("Step"), icon=":material/skip_next:", key="step-both", help=why or _("Both players train, then it pauses."), **options):  # fmt: skip
        act(sessions.step, run.id, _count(), None)
    if st.button(_("Only D"), icon=":material/policy:", key="step-d", help=why or _("The discriminator alone trains; the generator holds still."), **options):  # fmt: skip
        act(sessions.step, run.id, _count(), "discriminator")
    if st.button(_("Only G"), icon=":material/brush:", key="step-g", help=why or _("The generator alone trains; the discriminator holds still."), **options):  # fmt: skip
        act(sessions.step, run.id, _count(), "generator")
    st.number_input(_("Steps at a press"), 1, 10_000, 1, key="step-count", width=130, **options)
    if st.button(_("Save"), icon=":material/save:", key="save", help=why or _("Writes a checkpoint now."), **options):
        with shown():
            sessions.save(run.id)
            st.toast(_("A checkpoint is being written."), icon=":material/save:")
    if st.button(_("Stop"), icon=":material/stop:", key="stop", help=why or _("Ends the run with a checkpoint; it can be resumed later."), **options):  # fmt: skip
        act(sessions.stop, run.id)


def _count() -> int:
    return int(st.session_state.get("step-count", 1))


def _message(watched: Feed, run: Run) -> None:
    """What the run's state says, and the way out of trouble."""
    if run.state is RunState.QUEUED:
        _queue(run)
    message = plain(run_message(run))
    if run.state is RunState.FAILED:
        st.error(_("This run failed.") + " " + message, icon=":material/error:")
        if run.traceback and access.is_owner():
            with st.expander(_("Details for the owner of this computer")):
                st.code(run.traceback, language=None)
        return
    if run.state is RunState.INTERRUPTED:
        st.warning(
            _("The program that trained this run ended in the middle of it. Resume goes on from the last checkpoint."),
            icon=":material/power_off:",
        )
        return
    if message:
        (st.warning if run.state is RunState.PAUSED else st.info)(message, icon=":material/info:")
    if run.state is RunState.PAUSED and broken(watched) and st.button(
        _("Go back to the last good checkpoint"), type="primary", icon=":material/undo:", key="rollback",
        disabled=not access.may_steer(), help=access.why_locked(),
    ):  # fmt: skip
        act(sessions.rollback, run.id)


def broken(watched: Feed) -> bool:
    """Whether a loss became infinite or no number, and nobody has gone back since."""
    last = [event.kind for event in watched.events if event.kind in ("not_finite", "rollback")]
    return last[-1:] == ["not_finite"]


def _queue(run: Run) -> None:
    waiting = store().queue()
    place = waiting.index(run.id) + 1 if run.id in waiting else 1
    st.info(
        _("Waiting: number {place} in the queue. One run trains at a time; this one begins when the others end or pause.").format(place=place),
        icon=":material/hourglass_empty:",
    )  # fmt: skip


def _samples(watched: Feed, run: Run) -> None:
    content = watched.picture()
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.markdown(f"#### {_('Samples')}")
        if content is None:
            st.info(_("The first samples appear as soon as training begins."), icon=":material/image:")
        else:
            picture(content, alt=_("Samples of the generator at step {step}").format(step=run.step))
            st.caption(_("Always the same latents: each place shows one sample as it learns."))
    with right:
        _reading(watched, run)
        if run.step > 0:
            st.markdown(f"#### {_('Real images')}")
            _real(run)


def _reading(watched: Feed, run: Run) -> None:
    st.markdown(f"#### {_('What to see now')}")
    for text in advice(run, live_panels.preset_of(run)):
        st.write(text)
    if run.step > 0:
        show_findings(watched.findings())


def _real(run: Run) -> None:
    columns = live_panels.grid_columns(run) or COLUMNS
    with shown():
        content = real_grid(run.spec.data, run.spec.size, columns, 4)
        picture(content, alt=_("Real images of the data set"))
        st.caption(_("From {data}.").format(data=plain(data_title(run.spec.data))))
