"""Actions on runs other than training (see `sessions`). Each checks the visitor's permission."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import streamlit as st

from gan_core.data import task_of
from gan_core.errors import GanscopeError
from gan_core.runs.quota import keep_within_quota, quota_bytes
from gan_core.runs.store import Run, RunState, RunStore
from ui.classroom.shell.access import require_steering
from ui.classroom.shell.errors import logger
from ui.classroom.shell.i18n import STATE, _
from ui.texts import bytes_size

QUOTA_EVERY = 60.0  # seconds between quota checks


def describe(store: RunStore, id: str, name: str, note: str) -> None:
    """Sets a run's name and note; both are plain text."""
    require_steering()
    store.rename(id, name)
    store.set_note(id, note)


def set_pinned(store: RunStore, id: str, pinned: bool) -> None:
    require_steering()
    store.set_pinned(id, pinned)


def delete(store: RunStore, id: str) -> None:
    """Deletes a run with its files; raises RunConflict while a process holds it."""
    require_steering()
    store.delete(id)


def delete_unpinned(store: RunStore) -> int:
    """Deletes all runs that are neither pinned nor active; returns their number."""
    require_steering()
    return len(store.delete_unpinned())


def resumable(run: Run) -> bool:
    """Whether the run can be resumed here: it is paused, or it ended early."""
    return run.state in (RunState.PAUSED, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED)


def has_sliders(store: RunStore, run: Run) -> bool:
    """Whether the Studio can open the run: it generates images from latents and has a checkpoint."""
    return "latent_size" in run.spec.hparams and task_of(run.spec.data) == "images" and bool(store.checkpoints(run.id))


def studio_link(id: str) -> dict[str, str]:
    """Returns the query of the Studio page for a run's newest checkpoint."""
    return {"model": f"run:{id}", "lang": st.session_state.get(STATE, "en")}


def open_in_studio(id: str) -> None:
    """Opens the Studio page; doesn't return."""
    st.switch_page("pages/studio.py", query_params=studio_link(id))


class Keeper:
    """Keeps the store within its quota, in the background and at intervals, whoever views the page."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._next = 0.0

    def look(self, size: int) -> None:
        if size <= quota_bytes() or not self._lock.acquire(blocking=False):
            return
        if time.monotonic() < self._next:
            self._lock.release()
            return
        self._next = time.monotonic() + QUOTA_EVERY
        threading.Thread(target=self._keep, name="quota", daemon=True).start()

    def _keep(self) -> None:
        try:
            keep_within_quota(self._store)
        except GanscopeError as error:
            logger.warning("the store can't be thinned: %s", error)
        finally:
            self._lock.release()


@st.cache_resource(show_spinner=False)
def keeper(root: Path, _store: RunStore) -> Keeper:
    """Returns this process's keeper for the store in that folder."""
    return Keeper(_store)


def state_of_store(size: int, quota: int) -> tuple[float, str]:
    """Returns the fill level in [0, 1] and a description."""
    words = _("{size} of {quota} used").format(size=bytes_size(size), quota=bytes_size(quota))
    if size > quota:
        words += " · " + _("over the quota: unpin or delete runs")
    return min(1.0, size / quota), words
