"""Frechet distance between two sets of features, each modelled as a Gaussian (1706.08500, equation 6).

    d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))

As everywhere in the literature, the reported number is the square. Means m and covariances C (over n - 1) are
accumulated batch by batch in float64, so that memory does not grow with the samples. The estimate is biased: it falls
as n grows, so only figures of the same n and the same net can be compared, and both are part of its name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadValue
from gan_core.metrics.bootstrap import GROUPS, REPLICATES, grouped, weights

Matrix = NDArray[np.float64]
SIZES = 15  # points of the line of FID-infinity
LINES = 12  # lines fitted to resampled groups
WIDE = 400  # features above which sums of groups would take too much memory


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,) and covariance (d, d)."""

    mean: Matrix
    covariance: Matrix


class Moments:
    """Count, mean and scatter of all rows seen, updated by batches without cancellation (Chan et al. 1979)."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self._mean = np.zeros(size)
        self._scatter = np.zeros((size, size))

    def add(self, features: np.ndarray) -> None:
        """Adds rows, (B, d)."""
        if not len(features):
            return
        batch = np.asarray(features, np.float64)
        mean = batch.mean(0)
        centred = batch - mean
        total = self.count + len(batch)
        shift = mean - self._mean
        self._scatter += centred.T @ centred + np.outer(shift, shift) * (self.count * len(batch) / total)
        self._mean += shift * (len(batch) / total)
        self.count = total

    def gaussian(self) -> Gaussian:
        """The fitted Gaussian; raises BadValue for fewer than two rows."""
        if self.count < 2:
            raise BadValue("A covariance needs at least 2 samples, got {count}.", count=self.count)
        return Gaussian(self._mean.copy(), self._scatter / (self.count - 1))


def gaussian(features: np.ndarray) -> Gaussian:
    """The Gaussian of rows (N, d)."""
    moments = Moments(features.shape[1])
    moments.add(features)
    return moments.gaussian()


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """The squared distance, >= 0.

    tr (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of S C2 S with S = C1^(1/2). That matrix is symmetric:
    there are no complex values, and a singular covariance needs no added constant, unlike a general matrix root.
    """
    return _distance(one, _root(one.covariance), other)


def _root(covariance: Matrix) -> Matrix:
    """C^(1/2) of a symmetric matrix."""
    from scipy.linalg import eigh

    values, vectors = eigh(covariance)
    root: Matrix = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root


def _distance(one: Gaussian, root: Matrix, other: Gaussian) -> float:
    """The distance with C1^(1/2) given, which is reused if one side is compared with many."""
    from scipy.linalg import eigh

    product = eigh(root @ other.covariance @ root, eigvals_only=True)
    shift = one.mean - other.mean
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    return max(0.0, float(shift @ shift + traces - 2 * np.sqrt(product.clip(0)).sum()))


def frechet_by_gram(one: np.ndarray, other: np.ndarray) -> float:
    """The same distance of rows (N, d) and (M, d) from products of rows: faster if N and M are below d.

    tr (C1 C2)^(1/2) is the sum of the singular values of A B', the (N, M) products of the centred rows over
    sqrt((N - 1)(M - 1)); no covariance is formed.
    """
    return _Gram(one, other).distance(np.arange(len(one)), np.arange(len(other)))


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """The distance of two sets of rows, by whichever method is faster."""
    if max(len(one), len(other)) <= one.shape[1]:
        return frechet_by_gram(one, other)
    return frechet_distance(gaussian(one), gaussian(other))


class _Gram:
    """Products of all rows, from which the distance of resampled rows is computed without their features."""

    def __init__(self, one: np.ndarray, other: np.ndarray) -> None:
        if min(len(one), len(other)) < 2:
            raise BadValue("A covariance needs at least 2 samples, got {count}.", count=min(len(one), len(other)))
        shift = other.mean(0, dtype=np.float64)  # small numbers lose less precision
        first, second = one.astype(np.float64) - shift, other.astype(np.float64) - shift
        self.within = first @ first.T, second @ second.T
        self.across = first @ second.T

    def distance(self, rows: np.ndarray, columns: np.ndarray) -> float:
        """The distance of the chosen rows of either side; a row may be chosen more than once."""
        traces, squares = 0.0, 0.0
        for products, chosen in zip(self.within, (rows, columns), strict=True):
            mean = float(products[np.ix_(chosen, chosen)].mean())  # |mean row|^2
            traces += float((products[chosen, chosen].sum() - len(chosen) * mean) / (len(chosen) - 1))
            squares += mean
        across = self.across[np.ix_(rows, columns)]
        shift = squares - 2 * float(across.mean())
        centred = across - across.mean(0) - across.mean(1, keepdims=True) + across.mean()
        smaller = centred if len(rows) <= len(columns) else centred.T
        roots = np.sqrt(np.linalg.eigvalsh(smaller @ smaller.T).clip(0)).sum()  # the sum of the singular values
        return max(0.0, shift + traces - 2 * float(roots / np.sqrt((len(rows) - 1) * (len(columns) - 1))))


class Grouped:
    """Sums of disjoint groups of rows, from which the Gaussian of any resampling of groups is computed directly."""

    def __init__(self, features: np.ndarray, groups: int = GROUPS) -> None:
        self.shift = features.mean(0, dtype=np.float64)
        parts = [features[rows].astype(np.float64) - self.shift for rows in grouped(len(features), groups)]
        self.counts = np.array([len(part) for part in parts], np.float64)  # (G,)
        self.sums = np.stack([part.sum(0) for part in parts])  # (G, d)
        self.squares = np.stack([part.T @ part for part in parts])  # (G, d, d)

    def __len__(self) -> int:
        return len(self.counts)

    def gaussian(self, times: np.ndarray) -> Gaussian:
        """The Gaussian of groups repeated `times` (G,) each."""
        count = float(times @ self.counts)
        mean = times @ self.sums / count
        scatter = np.tensordot(times, self.squares, 1) - count * np.outer(mean, mean)
        return Gaussian(mean + self.shift, scatter / (count - 1))


def replicates(
    one: np.ndarray, other: np.ndarray, random: np.random.Generator, most: int = REPLICATES, gram: bool | None = None
) -> np.ndarray:
    """The distance over resampled rows of both sides, (B,): the longer each takes, the fewer there are.

    Few rows of many features are resampled through their products (`gram`), others as sums of groups or, if the sums
    would take much memory, row by row.
    """
    size = one.shape[1]
    if gram if gram is not None else max(len(one), len(other)) <= size:
        products = _Gram(one, other)
        return np.array([
            products.distance(random.integers(len(one), size=len(one)), random.integers(len(other), size=len(other)))
            for _ in range(min(most, max(10, 10_000 // max(len(one), len(other)))))
        ])  # fmt: skip
    count = min(most, max(10, 12_800 // size))
    if size > WIDE:
        return np.array([
            frechet_distance(*(gaussian(rows[random.integers(len(rows), size=len(rows))]) for rows in (one, other)))
            for _ in range(count)
        ])  # fmt: skip
    sides = [Grouped(rows) for rows in (one, other)]
    drawn = [weights(random, len(side), count) for side in sides]
    return np.array([
        frechet_distance(*(side.gaussian(times) for side, times in zip(sides, pair, strict=True)))
        for pair in zip(*drawn, strict=True)
    ])  # fmt: skip


@dataclass(frozen=True)
class Extrapolated:
    """The distance for infinitely many samples, its replicates, and the line's points (1 / n, distance)."""

    value: float
    replicates: np.ndarray
    points: np.ndarray


def fid_infinity(real: np.ndarray, made: np.ndarray, random: np.random.Generator) -> Extrapolated:
    """FID-infinity (1911.07023, algorithm 1): the value at 1 / n = 0 of a line fitted to the distances of 15 sizes.

    Sizes are evenly spread from a fifth of the samples (at least as many as features) to all of them. It removes only
    the bias of the generated side: that of the real images remains, and is visible in the floor. Differs from the
    paper: one pass of ordinary pseudo-random samples, and groups of samples instead of single ones. Raises BadValue for
    fewer than twice as many samples as features.
    """
    size = made.shape[1]
    if len(made) < 2 * size:
        raise BadValue(
            "The extrapolated Frechet distance needs {least} samples, got {count}.", least=2 * size, count=len(made)
        )
    of_real = gaussian(real)
    root = _root(of_real.covariance)
    groups = Grouped(made, GROUPS if size <= WIDE else SIZES)
    orders = [np.arange(len(groups)), *(random.integers(len(groups), size=len(groups)) for _ in range(LINES))]
    lines = [_line(of_real, root, groups, order, size) for order in orders]
    ends = np.array([_end(points) for points in lines])
    return Extrapolated(float(ends[0]), ends[1:], lines[0])


def _line(real: Gaussian, root: Matrix, groups: Grouped, order: np.ndarray, least: int) -> np.ndarray:
    """Points (1 / n, distance) of growing numbers of groups, in an order that may repeat one, (P, 2)."""
    found = []
    sizes = np.cumsum(groups.counts[order])
    for taken in np.unique(np.linspace(len(order) / 5, len(order), SIZES).round().astype(int)):
        if sizes[taken - 1] <= least and taken < len(order):
            continue
        times = np.bincount(order[:taken], minlength=len(groups)).astype(np.float64)
        found.append((1 / sizes[taken - 1], _distance(real, root, groups.gaussian(times))))
    return np.array(found)


def _end(points: np.ndarray) -> float:
    """The value at 1 / n = 0 of the least-squares line through points (P, 2)."""
    if len(points) < 2:
        return float(points[0, 1])
    return float(np.polyfit(points[:, 0], points[:, 1], 1)[1])
