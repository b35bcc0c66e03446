"""D*, -log 4 and 2 JS: against each other, against autograd, and in known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from gan_core.metrics import density
from gan_core.teaching import optimal
from gan_core.teaching.game import PLACES, bell, sigmoid

PAIRS = [(0.0, 1.0, 0.0, 1.0), (-1.0, 0.8, 1.0, 0.8), (0.5, 0.6, -2.0, 1.7), (-2.5, 0.5, 2.5, 0.5)]


def pair(first: float, width: float, second: float, other: float) -> tuple[np.ndarray, np.ndarray]:
    return bell(first, width), bell(second, other)


@pytest.mark.parametrize("shape", PAIRS)
def test_the_value_of_the_best_discriminator_is_minus_log_4_plus_2_js(shape: tuple[float, ...]) -> None:
    p, q = pair(*shape)
    assert optimal.value(p, q, optimal.optimal_logit(p, q)) == pytest.approx(optimal.best_value(p, q), abs=1e-9)
    np.testing.assert_allclose(sigmoid(optimal.optimal_logit(p, q)), optimal.optimal_discriminator(p, q), atol=1e-12)


@pytest.mark.parametrize("shape", PAIRS)
def test_the_gradient_of_the_value_vanishes_at_the_best_discriminator_alone(shape: tuple[float, ...]) -> None:
    p, q = (torch.from_numpy(array) for array in pair(*shape))
    for shift in (0.0, 0.5):
        logits = (torch.log(p) - torch.log(q) + shift).requires_grad_()
        value = (p * -softplus(-logits) + q * -softplus(logits)).sum()
        (gradient,) = torch.autograd.grad(value, logits)
        assert (gradient.abs().max().item() < 1e-12) == (shift == 0)


def test_no_other_discriminator_does_better() -> None:
    p, q = pair(-1.0, 0.8, 1.2, 1.3)
    best = optimal.best_value(p, q)
    random = np.random.default_rng(0)
    for _attempt in range(50):
        steepness, place = random.normal(0, 3, 2)
        assert optimal.value(p, q, steepness * (PLACES - place)) < best


def test_js_lies_between_0_and_log_2() -> None:
    same, apart = pair(1, 1, 1, 1), pair(-3, 0.6, 3, 0.6)
    assert optimal.js(*same) == pytest.approx(0, abs=1e-12)
    assert optimal.best_value(*same) == pytest.approx(-math.log(4), abs=1e-12)
    assert optimal.js(*apart) == pytest.approx(math.log(2), abs=1e-5)
    assert optimal.best_value(*apart) == pytest.approx(0, abs=2e-5)


def test_kl_of_two_bells_is_the_known_formula_and_js_that_of_the_metrics() -> None:
    p, q = pair(-0.5, 0.9, 0.7, 1.4)
    known = math.log(1.4 / 0.9) + (0.9**2 + 1.2**2) / (2 * 1.4**2) - 0.5
    assert optimal.kl(p, q) == pytest.approx(known, abs=1e-6)
    step = PLACES[1] - PLACES[0]
    assert optimal.js(p, q) == pytest.approx(density.js(p * step, q * step) * math.log(2), abs=1e-9)


def test_what_the_lesson_asks() -> None:
    assert optimal.optimal_discriminator(np.array([0.3]), np.array([0.1]))[0] == pytest.approx(0.75)
    p, q = pair(-2.5, 0.8, 2.5, 0.5)
    assert optimal.js(p, q) == pytest.approx(math.log(2), abs=5e-4)
    assert optimal.best_value(p, q) == pytest.approx(0, abs=1e-3)
