"""Losses and accuracies of normal scores, against the trainer's losses on samples and at chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from gan_core.objectives.losses import losses
from gan_core.teaching import curves
from gan_core.teaching.curves import Scores

SCORES = Scores(1.2, -0.7)


@pytest.mark.parametrize("loss", curves.LOSSES)
def test_the_losses_are_those_of_the_trainer(loss: str) -> None:
    quantiles = torch.from_numpy(norm.ppf((np.arange(100_000) + 0.5) / 100_000))
    real, fake = SCORES.real + quantiles, SCORES.fake + quantiles
    trained = losses[loss]
    by_both = sum(float(term) for term in trained.discriminator_terms(real, fake).values())
    assert curves.discriminator_loss(SCORES, loss) == pytest.approx(by_both, abs=1e-3)
    by_fake = sum(float(term) for term in trained.generator_terms(fake).values())
    assert curves.generator_loss(SCORES, loss) == pytest.approx(by_fake, abs=1e-3)
    assert curves.THRESHOLDS.get(loss) == trained.threshold


@pytest.mark.parametrize("loss", curves.LOSSES)
def test_the_values_at_chance(loss: str) -> None:
    threshold = curves.THRESHOLDS.get(loss, 0.0)
    scores = Scores(threshold, threshold, 0.02)
    known = curves.CHANCE[loss]
    assert curves.discriminator_loss(scores, loss) == pytest.approx(known[0], abs=1e-3)
    assert curves.generator_loss(scores, loss) == pytest.approx(known[1], abs=1e-3)
    assert curves.accuracy(scores, threshold) == pytest.approx(0.5, abs=0.1)


def test_belief_and_accuracy_have_known_values() -> None:
    assert curves.belief(Scores(0, 0)) == pytest.approx(0.5)
    assert curves.accuracy(SCORES) == pytest.approx((norm.cdf(1.2) + norm.cdf(0.7)) / 2, abs=5e-3)
    assert curves.belief(SCORES) > 0.5 > curves.belief(SCORES, fake=True)


def test_a_wasserstein_loss_is_minus_the_difference_of_the_scores() -> None:
    assert curves.discriminator_loss(Scores(7, 4), "wasserstein") == pytest.approx(-3)
    assert curves.discriminator_loss(Scores(9, 6), "wasserstein") == pytest.approx(-3)  # a shift changes nothing
    assert curves.generator_loss(Scores(9, 6), "wasserstein") == pytest.approx(-6)


def test_what_the_lesson_asks() -> None:
    assert curves.CHANCE["non_saturating"] == pytest.approx((math.log(4), math.log(2)))
    strong = Scores(4, -4)
    assert curves.accuracy(strong) > 0.999
    assert curves.discriminator_loss(strong, "non_saturating") < 0.07
    assert curves.generator_loss(strong, "non_saturating") > 4
