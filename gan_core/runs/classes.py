"""What a run has found in its data: the names of the classes that it learns, and what was done to files. No torch."""

from __future__ import annotations

from gan_core import data
from gan_core.data.parts import whole
from gan_core.runs.records import Run
from gan_core.runs.store import RunStore

DATA = "data"  # the kind of event in which a run notes `classes` and `notes` whenever it begins or goes on


def class_names(store: RunStore, run: Run) -> tuple[str, ...]:
    """The names by label; empty where there are none, or where a run of the user's data is older than these notes."""
    if found := _last(store, run, "classes"):
        return found
    known = whole(run.spec.data)
    return data.sources.get(known).class_names if known in data.sources else ()


def data_notes(store: RunStore, run: Run) -> tuple[str, ...]:
    """What was done to the data when the run began or went on last."""
    return _last(store, run, "notes")


def _last(store: RunStore, run: Run, name: str) -> tuple[str, ...]:
    found = [event.payload for event in store.events(run.id) if event.kind == DATA]
    return tuple(found[-1][name]) if found else ()
