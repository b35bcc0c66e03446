"""JS and W1 of blocks: closed forms, samples, distribution functions and critics agree, also with scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from gan_core.metrics import density
from gan_core.teaching import transport
from gan_core.teaching.transport import STEP, block

SHIFTS = [-3.0, -0.4, 0.0, 0.3, 1.0, 2.5]


@pytest.mark.parametrize("shift", SHIFTS)
def test_js_of_blocks_is_what_the_metric_counts(shift: float) -> None:
    p, q = block(0, 1) * STEP, block(shift, 1) * STEP
    assert transport.js_of_blocks(shift, 1) == pytest.approx(density.js(p, q) * math.log(2), abs=1e-6)


@pytest.mark.parametrize("shift", SHIFTS)
def test_all_forms_of_the_wasserstein_distance_agree(shift: float) -> None:
    random = np.random.default_rng(0)
    one = random.random(500)
    other = shift + one[random.permutation(500)]
    exact = transport.wasserstein_of_blocks(shift)
    assert transport.wasserstein_by_pairing(one, other) == pytest.approx(exact, abs=1e-9)
    assert wasserstein_distance(one, other) == pytest.approx(exact, abs=1e-9)
    p, q = block(0, 1), block(shift, 1)
    assert transport.wasserstein(p, q) == pytest.approx(exact, abs=1e-6)
    trained = transport.critic(transport.trained_slopes(p, q, 4000))
    assert transport.dual_value(p, q, trained) == pytest.approx(exact, abs=2e-3)


def test_the_forms_agree_for_blocks_of_different_widths() -> None:
    p, q = block(0, 1), block(-0.5, 3)
    places = np.arange(len(p)) * STEP
    known = wasserstein_distance(places, places, p, q)
    assert transport.wasserstein(p, q) == pytest.approx(known, abs=1e-9)


def test_a_critic_estimates_from_below_and_better_with_each_step() -> None:
    p, q = block(0, 1), block(2, 1)
    found = [
        transport.dual_value(p, q, transport.critic(transport.trained_slopes(p, q, steps))) for steps in range(0, 40, 4)
    ]
    assert found == sorted(found)
    assert found[0] == 0
    assert 1.9 < found[-1] <= 2 + 1e-9
    assert np.abs(transport.trained_slopes(p, q, 40)).max() <= 1


def test_only_the_wasserstein_distance_has_a_slope_where_blocks_are_apart() -> None:
    assert transport.js_of_blocks(1.5, 1) == transport.js_of_blocks(3, 1) == pytest.approx(math.log(2))
    assert transport.wasserstein_of_blocks(3) - transport.wasserstein_of_blocks(1.5) == 1.5
    assert transport.js_of_blocks(0.2, 1) == pytest.approx(0.2 * math.log(2))
