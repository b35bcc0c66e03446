"""The game of a conditional GAN, the stored matrices of the lesson, and its statements about them."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.gans import recipes
from gan_core.models import loading
from gan_core.runs.store import RunStore
from gan_core.teaching import conditioning
from gan_core.teaching.conditioning import BLIND, CLASSES, NONE, REAL, SEEDS, SEEING, SHELF, STEPS
from tests.made_runs import make_run

RANDOM = np.random.default_rng(0)
LOG4 = math.log(4)


def joint(classes: int = 3, places: int = 7) -> np.ndarray:
    """Equal shares of each class."""
    made = RANDOM.random((classes, places))
    return made / made.sum(1, keepdims=True) / classes


def test_no_discriminator_does_better_than_the_best() -> None:
    p, q = joint(), joint()
    assert conditioning.value(p, q, conditioning.best(p, q)) == pytest.approx(conditioning.best_value(p, q))
    for _trial in range(20):
        other = np.clip(conditioning.best(p, q) + 0.1 * RANDOM.standard_normal(p.shape), 0.01, 0.99)
        assert conditioning.value(p, q, other) < conditioning.best_value(p, q)


def test_the_value_is_that_of_each_class() -> None:
    from gan_core.metrics import density

    p, q = joint(), joint()
    each = [density.js(one * 3, other * 3) * math.log(2) for one, other in zip(p, q, strict=True)]
    assert conditioning.best_value(p, q) == pytest.approx(-LOG4 + 2 * np.mean(each))


def test_a_discriminator_that_does_not_see_the_class_does_not_notice_a_swap() -> None:
    """Question 2: ten digits that don't touch each other, of which 3 and 7 are exchanged."""
    p = np.eye(CLASSES) / CLASSES
    q = p[[0, 1, 2, 7, 4, 5, 6, 3, 8, 9]]
    assert (
        conditioning.best_value(p, q) == pytest.approx(-LOG4 + 2 * 0.2 * math.log(2)) == pytest.approx(-1.109, abs=5e-4)
    )
    assert 2 * 0.2 * math.log(2) == pytest.approx(0.277, abs=5e-4)
    assert conditioning.best_value(conditioning.unseen(p), conditioning.unseen(q)) == pytest.approx(-LOG4)


def test_a_matrix_counts_what_was_recognised() -> None:
    asked = np.repeat(np.arange(CLASSES), 4)
    recognised = asked.copy()
    recognised[:4] = [0, 1, 1, NONE]
    matrix = conditioning.obedience_matrix(asked, recognised)
    assert matrix[0, [0, 1, NONE]].tolist() == [0.25, 0.5, 0.25]
    assert matrix.sum(1) == pytest.approx(np.ones(CLASSES))
    assert conditioning.obedience(matrix) == pytest.approx((9 + 0.25) / 10)
    assert conditioning.digits_made(matrix) == pytest.approx(39 / 40)
    by_chance = np.full((CLASSES, CLASSES + 1), 1 / CLASSES)
    assert conditioning.obedience(by_chance) == pytest.approx(0.1)


@pytest.mark.parametrize("who", [SEEING, BLIND, SHELF, REAL])
def test_stored_matrices_are_complete(who: str) -> None:
    steps = STEPS if who in SEEDS else STEPS[-1:]
    for step, seed in product(steps, SEEDS.get(who, (0,))):
        seen = conditioning.kept(who, step, seed)
        assert seen.matrix.sum(1) == pytest.approx(np.ones(CLASSES), abs=1e-3)
        assert seen.samples.shape[:2] == (CLASSES, conditioning.SHOWN)
        assert seen.samples.dtype == np.uint8


def test_what_the_lesson_says_of_the_matrices() -> None:
    for step, known in {50: 0.86, 200: 0.91, 4000: 0.995}.items():
        assert conditioning.obedience(conditioning.kept(SEEING, step).matrix) == pytest.approx(known, abs=5e-3)
    blind = [conditioning.kept(BLIND, STEPS[-1], seed).matrix for seed in SEEDS[BLIND]]
    assert [round(100 * conditioning.obedience(matrix)) for matrix in blind] == [41, 10, 36]
    assert [matrix[5].argmax() for matrix in blind] == [0, 6, 7]
    assert [round(matrix[5].max(), 2) for matrix in blind] == [1, 1, 0.95]
    for matrix in blind:
        assert conditioning.digits_made(matrix) > 0.97
        assert matrix[:, :NONE].mean(0).min() > 0.05  # all digits occur
    assert conditioning.obedience(conditioning.kept(SHELF).matrix) == pytest.approx(0.985, abs=5e-4)
    assert conditioning.obedience(conditioning.kept(REAL).matrix) == pytest.approx(0.9955, abs=5e-4)


def test_the_experiment_is_what_was_measured() -> None:
    preset = recipes.get(conditioning.RECIPE).preset(conditioning.PRESET)
    assert (preset.data, preset.size, preset.steps) == ("digits", 8, STEPS[-1])


def test_the_newest_run_is_found(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert conditioning.newest_run(store) == ""
    make_run(store)  # of another GAN
    assert conditioning.newest_run(store) == ""
    store.close()


@pytest.mark.slow
def test_the_shelfs_matrix_is_what_its_model_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Path(__file__).parents[2] / "pretrained"
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", shelf)
    again = conditioning.measured(loading.load(conditioning.MODEL))
    kept = conditioning.kept(SHELF)
    np.testing.assert_allclose(again.matrix, kept.matrix, atol=0.02)
    assert np.abs(again.samples.astype(int) - kept.samples).mean() < 2
    digits = data.load("digits", 8).arrays["real"][:40, 0]
    labels = data.load("digits", 8).arrays["label"][:40]
    assert (conditioning.recognised(digits) == labels).mean() > 0.9
