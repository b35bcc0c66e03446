"""Dialogs for runs: rename, fork, delete.

The open dialog is kept in the session state, so that a rerun of the page, for example because another run has ended,
doesn't close it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from gan_core.runs.store import Run, RunStore
from ui.classroom.live import forks
from ui.classroom.shell import knob_widgets, run_actions, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.classroom.shell.run_titles import title_of
from ui.texts import plain

STATE = "runs.asked"  # (action, run id)
DESCRIBE, FORK, DELETE, DELETE_UNPINNED = "describe", "fork", "delete", "delete-unpinned"
MENU = {
    DESCRIBE: (N_("Rename or add a note"), ":material/edit:"),
    FORK: (N_("Fork from here"), ":material/fork_right:"),
    DELETE: (N_("Delete"), ":material/delete:"),
}


def ask(verb: str, run: Run | None = None) -> None:
    """Opens a dialog after the page has been rendered."""
    st.session_state[STATE] = (verb, run.id if run else "")


def show(store: RunStore, runs: Sequence[Run], open_run: Callable[[str], Any]) -> None:
    """Renders the open dialog, if any."""
    verb, id = st.session_state.get(STATE, ("", ""))
    run = next((run for run in runs if run.id == id), None)
    if verb == DELETE_UNPINNED:
        _dialog(_("Delete all unpinned runs"), _delete_unpinned, store, runs)
    elif run is None:
        _done()
    elif verb == DESCRIBE:
        _dialog(_(MENU[verb][0]), _describe, store, run)
    elif verb == FORK:
        _dialog(_(MENU[verb][0]), _fork, store, run, open_run)
    elif verb == DELETE:
        _dialog(_(MENU[verb][0]), _delete, store, run)


def _dialog(title: str, content: Callable[..., None], *arguments: Any) -> None:
    st.dialog(title, on_dismiss=_done)(content)(*arguments)


def _done() -> None:
    st.session_state.pop(STATE, None)


def _describe(store: RunStore, run: Run) -> None:
    with st.form("describe", border=False):
        name = st.text_input(
            _("Name"), run.name, max_chars=80, placeholder=title_of(run) if not run.name else None, key=f"name-{run.id}"
        )
        note = st.text_area(_("Note"), run.note, max_chars=2000, key=f"note-{run.id}")
        saved = st.form_submit_button(_("Save"), type="primary", key="save-description")
    if saved:
        with showing_errors():
            run_actions.describe(store, run.id, name, note)
            _done()
            st.rerun()


def _fork(store: RunStore, run: Run, open_run: Callable[[str], Any]) -> None:
    from gan_core.training.control import current_hparams
    from gan_core.training.forking import start_of

    st.write(_("Start a new run with the settings of this one. You can edit them in the new run."))
    name = st.text_input(_("Name"), max_chars=80, key=f"fork-name-{run.id}")
    usual = max(run.spec.steps, 2 * run.step) if run.spec.steps else 0
    steps = knob_widgets.control("steps", int, usual, forks.STEPS, f"fork-steps-{run.id}", disabled=False)
    problem = knob_widgets.correct_first([forks.STEPS.label]) if isinstance(steps, str) else ""
    with showing_errors():
        hparams = current_hparams(store, run)
        start = start_of(store, run, hparams)
        st.markdown(forks.starts(start, hparams, run))
        problem = problem or forks.too_short(start, steps)
    if problem:
        st.error(problem, icon=":material/error:")
    if st.button(_("Fork"), type="primary", key="fork-now", disabled=bool(problem)) and not problem:
        with showing_errors(), st.spinner(_("Starting …")):
            made = sessions.fork(run.id, {}, int(steps), name)
            _done()
            open_run(made.id)


def _delete(store: RunStore, run: Run) -> None:
    st.markdown(
        _("Delete **{run}** with its history and checkpoints? This can't be undone.").format(run=plain(title_of(run)))
    )
    if run.is_active:
        st.warning(_("This run is still active. Stop it first."))
    if _confirmed("delete-now", disabled=run.is_active):
        with showing_errors():
            run_actions.delete(store, run.id)
            _done()
            st.rerun()


def _delete_unpinned(store: RunStore, runs: Sequence[Run]) -> None:
    count = sum(not run.pinned and not run.is_active for run in runs)
    question = _("Delete {count} runs with their history and checkpoints? Pinned and active runs are kept.")
    st.markdown(question.format(count=count))
    if _confirmed("delete-unpinned-now"):
        with showing_errors():
            run_actions.delete_unpinned(store)
            _done()
            st.rerun()


def _confirmed(key: str, disabled: bool = False) -> bool:
    return st.button(_("Delete"), type="primary", icon=":material/delete:", key=key, disabled=disabled)
