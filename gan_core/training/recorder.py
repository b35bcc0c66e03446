"""Turns step results into rows of metrics, many steps at once.

Steps leave raw tensors; a flush stacks them by name and computes means, probabilities and norms once for all. That
keeps what is recorded at each step almost free, and needs one transfer from the device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from gan_core.hparams import TrainingHParams
from gan_core.objectives.base import Objective
from gan_core.runs.store import Metrics
from gan_core.training.trainer import StepResult

Value = TypeVar("Value")


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
        for name, (places, values) in _by_name([result.terms for result in results]).items():
            stacked = torch.stack(values)
            columns[name] = _scatter(stacked, places, count)
            bad = (~stacked.isfinite()).nonzero().flatten().tolist()
            # "phase/loss" is the sum of its terms: name the term
            if bad and not name.endswith("/loss") and (fault is None or results[places[bad[0]]].step < fault.step):
                fault = Fault(results[places[bad[0]]].step, name, float(stacked[bad[0]]))
        for name, (places, norms) in _by_name([result.gradients for result in results]).items():
            columns[f"gradient_norm/{name}"] = _scatter(_total_norms(norms), places, count)
        columns |= _summaries(results, objective, hparams)
        for name, (places, numbers) in _by_name([result.values for result in results]).items():
            columns[name] = _scatter(torch.tensor(numbers), places, count)
        columns["images_per_second"] = torch.full((count,), images_per_second)
        table = torch.stack([column.float().cpu() for column in columns.values()]).numpy() if columns else None
        steps = np.array([result.step for result in results], dtype=np.int64)
        return Metrics(
            steps, {name: table[row] for row, name in enumerate(columns)} if table is not None else {}
        ), fault


def _by_name(parts: Sequence[Mapping[str, Value]]) -> dict[str, tuple[list[int], list[Value]]]:
    """For every name, the places of the steps that have it, and their values."""
    found: dict[str, tuple[list[int], list[Value]]] = {}
    for place, part in enumerate(parts):
        for name, value in part.items():
            places, values = found.setdefault(name, ([], []))
            places.append(place)
            values.append(value)
    return found


def _total_norms(norms: list[tuple[Tensor, ...]]) -> Tensor:
    """K steps' norms of each weight's gradient -> the norms of all weights' gradients together, (K,)."""
    squares = torch.stack([norm for parts in norms for norm in parts]).square()  # one stack: it costs by the call
    lengths = torch.tensor([len(parts) for parts in norms], device=squares.device)
    owners = torch.arange(len(norms), device=squares.device).repeat_interleave(lengths)
    return squares.new_zeros(len(norms)).index_add_(0, owners, squares).sqrt()


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
