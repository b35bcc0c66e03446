"""JS against the Wasserstein distance for two blocks on a line, where both are known exactly.

p is uniform on [0, width], q on [shift, shift + width]. Densities are arrays on `game.PLACES`. Of the many forms of the
1-Wasserstein distance three are here: by pairing sorted samples, by distribution functions, and by the dual, for which
a critic whose slope is at most 1 is trained (1701.07875, equation 2).
"""

from __future__ import annotations

import numpy as np

from gan_core.teaching.game import PLACES, expectation

STEP = float(PLACES[1] - PLACES[0])
RATE = 0.2  # of the critic's training


def block(start: float, width: float) -> np.ndarray:
    """The density of a uniform distribution on [start, start + width]."""
    middles = PLACES + STEP / 2
    inside = (middles > start) & (middles < start + width)
    density: np.ndarray = inside / (inside.sum() * STEP)
    return density


def js_of_blocks(shift: float, width: float) -> float:
    """JS = log 2 min(1, |shift| / width): constant as soon as the blocks don't overlap."""
    return float(np.log(2) * min(1.0, abs(shift) / width))


def wasserstein_of_blocks(shift: float) -> float:
    """W1 = |shift|: all mass moves by the shift."""
    return abs(shift)


def wasserstein_by_pairing(one: np.ndarray, other: np.ndarray) -> float:
    """W1 of two equally large samples on a line: the mean distance of pairs in sorted order."""
    return float(np.abs(np.sort(one) - np.sort(other)).mean())


def surplus(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """F_q - F_p, the difference of the distribution functions."""
    found: np.ndarray = np.cumsum(q - p) * STEP
    return found


def wasserstein(p: np.ndarray, q: np.ndarray) -> float:
    """W1 = integral of |F_p - F_q|: the mass that has to pass each place."""
    return float(np.abs(surplus(p, q)).sum() * STEP)


def trained_slopes(p: np.ndarray, q: np.ndarray, steps: int) -> np.ndarray:
    """f' of a critic after `steps` of gradient ascent on E_p[f] - E_q[f], cut to [-1, 1] after each.

    By parts, E_p[f] - E_q[f] is the integral of f' (F_q - F_p): the gradient by a slope is F_q - F_p.
    """
    slopes = np.zeros_like(p)
    for _step in range(steps):
        slopes = np.clip(slopes + RATE * surplus(p, q), -1, 1)
    return slopes


def critic(slopes: np.ndarray) -> np.ndarray:
    """f from its slopes, 0 in the middle of the grid."""
    values = np.concatenate([[0.0], np.cumsum(slopes[:-1]) * STEP])
    found: np.ndarray = values - values[len(values) // 2]
    return found


def dual_value(p: np.ndarray, q: np.ndarray, f: np.ndarray) -> float:
    """E_p[f] - E_q[f]: a critic's estimate of W1, from below."""
    return expectation(p, f) - expectation(q, f)
