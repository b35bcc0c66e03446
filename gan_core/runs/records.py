"""The records that the run store returns: frozen dataclasses, independent of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import filled
from gan_core.runs.spec import RunSpec


class RunState(StrEnum):
    """The state of a run. `interrupted`: its process died or lost contact while the run was active."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


ACTIVE = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.PAUSED})


@dataclass(frozen=True)
class Run:
    """One run as a reader sees it; an active state whose owner is dead reads as `interrupted`."""

    id: str
    name: str  # plain text, "" if the user gave none
    note: str  # plain text
    spec: RunSpec
    state: RunState
    step: int
    images_seen: int
    created: float  # seconds since the epoch
    updated: float  # seconds since the epoch
    pinned: bool
    parent: str | None  # id of the run that this one was forked from
    message: str  # constant template; `errors.filled(message, message_values)` is the sentence
    message_values: Mapping[str, Any]
    traceback: str
    seconds: float  # spent training
    images_per_second: float

    @property
    def is_active(self) -> bool:
        """Whether it is queued, running or paused in a living process."""
        return self.state in ACTIVE

    @property
    def sentence(self) -> str:
        """The message, in English; a template that its values don't fill stays as it is."""
        try:
            return filled(self.message, self.message_values)
        except (KeyError, IndexError, ValueError):
            return self.message


@dataclass(frozen=True, eq=False)
class Metrics:
    """K rows of scalars, steps ascending: `steps` int64 (K,), each column float32 (K,), NaN where not measured.

    A value that was measured and is NaN is a fault, and one that was not measured is none. `broken` holds the
    difference: for each column with such faults, where they are, bool (K,).
    """

    steps: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float32]]
    broken: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", np.asarray(self.steps, np.int64))
        object.__setattr__(
            self, "columns", {name: np.asarray(column, np.float32) for name, column in self.columns.items()}
        )
        faults = {name: np.asarray(places, bool) for name, places in self.broken.items()}
        object.__setattr__(self, "broken", {name: places for name, places in faults.items() if places.any()})
        for name, column in [*self.columns.items(), *self.broken.items()]:
            if column.shape != self.steps.shape:
                raise ValueError(f"column '{name}' has shape {column.shape}, the steps have {self.steps.shape}")

    def __len__(self) -> int:
        return len(self.steps)

    @classmethod
    def empty(cls) -> Metrics:
        return cls(np.empty(0, np.int64), {})

    @classmethod
    def concat(cls, parts: Iterable[Metrics]) -> Metrics:
        """The parts' rows one after the other; the columns are the union of theirs, in order of appearance."""
        parts = list(parts)
        if not parts:
            return cls.empty()
        columns = {
            name: np.concatenate([part.columns.get(name, np.full(len(part), np.nan, np.float32)) for part in parts])
            for name in dict.fromkeys(name for part in parts for name in part.columns)
        }
        broken = {
            name: np.concatenate([part.broken.get(name, np.zeros(len(part), bool)) for part in parts])
            for name in {name for part in parts for name in part.broken}
        }
        return cls(np.concatenate([part.steps for part in parts]), columns, broken)

    def rows(self, index: Any) -> Metrics:
        """Some of the rows: `index` is a mask, a slice or positions."""
        return Metrics(
            self.steps[index],
            {name: column[index] for name, column in self.columns.items()},
            {name: places[index] for name, places in self.broken.items()},
        )

    def measured(self, name: str) -> NDArray[np.bool_]:
        """A mask (K,) of the rows with a value, broken ones included; all False for an unknown column."""
        column = self.columns.get(name)
        if column is None:
            return np.zeros(len(self), bool)
        return ~np.isnan(column) | self.broken.get(name, False)

    def faults(self, name: str) -> NDArray[np.bool_]:
        """A mask (K,) of the rows whose value is infinite or NaN."""
        return self.measured(name) & ~np.isfinite(self.columns.get(name, np.empty(len(self), np.float32)))

    def last(self, name: str) -> float | None:
        """The last value that was measured, NaN if it is broken; None if none was."""
        places = np.flatnonzero(self.measured(name))
        return float(self.columns[name][places[-1]]) if len(places) else None

    def thinned(self, max_points: int) -> Metrics:
        """At most that many rows, evenly spread; the last one is always kept."""
        if len(self) <= max_points:
            return self
        return self.rows(np.linspace(len(self) - 1, 0, max_points).round().astype(np.int64)[::-1])


@dataclass(frozen=True)
class Event:
    """Something that happened to a run at a step: an edit, a manual step, a doctor's finding, ..."""

    id: int  # ever increasing over the whole store
    step: int
    time: float  # seconds since the epoch
    kind: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """A command sent to the owner of a run."""

    id: int
    name: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Preview:
    """A stored PNG of a run."""

    step: int
    images_seen: int
    path: Path
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """A stored checkpoint file of a run."""

    step: int
    images_seen: int
    path: Path
    sha256: str
    bytes: int
    created: float  # seconds since the epoch
