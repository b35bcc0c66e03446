"""Turns step results into rows of metrics, many steps at once.

Steps leave raw tensors; a flush stacks them by name and computes means, probabilities and norms once for all. That
keeps what is recorded at each step almost free, and needs one transfer from the device.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gan_core.hparams import TrainingHParams
from gan_core.objectives.base import Objective
from gan_core.runs.store import Metrics
from gan_core.training.trainer import StepResult

Value = TypeVar("Value")


@dataclass(frozen=True)
class Fault:
    """A loss term, or a player's gradient, that became infinite or not a number."""

    step: int
    term: str  # "phase/term", or "gradient_norm/phase"
    value: float
    ranks: tuple[int, ...] = ()  # with several ranks, those where it occurred first

    @property
    def of_gradient(self) -> bool:
        return self.term.startswith("gradient_norm/")


class Recorder:
    """Collects results and returns them as metrics: one column for each name, NaN where a step has no value.

    A player that was not trained in a step has no loss there; one whose loss is NaN has a broken one. The two can be
    told apart only where it is known which steps have a value, so this is recorded here (`Metrics.broken`).
    """

    def __init__(self) -> None:
        self._results: list[StepResult] = []

    def __len__(self) -> int:
        return len(self._results)

    def add(self, result: StepResult) -> None:
        self._results.append(result)

    def note(self, values: Mapping[str, float]) -> None:
        """Adds values to the newest step."""
        self._results[-1].values.update(values)

    def drain(
        self, objective: Objective, hparams: TrainingHParams, images_per_second: float
    ) -> tuple[Metrics, Fault | None]:
        """The collected steps as metrics, and the first loss term that was not finite; forgets the steps."""
        results, self._results = self._results, []
        count = len(results)
        columns: dict[str, Tensor] = {}
        places: dict[str, list[int]] = {}  # positions of the steps that have a value
        for name, (places[name], values) in _by_name([result.terms for result in results]).items():
            columns[name] = _scatter(torch.stack(values), places[name], count)
        for phase, (found, norms) in _by_name([result.gradients for result in results]).items():
            name = f"gradient_norm/{phase}"
            places[name], columns[name] = found, _scatter(_total_norms(norms), found, count)
        judged = list(columns)
        for name, (found, summary) in _summaries(results, objective, hparams).items():
            places[name], columns[name] = found, _scatter(summary, found, count)
        for name, (places[name], numbers) in _by_name([result.values for result in results]).items():
            columns[name] = _scatter(torch.tensor(numbers, dtype=torch.float32), places[name], count)
        columns["images_per_second"] = torch.full((count,), images_per_second)
        table = torch.stack([column.float().cpu() for column in columns.values()]).numpy()
        steps = np.array([result.step for result in results], dtype=np.int64)
        metrics = Metrics(steps, dict(zip(columns, table, strict=True)), _broken(table, list(columns), places))
        fault = _first_fault(metrics, judged)
        return metrics, fault and replace(fault, ranks=_ranks_of(fault, results))


def _broken(
    table: NDArray[np.float32], names: Sequence[str], places: Mapping[str, list[int]]
) -> dict[str, NDArray[np.bool_]]:
    """A mask (columns, K) of the values that were measured and are NaN."""
    nan = np.isnan(table)
    broken = {}
    for row, name in enumerate(names):
        measured = np.zeros(table.shape[1], bool)
        measured[places.get(name, slice(None))] = True
        if (nan[row] & measured).any():
            broken[name] = nan[row] & measured
    return broken


def _first_fault(metrics: Metrics, names: Sequence[str]) -> Fault | None:
    """The earliest fault among loss terms and gradients: of several in a step, the term that comes first."""
    found: Fault | None = None
    for name in names:
        steps = np.flatnonzero(metrics.faults(name))
        # "phase/loss" is the sum of its terms: name the term
        if not len(steps) or name.endswith("/loss"):
            continue
        step = int(metrics.steps[steps[0]])
        if found is None or step < found.step:
            found = Fault(step, name, float(metrics.columns[name][steps[0]]))
    return found


def _ranks_of(fault: Fault, results: Sequence[StepResult]) -> tuple[int, ...]:
    """The ranks that had the value before it spread; empty if one process trains."""
    first, _, last = fault.term.partition("/")
    faulty = next(result for result in results if result.step == fault.step).faulty
    flags = faulty.get(last if fault.of_gradient else first)
    return () if flags is None else tuple(flags.nonzero().flatten().tolist())


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
    squares = torch.stack([norm for parts in norms for norm in parts]).square()  # one stack: the cost is per call
    lengths = torch.tensor([len(parts) for parts in norms], device=squares.device)
    owners = torch.arange(len(norms), device=squares.device).repeat_interleave(lengths)
    return squares.new_zeros(len(norms)).index_add_(0, owners, squares).sqrt()


def _scatter(values: Tensor, places: list[int], count: int) -> Tensor:
    """(K,) values at their places among `count` steps, NaN elsewhere."""
    if places == list(range(count)):
        return values
    column = torch.full((count,), math.nan, dtype=values.dtype, device=values.device)
    column[torch.tensor(places, device=values.device)] = values
    return column


def _summaries(
    results: list[StepResult], objective: Objective, hparams: TrainingHParams
) -> dict[str, tuple[list[int], Tensor]]:
    """The objective's summaries of the observations: the places of the steps that have a value, and the values.

    Steps with different names are summarised separately.
    """
    groups: dict[tuple, list[int]] = {}
    for place, result in enumerate(results):
        key = tuple((name, values.shape) for name, values in result.observed.items())
        groups.setdefault(key, []).append(place)
    found: dict[str, tuple[list[int], list[Tensor]]] = {}
    for key, members in groups.items():
        observed = {name: torch.stack([results[place].observed[name] for place in members]) for name, _ in key}
        for name, values in objective.summarise(hparams, observed).items():
            places, parts = found.setdefault(name, ([], []))
            places += members
            parts.append(values.float())
    return {name: (places, torch.cat(parts)) for name, (places, parts) in found.items()}
