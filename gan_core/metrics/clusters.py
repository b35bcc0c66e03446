"""k-means by Lloyd's algorithm, for metrics; importing scikit-learn alone would take longer."""

from __future__ import annotations

import numpy as np

ROUNDS = 12
LEARNT = 5000  # rows for learning centres, at most


def centres_of(rows: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Centres (count, d) of rows (N, d), initialised to different rows; one that loses all its rows stays unchanged."""
    rows = rows[:LEARNT].astype(np.float64)
    centres = rows[np.random.default_rng(seed).choice(len(rows), count, replace=False)]
    for _ in range(ROUNDS):
        nearest = assigned(rows, centres)
        sizes = np.bincount(nearest, minlength=count)
        sums = np.stack([np.bincount(nearest, column, count) for column in rows.T], 1)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    return centres


def assigned(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The index of the nearest centre (K, d) of each row (N, d), (N,)."""
    # |x - c|^2 without |x|^2, which is the same for every centre
    squares = np.einsum("kd,kd->k", centres, centres) - 2 * rows @ centres.T
    found: np.ndarray = squares.argmin(1)
    return found
