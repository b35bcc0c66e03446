"""KID: the squared maximum mean discrepancy of features under a cubic kernel (1801.01401, section 4).

    k(x, y) = (x.y / d + 1)^3
    MMD^2 = sum_{i != j} k(x_i, x_j) / m(m-1) + sum_{i != j} k(y_i, y_j) / n(n-1) - 2 sum_{i,j} k(x_i, y_j) / mn

The estimate is unbiased at any n: for two samples of one distribution it is 0 on average, and may be negative. It is
averaged over blocks, so that time grows with n and not with n^2.

Differs from the published code, which draws 100 blocks at random, with overlaps: blocks here are disjoint, so that each
sample counts once and the spread of the blocks gives a valid standard error. For fewer than FEW blocks, the error is
the bootstrap's: samples of each block are resampled in its kernel matrices, without pairs of a sample and itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gan_core.errors import BadValue
from gan_core.metrics.bootstrap import deviation, weights

BLOCK = 1000  # samples of each side in a block
LEAST = 10  # samples, below which the error is unknown
FEW = 5  # blocks, below which their spread is unreliable


@dataclass(frozen=True)
class Kid:
    """The mean over blocks, its standard error (NaN for a few samples), and the number of estimates for the error."""

    value: float
    error: float
    count: int


def kid(one: np.ndarray, other: np.ndarray, block: int = BLOCK, seed: int = 0) -> Kid:
    """KID of features (N, d) and (M, d), without an incomplete last block; raises BadValue for fewer than two rows."""
    count = min(len(one), len(other))
    if count < 2:
        raise BadValue("KID needs at least 2 samples on each side, got {count}.", count=count)
    block = min(block, count)
    parts = [slice(start, start + block) for start in range(0, count - block + 1, block)]
    if len(parts) >= FEW:
        estimates = np.array([discrepancy(one[part], other[part]) for part in parts])
        return Kid(float(estimates.mean()), float(estimates.std(ddof=1) / np.sqrt(len(parts))), len(parts))
    random = np.random.default_rng(seed)
    found = [_resampled(one[part], other[part], random) for part in parts]
    replicates = np.mean([drawn for _, drawn in found], axis=0)
    replicates = replicates[np.isfinite(replicates)]
    error = deviation(replicates) if block >= LEAST else math.nan
    return Kid(float(np.mean([value for value, _ in found])), error, len(replicates))


def _resampled(one: np.ndarray, other: np.ndarray, random: np.random.Generator) -> tuple[float, np.ndarray]:
    """The estimate of a block and its replicates (B,); NaN if only a single sample was drawn."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    within = [_kernel(side, side) for side in (one, other)]
    across = _kernel(one, other)
    value = sum(_off_diagonal_mean(matrix) for matrix in within) - 2 * float(across.mean())
    times = [weights(random, len(side)).astype(np.float64) for side in (one, other)]  # (B, n), (B, m)
    drawn = -2 * np.einsum("bn,bn->b", times[0], times[1] @ across.T) / across.size
    for matrix, row in zip(within, times, strict=True):
        diagonal = np.diag(matrix)
        pairs = np.einsum("bn,bn->b", row, row @ matrix) - np.square(row) @ diagonal
        different = np.square(row.sum(1)) - np.square(row).sum(1)  # pairs of two different samples
        drawn += pairs / np.where(different > 0, different, np.nan)
    return value, drawn


def discrepancy(one: np.ndarray, other: np.ndarray) -> float:
    """The unbiased MMD^2 of one block, features (m, d) and (n, d)."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return _off_diagonal_mean(_kernel(one, one)) + _off_diagonal_mean(_kernel(other, other)) - 2 * float(
        _kernel(one, other).mean()
    )  # fmt: skip


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(m, d), (n, d) -> (m, n)."""
    products: np.ndarray = one @ other.T / one.shape[1] + 1
    cubes: np.ndarray = products * products * products
    return cubes


def _off_diagonal_mean(matrix: np.ndarray) -> float:
    count = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (count * (count - 1)))
