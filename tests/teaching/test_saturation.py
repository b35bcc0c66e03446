"""Both log losses and their gradients, against autograd and against the losses used in training."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gan_core.objectives.losses import minimax_generator, non_saturating_generator
from gan_core.teaching import saturation
from gan_core.teaching.game import PLACES, bell, sigmoid

LOGITS = np.linspace(-12, 12, 49)


def test_the_losses_are_those_of_the_trainer() -> None:
    for logit in LOGITS:
        logits, d = torch.tensor([logit]), sigmoid(np.array([logit]))
        trained = (
            minimax_generator(logits)["adversarial"].item(),
            non_saturating_generator(logits)["adversarial"].item(),
        )
        assert (saturation.saturating(d)[0], saturation.non_saturating(d)[0]) == pytest.approx(trained, abs=1e-9)


def test_the_slopes_are_those_of_autograd() -> None:
    for loss, slope in (
        (minimax_generator, saturation.saturating_slope),
        (non_saturating_generator, saturation.non_saturating_slope),
    ):
        logits = torch.from_numpy(LOGITS).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(logits)["adversarial"] * len(LOGITS), logits)
        np.testing.assert_allclose(slope(LOGITS), gradient.numpy(), atol=1e-12)


@pytest.mark.parametrize("distance", [0.5, 2.0, 4.0])
def test_the_pulls_are_the_gradients_at_the_fakes(distance: float) -> None:
    fakes = torch.from_numpy(PLACES).requires_grad_()
    weights = bell(0.0, 1.0) * (PLACES[1] - PLACES[0])
    logits = distance * fakes - distance**2 / 2
    found = []
    for values in (-torch.nn.functional.softplus(logits), torch.nn.functional.softplus(-logits)):
        (gradient,) = torch.autograd.grad(values.sum(), fakes, retain_graph=True)
        found.append(float((weights * gradient.abs().numpy()).sum()))
    assert saturation.pulls(distance) == pytest.approx(found, rel=1e-9)


def test_the_logit_is_that_of_the_best_discriminator() -> None:
    p, q = bell(2.0, 1.0), bell(0.0, 1.0)
    np.testing.assert_allclose(saturation.optimal_logit(2.0), np.log(p / q), atol=1e-9)


def test_what_the_lesson_says_of_far_fakes() -> None:
    """One vanishes, the other grows with the distance; at D = 1/2 they are alike."""
    near, far = saturation.pulls(1.0), saturation.pulls(6.0)
    assert far[0] < 0.02 < near[0]
    distances = np.linspace(0, 8, 81)
    assert distances[np.argmax([saturation.pulls(one)[0] for one in distances])] == pytest.approx(1.6)
    assert far[1] == pytest.approx(6.0, rel=0.01)
    assert saturation.saturating_slope(np.zeros(1))[0] == saturation.non_saturating_slope(np.zeros(1))[0] == -0.5
    assert saturation.saturating_slope(np.array([math.log(1 / 99)]))[0] == pytest.approx(-0.01)
    assert saturation.non_saturating_slope(np.array([math.log(1 / 99)]))[0] == pytest.approx(-0.99)
