"""Metrics while a run trains: when they are taken, their cost, that they change nothing, and their results."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.runs.store import RunStore
from gan_core.training import measuring
from gan_core.training.journal import Journal
from gan_core.training.measuring import BUDGET, Measurer, measurer
from gan_core.training.trainer import Trainer
from ui.classroom.live import figures
from ui.classroom.live.curves import parts
from ui.classroom.live.history import History


class Clock:
    """A simulated clock: each measurement takes `cost` seconds, until it is set to 0."""

    def __init__(self) -> None:
        self.now = self.cost = 0.0

    def __call__(self) -> float:
        self.now += self.cost
        return self.now


def trainer(every: int = 5) -> Trainer:
    recipe = recipes.get("mlp_gan")
    return Trainer(recipe, changed(recipe.tiny, {"measure_every": every}), data.load("digits", 8))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SAMPLES", 100)
    monkeypatch.setattr("gan_core.training.variety.NET", "no_net.")  # pixels: no net is loaded


def test_it_is_due_every_k_steps() -> None:
    trained, clock = trainer(), Clock()
    found = measurer(trained, "digits", clock)
    assert found is not None
    due = []
    for _ in range(12):
        trained.train_step()
        clock.now += 1e9  # no budget delays it
        if found.due:
            found.measure()
            due.append(trained.step)
    assert due == [5, 10]
    trained.edit(changed(trained.hparams, {"measure_every": 0}))
    assert not found.due


def test_where_it_costs_too_much_it_is_done_less_often() -> None:
    """Each measurement takes a second by this clock, each step a hundredth: it waits for 1 / BUDGET seconds."""
    trained, clock = trainer(), Clock()
    found = Measurer(trained, "digits", clock)
    found._cost = 1.0  # estimated from a few samples
    measured = []

    def costly() -> dict[str, float]:
        clock.now += 1.0
        return {}

    found._distance = costly  # type: ignore[method-assign]  # the figure itself is tested below
    for step in range(20_000):
        clock.now += 0.01
        trained.step = step
        if found.due:
            found.measure()
            measured.append(step)
    assert len(measured) in (7, 8)  # every 5 steps it would be 4,000
    assert len(measured) / clock.now < 0.05  # a second each
    assert np.diff(measured).min() * 0.01 >= 1 / BUDGET - 0.01


def test_the_first_waits_for_its_cost_too() -> None:
    trained, clock = trainer(), Clock()
    found = Measurer(trained, "digits", clock)
    trained.step = 5
    clock.cost = 1.0  # a few samples take a second
    assert not found.due
    clock.cost = 0.0
    assert found._cost == pytest.approx(1.0 * 100 / measuring.PROBE * 1.5, rel=0.5)
    clock.now += found._cost / BUDGET
    assert found.due


def test_the_distance_falls_as_samples_become_real_ones() -> None:
    trained = trainer()
    found = Measurer(trained, "digits", Clock())
    bad = found.measure()
    name = "quality/sliced100_pixels"
    assert set(bad) == {name, f"{name}_low", f"{name}_high", f"{name}_floor"}
    assert bad[f"{name}_low"] <= bad[name] <= bad[f"{name}_high"]
    assert bad[name] > 2 * bad[f"{name}_floor"]
    real = trained.batches.spread(1000)["real"]
    found._sampler.draw = lambda latents, labels: real[torch.arange(len(latents)) * 7]  # type: ignore[method-assign]
    good = found.measure()
    assert good[f"{name}_low"] < 1.5 * good[f"{name}_floor"]
    assert good[name] < bad[name] / 2
    found._sampler.draw = lambda latents, labels: torch.full((len(latents), 1, 8, 8), torch.nan)  # type: ignore[method-assign]
    assert found.measure() == {}


def test_measuring_changes_nothing() -> None:
    """Two runs of one seed, one of which is measured between its steps, have the same weights."""
    one, other = trainer(1), trainer(1)
    found = Measurer(other, "digits", Clock())
    for _ in range(4):
        one.train_step()
        other.train_step()
        state = torch.random.get_rng_state()
        found.measure()
        assert torch.equal(torch.random.get_rng_state(), state)
    for name, weights in one.networks["generator"].state_dict().items():
        assert torch.equal(weights, other.networks["generator"].state_dict()[name]), name


def test_runs_that_are_not_measured() -> None:
    small = data.load("digits", 8)
    few = DataSet("few", {name: array[:40] for name, array in small.arrays.items()}, small.class_names)
    recipe = recipes.get("mlp_gan")
    assert measurer(Trainer(recipe, recipe.tiny, few), "few") is None
    points = recipes.get("points")
    assert measurer(Trainer(points, points.tiny, data.load("ring8", 2)), "ring8") is None


def test_it_reaches_the_store_and_the_live_page() -> None:
    store = RunStore()
    recipe = recipes.get("mlp_gan")
    trained = trainer(2)
    run = store.create(recipe.plan("digits", 8, 0, {"measure_every": 2}))
    token = store.claim(run.id)
    journal = Journal(store, run.id, token, trained, 0.0)
    assert journal._measurer is not None
    journal._measurer._cost = 1e-9  # known to be cheap
    for _ in range(4):
        journal.add(trained.train_step(), 0.01)
        journal.flush()
    metrics = store.metrics(run.id)
    store.release(run.id, token)
    store.close()
    name = "quality/sliced100_pixels"
    assert np.isfinite(metrics.columns[name]).sum() >= 1  # the second may come too soon for the budget
    history = History()
    history.append(copy.deepcopy(metrics))
    panel = next(panel for panel in figures.panels(history, True) if panel.title == "Distance to the real images")
    assert panel.unit == "100 samples · pixels"
    curve, floor = panel.series
    assert curve.band is not None
    assert floor.dash
    header, _blob = parts([panel])
    assert len(header["panels"][0]["series"][0]["band"]) == 3  # steps, lower and upper ends
    assert header["panels"][0]["series"][1]["band"] is None
