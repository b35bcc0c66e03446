"""The values of a run's curves for given scores: D's logits are normal, with one centre for real images and another for
generated ones. Losses are those of `gan_core/objectives/losses.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.teaching.game import PLACES, bell, expectation, sigmoid

LOSSES = ("non_saturating", "least_squares", "hinge", "wasserstein")
THRESHOLDS = {"non_saturating": 0.0, "least_squares": 0.5, "hinge": 0.0}  # scores above it count as "real"
CHANCE = {"non_saturating": (2 * float(np.log(2)), float(np.log(2))), "least_squares": (0.25, 0.125),
          "hinge": (2.0, 0.0), "wasserstein": (0.0, 0.0)}  # of D and of G if D can't tell the two apart # fmt: skip


@dataclass(frozen=True)
class Scores:
    """The centres of the logits on real and on generated images, and their common spread."""

    real: float
    fake: float
    spread: float = 1.0

    def mean(self, values: np.ndarray, fake: bool = False) -> float:
        """The expectation of `values`, which are given at PLACES, over the logits of one kind."""
        return expectation(bell(self.fake if fake else self.real, self.spread), values)


def belief(scores: Scores, fake: bool = False) -> float:
    """The mean of D = sigmoid(logit): D(x), or D(G(z))."""
    return scores.mean(sigmoid(PLACES), fake)


def accuracy(scores: Scores, threshold: float = 0.0) -> float:
    """The share of real scores above and of fake ones below the threshold, on average."""
    return (scores.mean(threshold < PLACES) + scores.mean(threshold >= PLACES, fake=True)) / 2


def discriminator_loss(scores: Scores, loss: str) -> float:
    """L_D, the sum of both halves."""
    real, fake = {
        "non_saturating": (np.logaddexp(0, -PLACES), np.logaddexp(0, PLACES)),
        "least_squares": (0.5 * (PLACES - 1) ** 2, 0.5 * PLACES**2),
        "hinge": (np.maximum(0, 1 - PLACES), np.maximum(0, 1 + PLACES)),
        "wasserstein": (-PLACES, PLACES),
    }[loss]
    return scores.mean(real) + scores.mean(fake, fake=True)


def generator_loss(scores: Scores, loss: str) -> float:
    """L_G."""
    values = {
        "non_saturating": np.logaddexp(0, -PLACES),
        "least_squares": 0.5 * (PLACES - 1) ** 2,
        "hinge": -PLACES,
        "wasserstein": -PLACES,
    }[loss]
    return scores.mean(values, fake=True)
