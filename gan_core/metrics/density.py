"""Compares a generator's points with data of known density: D*, KL, JS and sliced Wasserstein distance.

The plane is a square of SIDE x SIDE cells and one cell for all that lies outside. The data's probabilities p are exact
(`data/mixtures.py`), the generator's q are estimated from SAMPLES points. Both are smoothed by the same kernel, one
cell wide and normalised within the square, so that sums stay 1; then SHARE of each is spread over all cells, so that no
logarithm is infinite.

    D*(x) = p(x) / (p(x) + q(x))     the optimal discriminator        (1406.2661, proposition 1)
    KL    = sum p log2(p / q)        bits; large if modes are missed
    JS    = KL(p | m)/2 + KL(q | m)/2, m = (p + q)/2      bits, at most 1; V(D*) = -log 4 + 2 JS

An estimate from samples is never 0: its floor is the score of as many points of the data themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gan_core.data.mixtures import Mixture, mixture, reach
from gan_core.errors import BadValue

SIDE = 48  # cells of the square, in each direction
SAMPLES = 4096  # points for estimating q
SHARE = 1e-3  # share of the probability that is spread over all cells
DIRECTIONS = 32  # of a sliced distance
QUANTILES = 512  # that it compares
SEED = 7


@dataclass(frozen=True, eq=False)
class Cells:
    """A distribution over the square: `inside` (side, side), rows from low y to high y, and the share `outside`."""

    inside: np.ndarray
    outside: float

    def flat(self) -> np.ndarray:
        """All cells, the one outside last, (side * side + 1,)."""
        return np.append(self.inside, self.outside)


def centres(half: float, side: int = SIDE) -> np.ndarray:
    """The middles of the cells of [-half, half]^2, rows from low y to high y, (side^2, 2)."""
    middles = half * ((np.arange(side) + 0.5) / side * 2 - 1)
    columns, rows = np.meshgrid(middles, middles)
    return np.stack([columns, rows], -1).reshape(-1, 2)  # (side, side, 2) -> (side^2, 2)


def counted(points: np.ndarray, half: float, side: int = SIDE) -> Cells:
    """The share of points (N, 2) in each cell of [-half, half]^2; one that isn't finite lies outside."""
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise BadValue("Densities are counted of points (N, 2), not of {shape}.", shape=points.shape)
    with np.errstate(invalid="ignore"):
        places = np.floor((points + half) / (2 * half) * side)
        within = ((places >= 0) & (places < side)).all(1)
    columns, rows = places[within].astype(np.int64).T
    counts = np.bincount(rows * side + columns, minlength=side * side).reshape(side, side)
    return Cells(counts / len(points), 1 - within.mean())


def exact(known: Mixture, half: float, side: int = SIDE) -> Cells:
    """The probability of each cell."""
    inside = known.cells(half, side)
    return Cells(inside, max(0.0, 1 - float(inside.sum())))


def smoothed(cells: Cells, width: float = 1.0) -> Cells:
    """Smooths by a Gaussian of `width` cells, truncated at the border and renormalised, which keeps the sum."""
    places = np.arange(len(cells.inside))
    kernel = np.exp(-0.5 * ((places[:, None] - places) / width) ** 2)
    kernel /= kernel.sum(0)
    return Cells(kernel @ cells.inside @ kernel.T, cells.outside)


def optimal_discriminator(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """D* = p / (p + q) in each cell, NaN where both are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = real / (real + fake)
    return found


def kl(one: np.ndarray, other: np.ndarray) -> float:
    """The sum of one log2(one / other) over all cells, in bits; infinite if `other` lacks a cell that `one` has."""
    there = one > 0
    with np.errstate(divide="ignore"):
        return float((one[there] * np.log2(one[there] / other[there])).sum())


def js(one: np.ndarray, other: np.ndarray) -> float:
    """The Jensen-Shannon divergence in bits, in [0, 1]."""
    middle = (one + other) / 2
    return (kl(one, middle) + kl(other, middle)) / 2


def sliced_wasserstein(one: np.ndarray, other: np.ndarray) -> float:
    """The mean over directions of the 1-Wasserstein distances between projections of two samples (N, 2) and (M, 2).

    Directions are evenly spread over the half circle; each distance is computed from QUANTILES quantiles.
    """
    angles = np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
    directions = np.stack([np.cos(angles), np.sin(angles)])  # (2, directions)
    return float(np.abs(_quantiles(one @ directions) - _quantiles(other @ directions)).mean())


def _quantiles(shadows: np.ndarray) -> np.ndarray:
    """The mean of each column (N, directions) in each of QUANTILES equal parts, (QUANTILES, directions)."""
    ordered = np.sort(shadows, axis=0)
    if len(ordered) % QUANTILES:
        places = np.linspace(0, len(ordered) - 1, QUANTILES)
        ordered = ordered[places.round().astype(int)]
    found: np.ndarray = ordered.reshape(QUANTILES, -1, shadows.shape[1]).mean(1)  # (N, d) -> (QUANTILES, N / Q, d)
    return found


@dataclass(frozen=True)
class Distances:
    """The distances of one measurement; KL and JS in bits, the sliced distance in the data's units."""

    kl: float
    js: float
    sliced: float


class Yardstick:
    """Measures points against one data set of known density."""

    def __init__(self, reference: str, side: int = SIDE) -> None:
        self.half = reach(reference)
        self.side = side
        self.known = mixture(reference)
        self.real = smoothed(exact(self.known, self.half, side))
        self._spread = _spread(self.real)
        random = np.random.default_rng(SEED)
        self._sample, held = (draw(self.known, random, SAMPLES) for _ in range(2))
        self.floor = self.measure(held)

    def density(self, points: np.ndarray) -> Cells:
        """q, smoothed like p."""
        return smoothed(counted(points, self.half, self.side))

    def measure(self, points: np.ndarray) -> Distances:
        """Measures the distance of points (N, 2) from the data; figures are comparable for SAMPLES points."""
        q = _spread(self.density(points))
        return Distances(kl(self._spread, q), js(self._spread, q), sliced_wasserstein(points, self._sample))


@lru_cache(maxsize=8)
def yardstick(reference: str) -> Yardstick:
    """The yardstick of a data set; raises UnknownName, or the errors of `drawn_points`."""
    return Yardstick(reference)


def draw(known: Mixture, random: np.random.Generator, count: int) -> np.ndarray:
    """Draws points of a mixture, (count, 2)."""
    chosen = known.nodes[random.integers(len(known.nodes), size=count)]
    points: np.ndarray = chosen + known.sigma * random.standard_normal((count, 2))
    return points


def _spread(cells: Cells) -> np.ndarray:
    flat = cells.flat()
    return (1 - SHARE) * flat + SHARE / len(flat)
