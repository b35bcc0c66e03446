"""What can be done to a run that doesn't train it (that is in `sessions`). Each action checks who asks."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import streamlit as st

from gan_core.errors import GanscopeError
from gan_core.runs.quota import keep_within_quota, quota_bytes
from gan_core.runs.store import Run, RunState, RunStore
from ui.classroom.shell.access import require_steering
from ui.classroom.shell.errors import logger
from ui.classroom.shell.i18n import STATE, _
from ui.texts import bytes_size, is_points

QUOTA_EVERY = 60.0  # seconds between looks at the quota


def describe(store: RunStore, id: str, name: str, note: str) -> None:
    """Gives a run a name and a note; both are plain text."""
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
    """Deletes all runs that are neither pinned nor active; returns how many."""
    require_steering()
    return len(store.delete_unpinned())


def resumable(run: Run) -> bool:
    """Whether the run can be taken up here: it is paused, or it ended before its time."""
    return run.state in (RunState.PAUSED, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED)


def has_sliders(store: RunStore, run: Run) -> bool:
    """Whether the Studio can open the run: it draws images from latents, and has a checkpoint."""
    return "latent_size" in run.spec.hparams and not is_points(run.spec.data) and bool(store.checkpoints(run.id))


def studio_link(id: str) -> dict[str, str]:
    """The query of the page Studio that shows a run's newest checkpoint."""
    return {"model": f"run:{id}", "lang": st.session_state.get(STATE, "en")}


def open_in_studio(id: str) -> None:
    """To the page Studio; doesn't return."""
    st.switch_page("pages/studio.py", query_params=studio_link(id))


class Keeper:
    """Keeps the store within its quota, in the background and not too often, whoever looks at the page."""

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
    """The one of this process for the store in that folder."""
    return Keeper(_store)


def state_of_store(size: int, quota: int) -> tuple[float, str]:
    """How full the store is, in [0, 1], and what happens then."""
    words = _("{size} of {quota} used").format(size=bytes_size(size), quota=bytes_size(quota))
    if size > quota:
        words += " · " + _("over the quota: unpin or delete runs")
    return min(1.0, size / quota), words
