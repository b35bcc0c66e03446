"""Sliced Wasserstein distance of features (1011.3014; of deep features as in MIND, 2605.06797).

    SW^2 = mean over directions u of W_2^2(u.x, u.y),   W_2^2 in 1 dimension: mean square of sorted pairs' differences

Features are first divided by the spread of the real ones over all dimensions, so that the number doesn't depend on the
net's scale: 1 is one standard deviation of real images. Its bias does not grow with the number of features, so that it
is more informative than a Frechet distance for few samples; it costs a sort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.errors import BadValue
from gan_core.metrics.bootstrap import weights

DIRECTIONS = 256
LINES = 32  # directions that are used for replicates
REPLICATES = 30
SEED = 11  # seed of the directions: the same in every evaluation


@dataclass(frozen=True)
class Sliced:
    """SW, in standard deviations of the real images' features, and its replicates (B,)."""

    value: float
    replicates: np.ndarray


def sliced_wasserstein(
    real: np.ndarray, made: np.ndarray, random: np.random.Generator | None = None, directions: int = DIRECTIONS
) -> Sliced:
    """The distance of features (N, d) and (M, d); without `random` no replicates. Raises BadValue below two rows."""
    if min(len(real), len(made)) < 2:
        raise BadValue(
            "A sliced distance needs at least 2 samples on each side, got {count}.", count=min(len(real), len(made))
        )
    scale = spread(real)
    lines = _directions(real.shape[1], directions)
    # (N, d) @ (d, directions) -> (directions, N), sorted along each line
    sides = [np.sort((rows @ lines).T / scale, axis=1) for rows in (real, made)]
    squares = _squares(*sides)  # (directions,)
    if random is None:
        return Sliced(float(np.sqrt(squares.mean())), np.empty(0))
    few = [(rows @ lines[:, :LINES]).T / scale for rows in (real, made)]
    orders = [side.argsort(1) for side in few]
    found = []
    for _ in range(REPLICATES):
        resampled = [_resampled(side, order, random) for side, order in zip(few, orders, strict=True)]
        found.append(np.sqrt(_squares(*resampled).mean()))
    return Sliced(float(np.sqrt(squares.mean())), np.array(found))


def spread(features: np.ndarray) -> float:
    """The root mean square distance from the mean, per dimension, >= a tiny number."""
    return max(float(np.sqrt(features.var(0, dtype=np.float64).mean())), 1e-12)


def _directions(size: int, count: int) -> np.ndarray:
    """Unit vectors, float32 (size, count)."""
    drawn = np.random.default_rng(SEED).standard_normal((size, count))
    found: np.ndarray = (drawn / np.linalg.norm(drawn, axis=0)).astype(np.float32)
    return found


def _squares(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """W_2^2 on each line of sorted values (L, N) and (L, M), (L,)."""
    if one.shape[1] != other.shape[1]:
        count = max(one.shape[1], other.shape[1])
        one, other = (_stretched(side, count) for side in (one, other))
    found: np.ndarray = np.square(one - other, dtype=np.float64).mean(1)
    return found


def _resampled(values: np.ndarray, order: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Resamples on all lines (L, N); the result is sorted without another sort, as values are repeated in place."""
    times = weights(random, values.shape[1], 1)[0]
    repeated = [np.repeat(line[places], times[places]) for line, places in zip(values, order, strict=True)]
    return np.stack(repeated)


def _stretched(ordered: np.ndarray, count: int) -> np.ndarray:
    """`count` quantiles of sorted values (L, N), at the middles of equal parts."""
    places = ((np.arange(count) + 0.5) / count * ordered.shape[1]).astype(int)
    return ordered[:, places]
