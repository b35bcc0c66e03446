"""The page of a run: buttons, and the board that is redrawn at each poll."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from gan_core.data import task_of
from gan_core.errors import GanscopeError
from gan_core.knobs import Knob, read_as
from gan_core.runs.store import Run, RunState
from gan_core.training.control import restarts_schedule
from ui.classroom.live import board, forks, panels, remedies
from ui.classroom.live.feed import Feed, Picture, feed
from ui.classroom.shell import access, knob_widgets, run_actions, sessions, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import COLUMNS, real_grid
from ui.classroom.shell.i18n import N_, STATE, _
from ui.classroom.shell.knob_widgets import choice_word
from ui.classroom.shell.run_titles import recipe_title, title_of
from ui.classroom.shell.store import store
from ui.texts import data_title, is_points, joined, number, plain, size_word

STEP_COUNT = Knob(N_("Steps per click"), "", 1, 10_000)


def show(id: str) -> None:
    """Renders the page of one run."""
    watched = found(id)
    if watched is None:
        st.page_link("pages/train.py", label=_("New run"), icon=":material/add:")
        return
    run = watched.run(fresh=True)
    _title(run)
    for event in watched.events:
        if event.kind == "forked":
            st.caption(":material/fork_right: " + forks.origin(event.payload))
            _compared_with(run)
    controls(watched, run)
    trouble(watched, run)
    remedies.undo(run)
    poll(watched, lambda: board.draw(watched, panels.preset_of(run), _real(run), key=f"board-{id}"))
    panels.show(watched)
    remedies.show(watched)


def _compared_with(run: Run) -> None:
    """Links to a comparison of a fork with its parent."""
    if run.parent and run.parent in {other.id for other in store().runs()}:
        st.page_link(
            "pages/runs.py", label=_("Compare with the run it was forked from"), icon=":material/compare_arrows:",
            query_params={"compare": f"{run.parent},{run.id}", "lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip


def found(id: str) -> Feed | None:
    """Returns the feed of a run; shows an error if there is none."""
    with showing_errors():
        watched = feed(store(), id)
        watched.run(fresh=True)
        return watched
    return None


def poll(watched: Feed, draw: Callable[[], None]) -> None:
    """Redraws when the board polls; a change of state reruns the whole page."""
    drawn_for = looks(watched)

    def again() -> None:
        with showing_errors():
            if looks(watched) != drawn_for or remedies.just_asked():
                st.rerun()
            draw()

    st.fragment(again)()


def looks(watched: Feed) -> tuple[Any, ...]:
    """Returns what the unpolled parts of the page depend on."""
    edits = sum(event.kind in ("edit", "rollback") for event in watched.events)  # a remedy can be undone
    return watched.run().state, broken(watched), warm.is_ready(), edits


def _title(run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(plain(title_of(run)), anchor=False, width="content")
        if run_actions.has_sliders(store(), run):
            st.page_link(
                "pages/studio.py", label=_("Open in the Studio"), icon=":material/palette:",
                query_params=run_actions.studio_link(run.id),
            )  # fmt: skip
        st.page_link(
            "pages/runs.py", label=_("Play history"), icon=":material/play_circle:",
            query_params={"compare": run.id, "play": "1", "lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
        st.page_link(
            "pages/projector.py", label=_("Projector"), icon=":material/fit_screen:",
            query_params={"run": run.id, "lang": st.session_state.get(STATE, "en")},
        )  # fmt: skip
    facts = [_("seed {seed}").format(seed=run.spec.hparams.get("seed", 0))]
    if "loss" in run.spec.hparams:
        facts.insert(0, _("{loss} loss").format(loss=choice_word(run.spec.hparams["loss"])))
    if run.name:
        size = size_word(run.spec.data, run.spec.size)
        facts = [recipe_title(run.spec.recipe), plain(data_title(run.spec.data)), size, *facts]
    st.caption(joined(*facts))


def act(action: Callable[..., Any], *arguments: Any) -> None:
    """Performs a button's action and shows the new state."""
    with showing_errors():
        action(*arguments)
        st.rerun()


def controls(watched: Feed, run: Run) -> None:
    """The buttons that steer a run, as far as its state allows."""
    locked = not access.may_steer()
    why = access.why_locked()
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        if run.is_active:
            _active_controls(run, locked or broken(watched), why)
        elif run.state is RunState.FINISHED:
            _longer(watched, run, locked, why)
        else:
            help_ = why or _("Continues from the latest checkpoint.")
            if st.button(
                _("Resume"),
                type="primary",
                icon=":material/play_arrow:",
                key="resume-ended",
                disabled=locked,
                help=help_,
            ):
                with st.spinner(_("Loading PyTorch, once per start …")):
                    warm.now()
                act(sessions.resume_ended, run.id)


