"""Bands of healthy runs: from the store's own runs, else the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.doctor import bands
from gan_core.runs.records import Metrics, Run, RunState
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore

STEPS = 800


def metrics(level: float = 0.0, **changes: Any) -> Metrics:
    columns = {
        "generator/loss": 1 + level, "discriminator/loss": 1.3, "accuracy": 0.6, "score/real": 0.6,
        "score/fake_before": 0.4, "separated": 0.6, "variety": 0.9,
    } | {name.replace("__", "/"): value for name, value in changes.items()}  # fmt: skip
    return Metrics(np.arange(1, STEPS + 1), {name: np.full(STEPS, value) for name, value in columns.items()})


def finished(store: RunStore, recorded: Metrics, seed: int, loss: str = "hinge", data: str = "digits") -> Run:
    run = store.create(RunSpec("mlp_gan", data, 8, STEPS, {"loss": loss, "seed": seed}))
    token = store.claim(run.id)
    store.log(run.id, token, recorded, images_seen=1, seconds=1, images_per_second=1)
    store.set_state(run.id, token, RunState.FINISHED)
    store.release(run.id, token)
    return store.get(run.id)


def test_the_band_holds_what_healthy_runs_of_the_same_kind_recorded(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "FILE", home / "none.json")
    bands._shipped.cache_clear()
    store = RunStore()
    runs = [finished(store, metrics(level), seed) for seed, level in enumerate((0.0, 0.1, 0.2, 0.3))]
    finished(store, metrics(9.0), 7, loss="minimax")
    finished(store, metrics(9.0), 8, data="mnist")
    finished(store, metrics(9.0, accuracy=0.1, separated=0.1), 9)  # an alarm
    found = bands.bands_of(store, runs[0])
    assert found is not None
    assert (found.runs, found.own) == (3, True)  # the run itself isn't included
    band = found.by_metric["generator/loss"]
    assert (band.low.min(), band.high.max()) == pytest.approx((1.12, 1.28))  # the 10th and 90th percentile
    assert band.steps[0] == 1
    assert band.steps[-1] == STEPS
    for run in runs[:2]:
        store.delete(run.id)
    assert bands.bands_of(store, runs[2]) is None


def test_shipped_bands_are_read_as_they_are_written(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bands, "FILE", tmp_path / "bands.json")
    made = bands.made([metrics(level) for level in (0.0, 0.1, 0.2)])
    name = bands.key("mlp_gan", "digits", 8, {"loss": "hinge"})
    (tmp_path / "bands.json").write_text(
        json.dumps({name: {"runs": 3, "bands": bands.written(made)}}), encoding="utf-8"
    )
    bands._shipped.cache_clear()
    store = RunStore()
    found = bands.bands_of(store, finished(store, metrics(), 1))
    bands._shipped.cache_clear()
    assert found is not None
    assert (found.runs, found.own) == (3, False)
    np.testing.assert_allclose(found.by_metric["generator/loss"].low, made["generator/loss"].low, rtol=1e-3)


def test_the_shipped_file_has_bands() -> None:
    bands._shipped.cache_clear()
    for name, kept in bands._shipped().items():
        assert kept["runs"] >= bands.LEAST
        for band in bands._read(kept["bands"]).values():
            assert (band.low <= band.high).all(), name
            assert (np.diff(band.steps) > 0).all()
