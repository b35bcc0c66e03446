"""The run store of this process."""

from __future__ import annotations

import streamlit as st

from gan_core.runs.store import Run, RunStore


@st.cache_resource(show_spinner=False)
def store() -> RunStore:
    """Returns the store in `GANSCOPE_HOME`; raises StoreError if it can't be opened."""
    return RunStore()


def active_runs() -> list[Run]:
    """Returns running, paused and queued runs, newest first."""
    return [run for run in store().runs() if run.is_active]
