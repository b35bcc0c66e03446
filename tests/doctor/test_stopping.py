"""When a run no longer improves."""

from __future__ import annotations

import numpy as np

from gan_core.doctor.case import Case
from gan_core.doctor.stopping import LEAST, plateau
from gan_core.runs.records import Metrics

LOOKS = 80


def run(distance: np.ndarray, error: float | None = 0.01, name: str = "samples/distance") -> Case:
    steps = 10 * np.arange(1, len(distance) + 1)
    columns = {name: distance}
    if error is not None:
        columns[f"{name}_error"] = np.full(len(distance), error)
    return Case(Metrics(steps, columns))


def test_a_run_that_improves_has_no_plateau() -> None:
    assert plateau(run(np.linspace(1, 0, LOOKS))) is None
    assert plateau(run(np.full(LEAST - 1, 0.3))) is None
    assert plateau(Case(Metrics.empty())) is None


def test_the_plateau_begins_where_nothing_later_is_better_beyond_the_interval() -> None:
    noise = 0.003 * np.random.default_rng(0).standard_normal(LOOKS)
    falling = np.maximum(1 - np.arange(LOOKS) / 40, 0.2) + noise  # reaches 0.2 at the 32nd measurement
    found = plateau(run(falling))
    assert found is not None
    # within two standard errors of a difference, 0.028, of the end: at most two measurements early
    assert 30 * 10 <= found.step <= 33 * 10
    assert found.until == 10 * LOOKS
    assert abs(found.value - 0.2) < 0.05
    wide = plateau(run(falling, error=0.1))
    assert wide is not None
    assert wide.step < found.step


def test_without_a_recorded_error_the_noise_of_the_looks_counts() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal(LOOKS)
    found = plateau(run(np.maximum(1 - np.arange(LOOKS) / 40, 0.2) + noise, None, "distance/sliced"))
    assert found is not None
    assert found.name == "distance/sliced"
    assert 0.004 < found.error < 0.02
    assert 280 <= found.step <= 360


def test_a_late_improvement_ends_a_plateau() -> None:
    curve = np.full(LOOKS, 0.5)
    curve[-8:] = 0.2
    assert plateau(run(curve)) is None
