"""Ranges of metrics in healthy runs of the same recipe and data, as a band behind a run's curves: "is my curve
normal?".

The runs are the store's own, if it has three that finished without an alarm, else those of `benchmarks/doctor.py`,
whose bands are in `bands.json`. Different losses can't be compared, so the loss is part of the key.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.doctor.case import Array, Case, Subject
from gan_core.doctor.diagnosis import diagnose
from gan_core.runs.records import Metrics, Run, RunState
from gan_core.runs.store import RunStore

FILE = Path(__file__).with_name("bands.json")
LEAST = 3  # runs of the store that are needed for a band
MOST = 8  # newest runs of the store that are read, at most
POINTS = 60  # steps at which a band is given
SMOOTH = 100  # steps, as for the curves on a run's page
OUTSIDE = 10  # percent of the runs below and above
NAMES = (
    "generator/loss", "discriminator/loss", "score/real", "score/fake_before", "accuracy", "separated",
    "gradient_norm/generator", "gradient_norm/discriminator", "variety", "samples/distance", "distance/sliced",
    "modes/covered", "modes/near",
)  # fmt: skip
SAME = ("loss", "relativistic", "penalty")  # settings that must be equal


@dataclass(frozen=True)
class Band:
    """The band of one metric: at `steps` (K,) eight of ten healthy runs lay between `low` and `high`."""

    steps: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Bands:
    """The bands by metric, the number of their runs, and whether these are the store's own."""

    by_metric: Mapping[str, Band]
    runs: int
    own: bool


def key(recipe: str, data: str, size: int, settings: Mapping[str, Any]) -> str:
    """The facts that runs must share to be compared."""
    return "|".join([recipe, data, str(size), *(str(settings.get(name, "none")) for name in SAME)])


def bands_of(store: RunStore, run: Run) -> Bands | None:
    """The bands for a run; None if there were no comparable healthy runs."""
    wanted = key(run.spec.recipe, run.spec.data, run.spec.size, run.spec.hparams)
    own = list(_of_store(store, run, wanted))
    if len(own) >= LEAST:
        return Bands(made(own), len(own), True)
    kept = _shipped().get(wanted)
    return Bands(_read(kept["bands"]), int(kept["runs"]), False) if kept else None


def _of_store(store: RunStore, run: Run, wanted: str) -> Iterable[Metrics]:
    found = 0
    for other in store.runs():
        spec = other.spec
        if found == MOST:
            return
        if other.id == run.id or other.state is not RunState.FINISHED or not spec.steps:
            continue
        if key(spec.recipe, spec.data, spec.size, spec.hparams) != wanted or other.parent:
            continue
        metrics = store.metrics(other.id)
        if not any(finding.is_alarm for finding in diagnose(Case(metrics, Subject.of(other, spec.hparams)))):
            found += 1
            yield metrics


def made(runs: Sequence[Metrics]) -> dict[str, Band]:
    """The bands of several runs, up to the step that most of them reached."""
    last = float(np.median([metrics.steps[-1] for metrics in runs if len(metrics)]))
    steps = np.unique(np.linspace(1, last, POINTS).round())
    found = {}
    for name in NAMES:
        curves = [curve for metrics in runs if (curve := _curve(metrics, name, steps)) is not None]
        if len(curves) >= LEAST:
            low, high = np.nanpercentile(np.stack(curves), (OUTSIDE, 100 - OUTSIDE), axis=0)
            found[name] = Band(steps, low, high)
    return found


def _curve(metrics: Metrics, name: str, steps: Array) -> Array | None:
    """The moving average of a metric at the steps (K,); None if it wasn't recorded."""
    column = metrics.columns.get(name)
    measured = np.isfinite(column) if column is not None else np.zeros(0, bool)
    if column is None or measured.sum() < 2:
        return None
    at, values = metrics.steps[measured].astype(float), column[measured].astype(float)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.searchsorted(at, steps, "right").clip(1)
    starts = np.minimum(np.searchsorted(at, steps - SMOOTH, "right"), ends - 1)
    found: Array = (sums[ends] - sums[starts]) / (ends - starts)
    return found


@functools.cache
def _shipped() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def _read(bands: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Band]:
    return {
        name: Band(*(np.asarray(band[part], float) for part in ("steps", "low", "high")))
        for name, band in bands.items()
    }


def written(bands: Mapping[str, Band]) -> dict[str, dict[str, list[float]]]:
    """Plain values for `bands.json`, with four digits."""
    return {
        name: {part: [float(f"{value:.4g}") for value in getattr(band, part)] for part in ("steps", "low", "high")}
        for name, band in bands.items()
    }
