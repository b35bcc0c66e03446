"""Runs of `benchmarks.doctor` as small files: their metrics, thinned and rounded, so that rules can be replayed.

A file holds the metrics of every tenth step and of each look at the samples (and the last steps in full), as float32
with 10 bits behind the leading one, and a JSON text with the settings. No torch is needed to read one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.runs.records import Metrics

FOLDER = Path(__file__).parent / "doctor_runs"
EVERY = 10  # steps between rows that are kept
LAST = 20  # rows at the end that are all kept
DROPPED = 13  # of float32's 23 bits behind the leading one
SETTING_SEEDS, JUDGING_SEEDS = (0,), (1, 2)  # thresholds are set on the first, and tested on the others


@dataclass(frozen=True)
class KeptRun:
    """One run: how it was made, and its metrics."""

    case: str
    seed: int
    illness: str  # "" for a healthy one
    settings: Mapping[str, Any]
    data: str
    size: int  # pixels
    task: str
    planned: int  # steps
    metrics: Metrics

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.case}-{self.seed}.npz"


def thinned(metrics: Metrics) -> Metrics:
    """The rows that are kept."""
    looked = np.zeros(len(metrics), bool)
    for name in metrics.columns:
        if name.startswith(("data/", "luminance_kept")):
            looked |= metrics.measured(name)
    kept = (metrics.steps % EVERY == 0) | looked
    kept[-LAST:] = True
    return metrics.rows(kept)


def write(run: KeptRun) -> None:
    """Writes a run to its file atomically."""
    metrics = thinned(run.metrics)
    table = np.stack(list(metrics.columns.values())).astype(np.float32)  # (columns, K)
    faults = {name: np.flatnonzero(places).tolist() for name, places in metrics.broken.items()}
    about = {
        "case": run.case, "seed": run.seed, "illness": run.illness, "settings": dict(run.settings), "data": run.data,
        "size": run.size, "task": run.task, "planned": run.planned, "columns": list(metrics.columns), "faults": faults,
    }  # fmt: skip
    run.path.parent.mkdir(exist_ok=True)
    partial = run.path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez_compressed(
            file, about=np.frombuffer(json.dumps(about).encode(), np.uint8), steps=metrics.steps.astype(np.int32),
            table=_rounded(table),
        )  # fmt: skip
    partial.rename(run.path)


def _rounded(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rounds off the last bits, so that files are small."""
    finite = np.isfinite(table)
    bits = np.where(finite, table, 0).astype("<f4").view("<u4").astype(np.uint64)
    bits = (bits + (1 << (DROPPED - 1))) >> DROPPED << DROPPED
    rounded = bits.astype("<u4").view("<f4")
    return np.where(finite & np.isfinite(rounded), rounded, table).astype("<f4")


def read(path: Path) -> KeptRun:
    with np.load(path) as file:
        about = json.loads(file["about"].tobytes())
        steps, table = file["steps"].astype(np.int64), file["table"]
    columns = dict(zip(about.pop("columns"), table, strict=True))
    broken = {}
    for name, places in about.pop("faults").items():
        broken[name] = np.zeros(len(steps), bool)
        broken[name][places] = True
    return KeptRun(metrics=Metrics(steps, columns, broken), **about)


def kept(seeds: tuple[int, ...] = SETTING_SEEDS + JUDGING_SEEDS) -> Iterator[KeptRun]:
    """All kept runs of these seeds, by their names."""
    for path in sorted(FOLDER.glob("*.npz")):
        if int(path.stem.rpartition("-")[2]) in seeds:
            yield read(path)
