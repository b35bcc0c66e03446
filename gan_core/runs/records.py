"""What the run store hands out: plain frozen records, no database in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.runs.spec import RunSpec


class RunState(StrEnum):
    """Where a run stands. `interrupted`: its process died or lost touch while the run was active."""

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
    name: str  # plain text, "" where the user gave none
    note: str  # plain text
    spec: RunSpec
    state: RunState
    step: int
    images_seen: int
    created: float  # seconds since the epoch
    updated: float  # seconds since the epoch
    pinned: bool
    parent: str | None  # id of the run that this one was forked from
    message: str  # constant template; `message.format(**message_values)` is the sentence
    message_values: Mapping[str, Any]
    traceback: str
    seconds: float  # spent training
    images_per_second: float

    @property
    def is_active(self) -> bool:
        """Whether it waits, trains or is paused in a living process."""
        return self.state in ACTIVE

    @property
    def sentence(self) -> str:
        """The message, in English; a template that its values don't fill stays as it is."""
        try:
            return self.message.format(**self.message_values)
        except (KeyError, IndexError, ValueError):
            return self.message


@dataclass(frozen=True, eq=False)
class Metrics:
    """K rows of scalars, steps ascending: `steps` int64 (K,), each column float32 (K,), NaN where not recorded."""

    steps: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", np.asarray(self.steps, np.int64))
        object.__setattr__(
            self, "columns", {name: np.asarray(column, np.float32) for name, column in self.columns.items()}
        )
        for name, column in self.columns.items():
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
        return cls(np.concatenate([part.steps for part in parts]), columns)

    def rows(self, index: Any) -> Metrics:
        """Some of the rows: `index` is a mask, a slice or positions."""
        return Metrics(self.steps[index], {name: column[index] for name, column in self.columns.items()})

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
    """A wish sent to the owner of a run."""

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
