"""KID: the squared maximum mean discrepancy of features under a cubic kernel (1801.01401, section 4).

    k(x, y) = (x.y / d + 1)^3
    MMD^2 = sum_{i != j} k(x_i, x_j) / m(m-1) + sum_{i != j} k(y_i, y_j) / n(n-1) - 2 sum_{i,j} k(x_i, y_j) / mn

The estimate is unbiased at any n: of two samples of one distribution it is 0 on average, and may be negative. It is
taken in blocks and averaged, so that time grows with n and not with n^2.

Differs from the published code, which draws 100 blocks at random, with overlaps: blocks here are disjoint, so that each
sample counts once and the spread of the blocks gives an honest standard error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.errors import BadValue

BLOCK = 1000  # samples of each side in a block


@dataclass(frozen=True)
class Kid:
    """The mean over blocks and its standard error; None for a single block, whose spread isn't known."""

    value: float
    error: float | None


def kid(one: np.ndarray, other: np.ndarray, block: int = BLOCK) -> Kid:
    """KID of features (N, d) and (M, d); raises BadValue below two rows. What fills no whole block is left out."""
    count = min(len(one), len(other))
    if count < 2:
        raise BadValue("KID needs at least 2 samples on each side, got {count}.", count=count)
    block = min(block, count)
    estimates = np.array(
        [discrepancy(one[start : start + block], other[start : start + block])
         for start in range(0, count - block + 1, block)]
    )  # fmt: skip
    error = float(estimates.std(ddof=1) / np.sqrt(len(estimates))) if len(estimates) > 1 else None
    return Kid(float(estimates.mean()), error)


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
