"""What a visitor has read: names of lessons and of revealed answers, kept in the browser by `progress.js`.

The page gets it once the browser has answered, which reruns the page; from then on the session stores it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from ui.classroom.learn import drawing
from ui.classroom.shell.i18n import _
from ui.classroom.shell.style import read

KEY = "learn-progress"  # of the component
DONE, FORGET = "learn.done", "learn.forget"  # keys of the session's state
MOST = 1000  # names that a browser may send


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_progress",
        html='<div class="progress"></div>',
        css=read("learn/progress.css"),
        js=read("learn/progress.js"),
    )


def done() -> set[str]:
    """Returns the lessons that were read and the answers that were revealed, as far as known."""
    known = set(st.session_state.get(DONE, ()))
    kept = _kept()
    if st.session_state.get(FORGET):
        if kept != []:
            return set()
        st.session_state[FORGET] = False
    known |= set(kept or ())
    st.session_state[DONE] = known
    return known


def add(name: str) -> None:
    """Records that something was read or revealed."""
    st.session_state[DONE] = done() | {name}


def forget() -> None:
    """Clears the progress; the browser follows when the page is rendered."""
    st.session_state[DONE] = set()
    st.session_state[FORGET] = True


def keep(lesson: str = "") -> None:
    """Sends to the browser what was read, which lesson is shown and what figures need; a button prints that lesson."""
    data = {
        "add": sorted(st.session_state.get(DONE, ())),
        "known": _kept(),
        "forget": bool(st.session_state.get(FORGET)),
        "place": lesson,
        "print": _("Print the handout") if lesson else "",
        "script": drawing.script(),
    }
    _component()(data=data, key=KEY, on_kept_change=lambda: None)


def _kept() -> list[str] | None:
    """What the browser has sent; None before it has."""
    sent = st.session_state.get(KEY, {}).get("kept")
    if not isinstance(sent, Collection) or isinstance(sent, str):
        return None
    return [name for name in list(sent)[:MOST] if isinstance(name, str)]
