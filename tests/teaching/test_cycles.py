"""Maps that fool a discriminator, the cycle term, and the stored translators of the lesson."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.metrics import density
from gan_core.objectives.cycle import CycleHParams
from gan_core.teaching import cycles
from gan_core.teaching.cycles import MAPS, SEEDS, STEPS, TURNS, WEIGHTS

EVENLY = (np.arange(2000) + 0.5) / 1000 - 1  # [-1, 1], the distribution of both domains
LAST = STEPS[-1]


def test_which_maps_fool_a_discriminator_and_which_come_back() -> None:
    found = {
        name: (cycles.mismatch(forth(EVENLY)), cycles.cycle_loss(EVENLY, back(forth(EVENLY))))
        for name, (forth, back) in MAPS.items()
    }
    assert found["same"] == pytest.approx((0, 0), abs=1e-9)
    assert found["mirror"] == pytest.approx((0, 0), abs=1e-9)
    assert found["tent"] == pytest.approx((0, 0.5), abs=1e-9)
    assert found["half"] == pytest.approx((0.216, 0), abs=5e-4)
    assert found["constant"][0] > 0.5


def test_no_way_back_from_the_tent_misses_by_less_than_a_half() -> None:
    """a and -a come from the same place; whatever F's value there, the two errors add up to at least 2|a|."""
    forth = MAPS["tent"][0]
    np.testing.assert_allclose(forth(EVENLY), forth(-EVENLY))
    for guess in np.linspace(-1, 1, 9):
        assert cycles.cycle_loss(EVENLY, np.full_like(EVENLY, guess)) >= 0.5 - 1e-9


def test_the_identity_term_detects_a_mirror() -> None:
    assert cycles.identity_loss(MAPS["same"][0], EVENLY) == 0
    assert cycles.identity_loss(MAPS["mirror"][0], EVENLY) == pytest.approx(1)


def test_mismatch_is_the_divergence_of_the_library() -> None:
    made = np.random.default_rng(0).beta(2, 3, 500) * 2 - 1
    q = np.histogram(made, 20, (-1, 1))[0] / 500
    assert cycles.mismatch(made) == pytest.approx(density.js(np.full(20, 1 / 20), q) * np.log(2))


def test_the_loss_weighs_the_cycle_as_the_trainer_does() -> None:
    assert (0.0, CycleHParams.cycle_weight) == WEIGHTS
    one, other = torch.rand(5, 2), torch.rand(5, 2)
    cycle = cycles.cycle_loss(one.numpy(), other.numpy())
    assert cycle == pytest.approx(torch.nn.functional.l1_loss(one, other).item())
    assert cycles.objective(0.3, cycle, 10.0) == pytest.approx(0.3 + 10 * cycle)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_translators_are_what_training_gives(weight: float) -> None:
    trained, kept = cycles.train(weight, 1, STEPS[1])[STEPS[1]], cycles.kept(weight, 1, STEPS[1])
    np.testing.assert_allclose(trained.forth, kept.forth, atol=0.05)
    np.testing.assert_allclose(trained.back, kept.back, atol=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_lesson_says_of_the_translators(seed: int) -> None:
    without, with_term = (cycles.kept(weight, seed, LAST) for weight in WEIGHTS)
    for seen in (without, with_term):
        assert cycles.reached(seen.forth) > 0.9
        assert cycles.apart(seen.forth, cycles.square(np.arange(800) / 800)).mean() < 0.07
    assert 0.76 < without.cycle < 0.91
    assert 0.005 < with_term.cycle < 0.025


def test_the_starts_differ_where_the_first_point_goes() -> None:
    first = [cycles.kept(WEIGHTS[1], seed, LAST).forth[0] for seed in SEEDS]
    apart = [np.linalg.norm(one - other) for place, one in enumerate(first) for other in first[:place]]
    assert min(apart) > 0.4


def test_two_independent_points_of_the_ring() -> None:
    points = cycles.ring(np.arange(400) / 400)
    assert np.abs(points[:, None] - points[None]).mean() == pytest.approx(0.81, abs=5e-3)
    assert len(TURNS) == cycles.SHOWN
