"""What a run found in its data: the names of its classes, and what was done to files. Needs no torch."""

from __future__ import annotations

from gan_core import data
from gan_core.data.parts import whole
from gan_core.runs.records import Run
from gan_core.runs.store import RunStore

DATA = "data"  # the kind of event that records `classes` and `notes` whenever a run begins or resumes


def class_names(store: RunStore, run: Run) -> tuple[str, ...]:
    """The names by label; empty if there are none, or if a run on the user's data is older than these records."""
    if found := _last(store, run, "classes"):
        return found
    known = whole(run.spec.data)
    return data.sources.get(known).class_names if known in data.sources else ()


def data_notes(store: RunStore, run: Run) -> tuple[str, ...]:
    """What was done to the data when the run last began or resumed."""
    return _last(store, run, "notes")


def _last(store: RunStore, run: Run, name: str) -> tuple[str, ...]:
    found = [event.payload for event in store.events(run.id) if event.kind == DATA]
    return tuple(found[-1][name]) if found else ()
