"""Turns step results into rows of metrics, many steps at once.

Steps leave raw tensors; a flush stacks them by name and computes means, probabilities and norms once for all. That
keeps what is recorded at each step almost free, and needs one transfer from the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.hparams import TrainingHParams
from gan_core.objectives.base import Objective
from gan_core.runs.store import Metrics
from gan_core.training.trainer import StepResult


@dataclass(frozen=True)
class Fault:
    """A loss term that became infinite or not a number."""

    step: int
    term: str
    value: float


class Recorder:
    """Collects results and gives them as metrics: one column a name, NaN where a step has no value."""

    def __init__(self) -> None:
        self._results: list[StepResult] = []

    def __len__(self) -> int:
        return len(self._results)

    def add(self, result: StepResult) -> None:
        self._results.append(result)

    def drain(
        self, objective: Objective, hparams: TrainingHParams, images_per_second: float
    ) -> tuple[Metrics, Fault | None]:
        """The collected steps as metrics, and the first loss term that was not finite; forgets the steps."""
        results, self._results = self._results, []
        fault: Fault | None = None
        columns: dict[str, Tensor] = {}
        count = len(results)
        for name in _names(results, "terms"):
            places, values = _present(results, "terms", name)
            stacked = torch.stack(values)
            columns[name] = _scatter(stacked, places, count)
            bad = (~stacked.isfinite()).nonzero().flatten().tolist()
            # "phase/loss" is the sum of its terms: name the term
            if bad and not name.endswith("/loss") and (fault is None or results[places[bad[0]]].step < fault.step):
                fault = Fault(results[places[bad[0]]].step, name, float(stacked[bad[0]]))
        for name in _names(results, "gradients"):
            places, norms = _present(results, "gradients", name)
            total = torch.stack([torch.stack(list(parts)) for parts in norms]).square().sum(1).sqrt()
            columns[f"gradient_norm/{name}"] = _scatter(total, places, count)
        columns |= _summaries(results, objective, hparams)
        for name in _names(results, "values"):
            columns[name] = torch.tensor([result.values.get(name, math.nan) for result in results])
        columns["images_per_second"] = torch.full((count,), images_per_second)
        table = torch.stack([column.float().cpu() for column in columns.values()]).numpy() if columns else None
        steps = np.array([result.step for result in results], dtype=np.int64)
        return Metrics(
            steps, {name: table[row] for row, name in enumerate(columns)} if table is not None else {}
        ), fault


def _names(results: list[StepResult], part: str) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in getattr(result, part)))


def _present(results: list[StepResult], part: str, name: str) -> tuple[list[int], list[Any]]:
    found = [
        (place, getattr(result, part)[name]) for place, result in enumerate(results) if name in getattr(result, part)
    ]
    return [place for place, _ in found], [value for _, value in found]


def _scatter(values: Tensor, places: list[int], count: int) -> Tensor:
    """(K,) values at their places among `count` steps, NaN elsewhere."""
    if len(places) == count:
        return values
    column = torch.full((count,), math.nan, dtype=values.dtype, device=values.device)
    column[torch.tensor(places, device=values.device)] = values
    return column


def _summaries(results: list[StepResult], objective: Objective, hparams: TrainingHParams) -> dict[str, Tensor]:
    """What the objective makes of the observations; steps that observed other names are summarised apart."""
    groups: dict[tuple, list[int]] = {}
    for place, result in enumerate(results):
        key = tuple((name, values.shape) for name, values in result.observed.items())
        groups.setdefault(key, []).append(place)
    columns: dict[str, Tensor] = {}
    for key, places in groups.items():
        observed = {name: torch.stack([results[place].observed[name] for place in places]) for name, _ in key}
        for name, values in objective.summarise(hparams, observed).items():
            column = columns.setdefault(name, torch.full((len(results),), math.nan, device=values.device))
            column[torch.tensor(places, device=values.device)] = values.float()
    return columns
