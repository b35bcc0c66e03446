"""Runs: view, rename, pin, compare, scrub through the history and delete."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import Run
from ui.classroom.runs.cards import settings_link, show_runs
from ui.classroom.runs.compare import ask_for, asked_for, compare
from ui.classroom.shell import entry, warm
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store


def open_run(id: str) -> None:
    st.switch_page("pages/train.py", query_params={"run": id})


def clone(run: Run) -> None:
    st.switch_page("pages/train.py", query_params=settings_link(store(), run))


entry.through_app()
compared = asked_for()
if compared:
    st.title(_("Compare runs") if len(compared) > 1 else _("History of a run"), anchor=False)
    if st.button(_("All runs"), icon=":material/arrow_back:", type="tertiary", key="back"):
        ask_for([])
        st.rerun()
    compare(store(), compared)
else:
    st.title(_("Runs"), anchor=False)
    show_runs(store(), open_run, clone)
warm.start()
