"""The summary of a study: means over seeds with confidence intervals, and paired comparisons of arms. Needs no torch.

Seeds change the chosen images, the GAN and the classifier, so an interval shows how much repetitions vary:

    mean +- t(0.975, n - 1) * s / sqrt(n)      over n seeds, Student's t, 95 %

Two arms are compared by their differences for the same seed, where both have the same real images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.metrics.pictures import check_comparable
from gan_core.study.plan import Cell, Setting, StudyPlan
from gan_core.study.results import Result, StudyFolder

MEASURES = ("auc", "accuracy")
COMPARED = (("gan", "real"), ("both", "classical"), ("classical", "real"))  # is the first better than the second?


@dataclass(frozen=True)
class Estimate:
    """The mean over `seeds` values and half the width of its 95 % interval; NaN for fewer than two seeds."""

    mean: float
    half: float
    seeds: int

    @property
    def verdict(self) -> str:
        """For a difference: "better" or "worse" if the interval excludes 0, else "unclear"."""
        if math.isnan(self.half) or abs(self.mean) <= self.half:
            return "unclear"
        return "better" if self.mean > 0 else "worse"


@dataclass(frozen=True)
class Row:
    """One arm in one setting."""

    setting: Setting
    arm: str
    measure: str
    estimate: Estimate


@dataclass(frozen=True)
class Comparison:
    """The advantage of `arm` over `against`, in the seeds that have both."""

    setting: Setting
    arm: str
    against: str
    measure: str
    difference: Estimate


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and Student's interval; of at least one value."""
    from scipy.special import stdtrit  # 0.2 s, without importing scipy.stats

    count = len(values)
    if count < 2:
        return Estimate(float(values[0]), math.nan, count)
    error = float(np.std(values, ddof=1)) / math.sqrt(count)
    return Estimate(float(np.mean(values)), float(stdtrit(count - 1, 0.975)) * error, count)


@dataclass(frozen=True)
class Summary:
    """Everything that a page or the command line shows."""

    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    done: int
    planned: int
    seconds: float

    def to_state(self) -> dict[str, Any]:
        """Plain values, in the form that the command line prints."""
        return {
            "done": self.done,
            "planned": self.planned,
            "seconds": round(self.seconds, 1),
            "interval": "95 %, Student's t over seeds",
            "results": [
                {"setting": row.setting.name, "arm": row.arm, "measure": row.measure, **vars(row.estimate)}
                for row in self.rows
            ],
            "comparisons": [
                {"setting": one.setting.name, "arm": one.arm, "against": one.against, "measure": one.measure,
                 **vars(one.difference), "verdict": one.difference.verdict}
                for one in self.comparisons
            ],
        }  # fmt: skip


def summarise(folder: StudyFolder, plan: StudyPlan) -> Summary:
    """Summarises the results so far; raises BadData if some results are for pictures of another kind."""
    cells = list(plan.cells())
    results = {cell: result for cell in cells if (result := folder.result(cell))}
    for result in results.values():
        check_comparable(next(iter(results.values())).pictures, result.pictures, folder.path.name)
    rows = [
        Row(setting, arm, measure, estimate([getattr(one, measure) for one in seeds.values()]))
        for measure in MEASURES
        for setting in plan.settings
        for arm in plan.arms
        if (seeds := _seeds(results, setting, arm))
    ]
    comparisons = [
        Comparison(setting, arm, against, measure, estimate(differences))
        for measure in MEASURES
        for setting in plan.settings
        for arm, against in COMPARED
        if (differences := _differences(results, setting, arm, against, measure))
    ]
    seconds = sum(result.seconds for result in results.values())
    return Summary(tuple(rows), tuple(comparisons), len(results), len(cells), seconds)


def _seeds(results: dict[Cell, Result], setting: Setting, arm: str) -> dict[int, Result]:
    return {cell.seed: one for cell, one in results.items() if (cell.setting, cell.arm) == (setting, arm)}


def _differences(results: dict[Cell, Result], setting: Setting, arm: str, against: str, measure: str) -> list[float]:
    first, second = _seeds(results, setting, arm), _seeds(results, setting, against)
    return [getattr(first[seed], measure) - getattr(second[seed], measure) for seed in first if seed in second]
