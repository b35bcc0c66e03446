"""Precision, recall, density, coverage, and nearest images, from chunked feature distances.

With real features x_1..x_N, generated ones y_1..y_M, and B(x) the ball around x that reaches to its k-th nearest
neighbour among its own kind (itself not counted, the rim included):

    precision = share of y in any B(x)             recall   = share of x in any B(y)           (1904.06991, section 2)
    density   = 1 / kM sum_j #{i: y_j in B(x_i)}   coverage = share of B(x) that hold any y    (2002.09797, section 3)

Precision and density fall with ugly samples, recall and coverage with missing ones. Recall is inflated by outlying
samples, whose balls are huge, and coverage is not; density can exceed 1. Published code for the second paper excludes
the rim, which matters only for equal distances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gan_core.errors import BadValue
from gan_core.metrics.trust import NEAREST

CHUNK = 512  # rows whose distances to all others are in memory at once


@dataclass(frozen=True)
class Manifold:
    """Precision, recall and coverage in [0, 1]; density >= 0."""

    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True, eq=False)
class Pairs:
    """Results for all pairs of real features (N, d) and generated ones (M, d), in one pass.

    `held` (M,): the number of real balls that contain each generated one; `covered` (N,): the real balls that contain
    any; `recalled` (N,): the real ones within a generated ball. `places` and `squares` (M,): the closest real one of
    each generated one and the squared distance to it; `own` (N,): that of each real one to its closest other.
    """

    k: int
    held: np.ndarray
    covered: np.ndarray
    recalled: np.ndarray
    places: np.ndarray
    squares: np.ndarray
    own: np.ndarray

    @property
    def manifold(self) -> Manifold:
        return Manifold(
            precision=float((self.held > 0).mean()),
            recall=float(self.recalled.mean()),
            density=float(self.held.mean() / self.k),
            coverage=float(self.covered.mean()),
        )


@dataclass(frozen=True)
class Closest:
    """The nearest candidate of each query: its index and the distance, (Q,) each."""

    places: np.ndarray
    distances: np.ndarray


def manifold(real: np.ndarray, generated: np.ndarray, k: int = NEAREST) -> Manifold:
    """All four for real (N, d) and generated (M, d); raises BadValue if one has fewer than k neighbours."""
    return pairs(real, generated, k).manifold


def pairs(real: np.ndarray, generated: np.ndarray, k: int = NEAREST) -> Pairs:
    """The pairs of real (N, d) and generated (M, d); raises BadValue if one has fewer than k neighbours."""
    if min(len(real), len(generated)) <= k:
        raise BadValue(
            "Precision and recall need more than {k} samples on each side, got {count}.",
            k=k, count=min(len(real), len(generated)),
        )  # fmt: skip
    centre = real.mean(0, dtype=np.float64)  # small numbers lose less precision when squares are subtracted
    real, generated = np.asarray(real - centre, np.float64), np.asarray(generated - centre, np.float64)
    own, real_reach = _reaches(real, k)
    generated_reach = reach(generated, k)
    held = np.zeros(len(generated), np.int64)
    places, nearest = np.zeros(len(generated), np.int64), np.full(len(generated), np.inf)
    covered, recalled = [], []
    for rows, squares in _chunks(real, generated):
        inside = squares <= real_reach[rows, None]
        held += inside.sum(0)
        covered.append(inside.any(1))
        recalled.append((squares <= generated_reach[None]).any(1))
        closest_here = squares.argmin(0)
        values = squares[closest_here, np.arange(len(generated))]
        better = values < nearest
        places[better], nearest[better] = closest_here[better] + rows.start, values[better]
    return Pairs(k, held, np.concatenate(covered), np.concatenate(recalled), places, nearest, own)


def reach(features: np.ndarray, k: int) -> np.ndarray:
    """The squared distance of each row (N, d) to its k-th nearest other row, (N,)."""
    return _reaches(features, k)[1]


def _reaches(features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The squared distances of each row (N, d) to its nearest and to its k-th nearest other row, (N,) each."""
    first, last = [], []
    for rows, squares in _chunks(features, features):
        squares[np.arange(len(squares)), np.arange(rows.start, rows.stop)] = np.inf  # not its own neighbour
        squares.partition(k - 1, axis=1)
        first.append(squares[:, :k].min(1))
        last.append(squares[:, k - 1].copy())
    return np.concatenate(first), np.concatenate(last)


def closest(queries: np.ndarray, candidates: Iterable[np.ndarray], skip: np.ndarray | None = None) -> Closest:
    """The nearest of all candidates, which come in batches (B, d), for each query (Q, d).

    `skip` (Q,) is the index of one candidate to exclude for each query, such as the query itself; -1 for none.
    """
    queries = np.asarray(queries, np.float64)
    places = np.full(len(queries), -1)
    best = np.full(len(queries), np.inf)
    first = 0
    for batch in candidates:
        for rows, squares in _chunks(queries, np.asarray(batch, np.float64)):
            if skip is not None:
                own = skip[rows] - first
                among = np.flatnonzero((own >= 0) & (own < len(batch)))
                squares[among, own[among]] = np.inf
            nearest = squares.argmin(1)
            values = squares[np.arange(len(squares)), nearest]
            better = values < best[rows]
            places[rows] = np.where(better, first + nearest, places[rows])
            best[rows] = np.where(better, values, best[rows])
        first += len(batch)
    return Closest(places, np.sqrt(best))


def _chunks(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances (chunk, M) of some rows of one (N, d) to all of the other (M, d), and which rows they are."""
    squares = np.einsum("md,md->m", other, other)
    for start in range(0, len(one), CHUNK):
        rows = slice(start, min(start + CHUNK, len(one)))
        part = one[rows]
        distances = part @ other.T
        distances *= -2
        distances += np.einsum("nd,nd->n", part, part)[:, None]
        distances += squares
        yield rows, np.maximum(distances, 0, out=distances)
