"""Measurements of samples: modes, reach and variety, for generators with a known state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.points import samples
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.sets.points import MODES
from gan_core.doctor.case import Case, Subject
from gan_core.doctor.diagnosis import diagnose
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.metrics.points import SAMPLES, coverage
from gan_core.runs.records import Metrics
from gan_core.runs.store import RunState, RunStore
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
from gan_core.training.variety import _distances, examiner
from tests.training import toys


def test_covered_and_reached_modes() -> None:
    ring = MODES["ring8"]
    noise = 0.02 * np.random.default_rng(0).standard_normal((SAMPLES, 2))
    on_four = coverage(np.resize(ring.centres[::2], (SAMPLES, 2)) + noise, ring)
    assert (on_four.covered, on_four.reached) == (4, 4)
    cloud = coverage(np.random.default_rng(0).uniform(-2.5, 2.5, (SAMPLES, 2)), ring)
    assert (cloud.covered, cloud.reached) == (0, 8)
    blob = coverage(np.array([[1.0, 0.2]]) + noise, ring)
    assert (blob.covered, blob.reached) == (0, 1)


def test_a_generator_of_one_point_covers_one_mode_or_little_of_the_data() -> None:
    for name, place in (("ring8", MODES["ring8"].centres[3]), ("two_moons", np.array([0.0, 1.0]))):
        recipe = recipes.get("points")
        trainer = Trainer(recipe, changed(recipe.tiny, {"ema": 0.0}), data.load(name, 2))
        look = examiner(trainer, name)
        assert look is not None
        point = trainer.networks["generator"].point
        with torch.no_grad():
            point.weight.mul_(0)
            point.bias.copy_(torch.tensor(place))
        trainer.ema.update(decay=0.0)
        seen = look()
        if name == "ring8":
            assert seen["distance/js"] > 0.7 > 0.01 > seen["distance/js_floor"]
            counts = {metric: value for metric, value in seen.items() if metric.startswith("modes/")}
            assert counts == {"modes/covered": 1, "modes/reached": 1, "modes/near": 1.0}
        else:
            assert seen["data_reached"] < 0.1


def images(count: int, kinds: int, seed: int = 0) -> np.ndarray:
    """Noise images (count, 1, 8, 8) of a few kinds, nearly the same within each."""
    random = np.random.default_rng(seed)
    centres = random.integers(0, 200, (kinds, 1, 8, 8))
    return (centres[np.arange(count) % kinds] + random.integers(0, 3, (count, 1, 8, 8))).astype(np.uint8)


@pytest.mark.parametrize(("kinds", "low", "high"), [(1, 0, 0.1), (2, 0, 0.1), (8, 0, 0.3), (128, 0.8, 1.2)])
def test_images_of_few_kinds_are_not_varied(kinds: int, low: float, high: float) -> None:
    made = images(128, kinds).reshape(128, -1)
    real = images(128, 128, seed=1).reshape(128, -1)
    shares = [a / b for a, b in zip(_distances(made, None), _distances(real, None), strict=True)]
    assert low <= min(shares) <= high


def test_classes_do_not_stand_in_for_variety() -> None:
    labels = torch.arange(40) % 4
    one_a_class = images(40, 4).reshape(40, -1)
    overall, within = _distances(one_a_class, None)[0], _distances(one_a_class, labels)[0]
    assert within < overall / 20


def test_a_real_run_measures_its_variety_and_looking_changes_nothing() -> None:
    toy = toys.settings("dcgan")
    one, other = (Trainer(toy.recipe, toy.hparams, toy.data) for _ in range(2))
    look = examiner(one, "random")
    assert look is not None
    for _ in range(3):
        one.train_step()
        other.train_step()
        signs = {"twins", "precision", "coverage", "distance", "distance_error", "novelty"}
        assert look().keys() == {"variety", "cue", "data/scale", "data/offset"} | {f"samples/{name}" for name in signs}
    for (name, weight), twin in zip(
        one.networks["generator"].state_dict().items(), other.networks["generator"].state_dict().values(), strict=True
    ):
        assert torch.equal(weight, twin), name


def test_recipes_without_samples_are_not_examined() -> None:
    assert examiner(Trainer(*_parts("feature_net", "digits")), "digits") is None
    few = DataSet("few", {"real": toys.random_images().arrays["real"][:3]})
    toy = toys.settings("dcgan")
    assert examiner(Trainer(toy.recipe, toy.hparams, few), "few") is None


def _parts(recipe: str, name: str) -> tuple:
    found = recipes.get(recipe)
    return found, found.tiny, data.load(name, 8)


def test_a_run_of_points_is_examined_to_its_last_step(home: Path) -> None:
    store = RunStore()
    run = store.create(recipes.get("points").plan("ring8", 2, 150, {"generator_widths": (8,)}))
    session = Session(store, run.id).start()
    assert session.join(60)
    assert session.status.state is RunState.FINISHED
    metrics = store.metrics(run.id)
    assert metrics.measured("modes/covered")[-1]
    assert metrics.last("modes/covered") == 0
    assert 1 <= (metrics.last("modes/reached") or 0) <= 8
    (finding, *_) = diagnose(Case(metrics, Subject(run.spec.hparams, "points", 8)))
    assert finding.level != "good"


@pytest.mark.parametrize(
    "seed",
    [pytest.param(0, marks=pytest.mark.slow), *(pytest.param(seed, marks=pytest.mark.release) for seed in (1, 2))],
)
def test_the_collapse_preset_keeps_its_promise_and_the_verdict_sees_it(seed: int) -> None:
    recipe = recipes.get("points")
    preset = recipe.preset("collapses")
    trainer = Trainer(recipe, recipe.settings({**preset.hparams, "seed": seed}), data.load("ring8", 2))
    look = examiner(trainer, "ring8")
    assert look is not None
    rows = []
    for _ in range(preset.steps):
        rows.append({name: float(value) for name, value in trainer.train_step().terms.items()})
    found = coverage(samples(trainer, SAMPLES).numpy(), MODES["ring8"])
    assert 1 <= found.covered <= found.touched <= 2
    assert found.quality > 0.8
    recent = Metrics(
        np.arange(preset.steps - 400, preset.steps),
        {name: np.array([row[name] for row in rows[-400:]]) for name in rows[-1]},
    )
    seen = {name: np.full(len(recent), value) for name, value in look().items()}
    recent = Metrics(recent.steps, {**recent.columns, **seen})
    (finding, *_) = diagnose(Case(recent, Subject(dict(preset.hparams), "points", 8)))
    assert (finding.kind, finding.level) == ("mode_collapse", "bad")
    assert finding.values["covered"] in (1, 2)
