"""When to stop: the step after which a recorded distance no longer improved beyond its interval.

Stopping is suggested and never forced: a distance measures only its features, and samples can still get sharper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.doctor.case import Array, Case

DISTANCES = ("samples/distance", "distance/sliced")  # the first that was recorded is used
ERROR = "_error"  # suffix of a distance's name: the column of its standard error
SURE = 2.0  # standard errors of a difference
LEAST = 12  # examinations after the step, before stopping is suggested
SHARE = 0.25  # the same as a share of all examinations
SMOOTH = 3  # examinations whose median is used


@dataclass(frozen=True)
class Plateau:
    """The distance `name` was `value` +- `error` at `step`, and no value up to step `until` was better beyond that."""

    name: str
    step: int
    until: int
    value: float
    error: float


def plateau(case: Case) -> Plateau | None:
    """The plateau that a run has reached; None while it improves, or if no distance was recorded."""
    for name in DISTANCES:
        steps, values = case.history(name)
        if len(values) >= LEAST:
            errors = _errors(case, name, steps, values)
            return _found(name, steps, _smoothed(values), errors)
    return None


def _found(name: str, steps: NDArray[np.int64], values: Array, errors: Array) -> Plateau | None:
    for place in range(len(values) - max(LEAST, int(SHARE * len(values))) + 1):
        gain = values[place] - values[place:]
        if (gain <= SURE * np.hypot(errors[place], errors[place:])).all():
            return Plateau(name, int(steps[place]), int(steps[-1]), float(values[place]), float(errors[place]))
    return None


def _errors(case: Case, name: str, steps: NDArray[np.int64], values: Array) -> Array:
    """Standard errors at the steps: those recorded, else the noise between neighbouring values."""
    measured, errors = case.history(name + ERROR)
    if len(measured):
        found: Array = np.interp(steps, measured, errors)
        return found
    noise = 1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2)
    return np.full(len(values), noise)


def _smoothed(values: Array) -> Array:
    padded = np.pad(values, SMOOTH // 2, mode="edge")
    found: Array = np.median(np.lib.stride_tricks.sliding_window_view(padded, SMOOTH), axis=1)
    return found
