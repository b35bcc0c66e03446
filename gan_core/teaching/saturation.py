"""Why the generator's original loss is slow at first: both log losses, and their gradients at a fake.

D(x) = sigmoid(l(x)). Data are normal around `distance`, fakes around 0, both with standard deviation 1, and D is
optimal, so that l(x) = distance x - distance^2 / 2.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from gan_core.teaching.game import PLACES, bell, expectation, sigmoid


def saturating(d: np.ndarray) -> np.ndarray:
    """log(1 - D), which the generator minimises in the minimax game."""
    found: np.ndarray = np.log1p(-d)
    return found


def non_saturating(d: np.ndarray) -> np.ndarray:
    """-log D, which it minimises in practice."""
    found: np.ndarray = -np.log(d)
    return found


def saturating_slope(logit: np.ndarray) -> np.ndarray:
    """d/dl log(1 - sigmoid(l)) = -D."""
    return -sigmoid(logit)


def non_saturating_slope(logit: np.ndarray) -> np.ndarray:
    """d/dl of -log sigmoid(l) = -(1 - D)."""
    return -sigmoid(-logit)


def optimal_logit(distance: float) -> np.ndarray:
    """l = log p - log q at PLACES."""
    found: np.ndarray = distance * PLACES - distance**2 / 2
    return found


@cache
def pulls(distance: float) -> tuple[float, float]:
    """The mean length of the gradient at a fake, under log(1 - D) and under -log D: |loss'(l)| times l'(x)."""
    logits, fakes = optimal_logit(distance), bell(0.0, 1.0)
    return (
        expectation(fakes, -saturating_slope(logits)) * distance,
        expectation(fakes, -non_saturating_slope(logits)) * distance,
    )
