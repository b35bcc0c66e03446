"""Mode collapse and its measurement: a generator that keeps some modes of a ring, and measures of its samples."""

from __future__ import annotations

import numpy as np

from gan_core.data import sources
from gan_core.data.base import Modes

RING = sources.get("ring8").modes or Modes(np.zeros((0, 2)), 1.0)
NEAR, COVERED = 3.0, 20  # as in gan_core/metrics/points.py
SAMPLES = 2500


def samples(kept: int, blur: float, seed: int = 0) -> np.ndarray:
    """SAMPLES points of a generator with `kept` modes of the ring, each blurred by a standard deviation."""
    made: np.ndarray = Modes(RING.centres[:kept], blur).draw(np.random.default_rng(seed), SAMPLES)
    return made


def best_response(d: np.ndarray) -> int:
    """The best response of a generator to a fixed D: all samples at the place of the largest D."""
    return int(np.argmax(d))


def shares(points: np.ndarray) -> np.ndarray:
    """The share of the points (N, 2) that lie within 3 sigma of each mode, (8,)."""
    distances = np.linalg.norm(points[:, None] - RING.centres[None], axis=2)  # (N, 8)
    near = distances.min(1) <= NEAR * RING.sigma
    counts = np.bincount(distances.argmin(1)[near], minlength=len(RING.centres))
    found: np.ndarray = counts / len(points)
    return found


def covered(points: np.ndarray) -> int:
    """Modes with at least 20 points close to them."""
    return int((shares(points) * len(points) >= COVERED - 0.5).sum())


def js_of_modes(kept: int, total: int) -> float:
    """JS in bits of data with `total` equal modes and a generator with `kept` of them, each perfect."""
    p, q = 1 / total, 1 / kept
    middle = (p + q) / 2
    missed = (total - kept) / total  # of the data, where the middle is p / 2
    return float(0.5 * (kept * p * np.log2(p / middle) + missed) + 0.5 * np.log2(q / middle))


def kl_of_modes(kept: int, total: int) -> tuple[float, float]:
    """KL(q | p) = log2(total / kept), and KL(p | q), which is infinite as soon as one mode is missed; in bits."""
    return float(np.log2(total / kept)), 0.0 if kept == total else float("inf")
