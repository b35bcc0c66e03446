"""The best response to a generator, and the resulting value of the game (1406.2661, proposition 1 and theorem 1).

Densities are arrays on the places of `game.PLACES`; divergences are in nats.
"""

from __future__ import annotations

import numpy as np

from gan_core.teaching.game import expectation

LOG4 = float(np.log(4))


def optimal_discriminator(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """D*(x) = p(x) / (p(x) + q(x)), the maximum of p log D + q log(1 - D) in each place."""
    found: np.ndarray = p / (p + q)
    return found


def optimal_logit(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """log p - log q, whose sigmoid is D*."""
    found: np.ndarray = np.log(p) - np.log(q)
    return found


def value(p: np.ndarray, q: np.ndarray, logits: np.ndarray) -> float:
    """V of a discriminator with these logits: E_p[log D] + E_q[log(1 - D)]."""
    return expectation(p, -np.logaddexp(0, -logits)) + expectation(q, -np.logaddexp(0, logits))


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p | q) = E_p[log(p / q)]."""
    return expectation(p, np.log(p) - np.log(q))


def js(p: np.ndarray, q: np.ndarray) -> float:
    """JS(p, q) = KL(p | m)/2 + KL(q | m)/2 with m = (p + q)/2; from 0 to log 2."""
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def best_value(p: np.ndarray, q: np.ndarray) -> float:
    """V(D*) = -log 4 + 2 JS(p, q)."""
    return -LOG4 + 2 * js(p, q)
