"""The input of rules: the metrics of a run so far, and facts about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_core.data import task_of
from gan_core.data.catalogue import modes_of
from gan_core.hparams import UNBOUNDED
from gan_core.runs.records import Metrics, Run

# Meaning of a discriminator's output. A `critic` estimates a distance, so that confidence is no fault; a `relativistic`
# score is a difference; `alone` is a network without an opponent.
Judge = Literal["probability", "margin", "relativistic", "critic", "alone"]
CLASSIC: tuple[Judge, ...] = ("probability", "margin", "relativistic")
OPPOSED: tuple[Judge, ...] = (*CLASSIC, "critic")
EVERY: tuple[Judge, ...] = (*OPPOSED, "alone")

PROBABILITIES = frozenset(
    {"non_saturating", "minimax", "logistic", "boundary_seeking"}
)  # losses whose scores are probabilities
CLASSIFIER = "features/cross_entropy"  # the metric that only runs of a classifier have
EARLY = 100  # steps before which nothing is judged
WINDOW = 200  # steps that are examined
SETTLED = 500  # steps before which samples are poor even in healthy runs
SETTLED_SHARE = 0.35  # the same as a share of the planned steps

Array = NDArray[np.float64]


def scores_are_probabilities(settings: Mapping[str, Any]) -> bool:
    """Whether D(x) and D(G(z)) are recorded as probabilities under these knobs, or as scores without a scale."""
    return settings.get("loss") in PROBABILITIES and settings.get("relativistic", "none") == "none"


@dataclass(frozen=True)
class Subject:
    """Facts about a run besides its metrics."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # including all edits so far
    task: str = "images"  # "points", "images", or another task of a recipe
    modes: int = 0  # number of modes of the data, 0 if unknown
    size: int = 0  # pixels
    planned: int = 0  # planned steps, 0 for an endless run
    edited: int = 0  # the step of the last edit

    @classmethod
    def of(cls, run: Run, settings: Mapping[str, Any], edited: int = 0) -> Subject:
        """`settings`: those of the run with all edits; `edited`: the step of the last one."""
        known = modes_of(run.spec.data)
        return cls(
            settings, task_of(run.spec.data), len(known.centres) if known else 0, run.spec.size, run.spec.steps, edited,
        )  # fmt: skip

    @property
    def judge(self) -> Judge:
        """The meaning of the discriminator's output."""
        loss = self.settings.get("loss")
        if loss is None:
            return "alone"
        if loss in UNBOUNDED:
            return "critic"
        if self.settings.get("relativistic", "none") != "none":
            return "relativistic"
        return "probability" if loss in PROBABILITIES else "margin"


@dataclass(frozen=True, eq=False)
class Case:
    """A run so far. `recent` holds its last steps in full, `whole` all of it, thinned or not.

    `whole` includes the rows with examinations of the samples; by default it is `recent`.
    """

    recent: Metrics
    subject: Subject = field(default_factory=Subject)
    whole: Metrics = field(default_factory=Metrics.empty)

    def __post_init__(self) -> None:
        if not len(self.whole):
            object.__setattr__(self, "whole", self.recent)

    @cached_property
    def step(self) -> int:
        return int(self.recent.steps[-1]) if len(self.recent) else 0

    @cached_property
    def is_settled(self) -> bool:
        """Whether the samples may be judged: they are poor at the start of every run, and after an edit."""
        return self.step - self.subject.edited >= max(SETTLED, SETTLED_SHARE * self.subject.planned)

    @cached_property
    def window(self) -> Metrics:
        """The rows of the last WINDOW steps."""
        return self.recent.rows(slice(int(np.searchsorted(self.recent.steps, self.step - WINDOW, "right")), None))

    def values(self, name: str) -> Array:
        """The finite values of the last WINDOW steps."""
        return finite(self.window, name)

    def mean(self, name: str) -> float | None:
        values = self.values(name)
        return float(values.mean()) if len(values) else None

    def median(self, name: str) -> float | None:
        values = self.values(name)
        return float(np.median(values)) if len(values) else None

    def history(self, name: str) -> tuple[NDArray[np.int64], Array]:
        """The steps and finite values of a metric over the whole run."""
        column = self.whole.columns.get(name)
        if column is None:
            return np.empty(0, np.int64), np.empty(0)
        measured = np.isfinite(column)
        return self.whole.steps[measured], column[measured].astype(float)

    def latest(self, name: str) -> float | None:
        """The last finite value, however old."""
        for metrics in (self.recent, self.whole):
            values = finite(metrics, name)
            if len(values):
                return float(values[-1])
        return None

    def lately(self, name: str, looks: int) -> float | None:
        """The median of the last `looks` values that were measured; None if there are fewer."""
        values = self.history(name)[1]
        return float(np.median(values[-looks:])) if len(values) >= looks else None

    @cached_property
    def norms(self) -> dict[str, float]:
        """The median gradient norm of each phase."""
        names = [name for name in self.recent.columns if name.startswith("gradient_norm/")]
        found = {name.partition("/")[2]: self.median(name) for name in names}
        return {phase: norm for phase, norm in found.items() if norm is not None}

    def until(self, step: int) -> Case:
        """The same run as it was at a step."""
        return replace(self, recent=_until(self.recent, step), whole=_until(self.whole, step))


def _until(metrics: Metrics, step: int) -> Metrics:
    return metrics.rows(slice(0, int(np.searchsorted(metrics.steps, step, "right"))))


def finite(metrics: Metrics, name: str) -> Array:
    column = metrics.columns.get(name)
    if column is None:
        return np.empty(0)
    return np.asarray(column[np.isfinite(column)], float)
