"""Shows and stops evaluations, which run in processes of their own, and reports how they ended."""

from __future__ import annotations

import streamlit as st

from gan_core.evaluation import process
from gan_core.evaluation.process import DONE, FAILED, RUNNING, STOPPED, WAITING, Course
from gan_core.metrics.trust import Note
from ui.classroom.evaluate.words import note_text
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.texts import plain, sentence

POLL = 1.0  # seconds


def show() -> None:
    """Shows the progress of running evaluations, refreshed until they end; else how the last ones ended."""
    course = process.course()
    if process.runs():
        _running(_done(course))
    elif course:
        _ended(course)


def _running(seen: int) -> None:
    @st.fragment(run_every=POLL)
    def again() -> None:
        course = process.course()
        if not process.runs() or _done(course) != seen:
            st.rerun()
        st.progress(course.share if course else 0.0, _words(course))

    again()
    if st.button(
        _("Stop the evaluation"), icon=":material/stop:", key="evaluate-stop", disabled=not access.may_steer(),
        help=access.why_locked() or _("Evaluations that are finished stay."),
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            with st.spinner(_("Stopping …")):
                process.stop()
            st.rerun()


def _words(course: Course | None) -> str:
    now = next((place for place, one in enumerate(course.items) if one.state == RUNNING), None) if course else None
    if course is None or now is None:
        return _("Loading PyTorch …")
    what = _(course.what) if course.what else _("Loading PyTorch …")
    return f"{plain(course.items[now].name)} ({now + 1}/{len(course.items)}): {what}"


def _done(course: Course | None) -> int:
    return sum(one.state in (DONE, FAILED) for one in course.items) if course else 0


def _ended(course: Course) -> None:
    names = {state: [one.name for one in course.items if one.state == state] for state in (DONE, STOPPED)}
    if names[DONE]:
        st.success(_("Evaluated: {names}.").format(names=plain(", ".join(names[DONE]))), icon=":material/check:")
    if names[STOPPED]:
        words = _("Stopped before it was finished: {names}.").format(names=plain(", ".join(names[STOPPED])))
        st.info(words, icon=":material/stop:")
    if left := [one.name for one in course.items if one.state in (WAITING, RUNNING)]:
        st.error(
            _("The evaluation ended before {names} was finished. Last line of its log: {line}").format(
                names=plain(", ".join(left)), line=plain(process.last_line()) or "–"
            ),
            icon=":material/error:",
        )
    for one in course.items:
        if one.state == FAILED:
            st.error(f"{plain(one.name)}: {plain(sentence(one.message, one.values))}", icon=":material/error:")
    for words in dict.fromkeys(note_text(note) for note in _notes(course)):
        st.info(plain(words), icon=":material/info:")
    if st.button(_("Dismiss"), icon=":material/close:", key="evaluate-dismiss", disabled=not access.may_steer(),
                 help=access.why_locked() or _("Hides this message; the results stay.")):  # fmt: skip
        with showing_errors():
            access.require_steering()
            process.dismiss()
            st.rerun()


def _notes(course: Course) -> list[Note]:
    return [note for one in course.items for note in one.notes]