def _longer(watched: Feed, run: Run, locked: bool, why: str | None) -> None:
    """Offers as many steps again, and says what happens to the learning rate."""
    total = 2 * max(run.step, 1)
    words, tip = _("Train {steps} more steps"), _("Continues from the latest checkpoint.")
    if restarts_schedule(store(), run, watched.hparams, total):
        words = _("Train {steps} more steps (learning rate decays again)")
        tip = _("Continues from the latest checkpoint. The learning rate schedule starts over and spans these steps.")
    help_ = why or tip
    label = words.format(steps=number(total - run.step))
    if st.button(label, icon=":material/forward:", key="longer", disabled=locked, help=help_):
        with st.spinner(_("Loading PyTorch, once per start …")):
            warm.now()
        act(sessions.extend, run.id, total)


def _active_controls(run: Run, locked: bool, why: str | None) -> None:
    def button(label: str, icon: str, key: str, tip: str = "", **options: Any) -> bool:
        icon = f":material/{icon}:"
        return st.button(label, icon=icon, key=key, help=why or tip or None, disabled=locked, **options)

    if run.state is RunState.PAUSED:
        if button(_("Resume"), "play_arrow", "resume", type="primary"):
            act(sessions.resume, run.id)
    elif button(_("Pause"), "pause", "pause", type="primary"):
        act(sessions.pause, run.id)
    if button(_("Step"), "skip_next", "step-both", _("Trains both networks, then pauses.")):
        act(_step, run.id, None)
    if button(_("Only D"), "policy", "step-d", _("Trains only the discriminator; the generator stays fixed.")):
        act(_step, run.id, "discriminator")
    if button(_("Only G"), "brush", "step-g", _("Trains only the generator; the discriminator stays fixed.")):
        act(_step, run.id, "generator")
    with st.container(width=150):
        knob_widgets.control("count", int, 1, STEP_COUNT, "step-count", locked)
    if button(_("Save"), "save", "save", _("Writes a checkpoint now.")):
        with showing_errors():
            sessions.save(run.id)
            st.toast(_("A checkpoint is being written."), icon=":material/save:")
    help_ = why or _("Ends the run and writes a checkpoint. You can resume it later.")
    # stopping is allowed even after an error
    if st.button(_("Stop"), icon=":material/stop:", key="stop", help=help_, disabled=not access.may_steer()):
        act(sessions.stop, run.id)


def _step(id: str, only: str | None) -> None:
    """Runs as many steps as the field below says; raises BadValue if it isn't valid."""
    sessions.step(id, read_as("count", STEP_COUNT, int, st.session_state.get("step-count", "1")), only)


def trouble(watched: Feed, run: Run) -> None:
    """Offers the way out of a broken run."""
    if run.state is RunState.FAILED and run.traceback and access.is_owner():
        with st.expander(_("Details for the owner of this computer"), key="traceback"):
            st.code(run.traceback, language=None)
    if run.state is RunState.PAUSED and broken(watched) and st.button(
        _("Roll back to the last good checkpoint"), type="primary", icon=":material/undo:", key="rollback",
        disabled=not access.may_steer(), help=access.why_locked(),
    ):  # fmt: skip
        act(sessions.rollback, run.id)


def broken(watched: Feed) -> bool:
    """Whether a loss became NaN or infinite and the run hasn't been rolled back since."""
    last = [event.kind for event in watched.events if event.kind in ("not_finite", "rollback")]
    return last[-1:] == ["not_finite"]


def _real(run: Run) -> Picture | None:
    """Returns real images to compare with, once the session has prepared them; None if they aren't available.

    Points need none: the same picture shows the real points below the samples.
    """
    if (
        is_points(run.spec.data)
        or task_of(run.spec.data) == "control"
        or (run.step == 0 and not store().previews(run.id))
    ):
        return None
    try:
        return _real_picture(run.spec.data, run.spec.size, panels.grid_columns(run) or COLUMNS)
    except GanscopeError:  # the folder was moved in the meantime; the run continues from its cache
        return None


@st.cache_resource(show_spinner=False, max_entries=32)
def _real_picture(reference: str, size: int, columns: int) -> Picture:
    return Picture.of(real_grid(reference, size, columns, 4))
