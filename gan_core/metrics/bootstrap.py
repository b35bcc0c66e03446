"""95 % intervals: of shares by Wilson's formula, of means by Student's t, of others by the bootstrap (Efron 1979).

    interval = value +- t s,   s the standard deviation of the figure over resampled data, t Student's quantile

The mean of the replicates isn't used: a resampled set has fewer different samples, which increases the bias of a figure
such as the Frechet distance. If samples enter a figure only through sums, GROUPS sums of disjoint groups are resampled
instead of the samples, at a cost that doesn't depend on the number of samples.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

GROUPS = 50  # disjoint groups of samples, each summed up once
REPLICATES = 100
LEVEL = 0.95  # of an interval
SEED = 0

Interval = tuple[float, float]
UNKNOWN: Interval = (math.nan, math.nan)


def weights(random: np.random.Generator, count: int, replicates: int = REPLICATES) -> np.ndarray:
    """How often each of `count` items is drawn in each replicate, int64 (replicates, count); rows add up to `count`."""
    drawn: np.ndarray = random.multinomial(count, np.full(count, 1 / count), size=replicates)
    return drawn


def around(value: float, replicates: np.ndarray, low: float = -math.inf, high: float = math.inf) -> Interval:
    """The interval of a value from its replicates (B,), clipped to the figure's range; unknown for fewer than two."""
    return within(value, deviation(replicates), len(replicates), low, high)


def deviation(replicates: np.ndarray) -> float:
    """The standard deviation of replicates (B,); NaN for fewer than two, or if one isn't finite."""
    known = len(replicates) > 1 and np.isfinite(replicates).all()
    return float(np.std(replicates, ddof=1)) if known else math.nan


def within(value: float, error: float, count: int, low: float = -math.inf, high: float = math.inf) -> Interval:
    """value +- t error, for an error estimated from `count` numbers."""
    if count < 2 or not math.isfinite(error):
        return UNKNOWN
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    return max(low, value - half), min(high, value + half)


def of_mean(values: np.ndarray, low: float = -math.inf, high: float = math.inf) -> Interval:
    """The interval of the mean of values (N,); unknown below two of them."""
    if len(values) < 2:
        return UNKNOWN
    return within(float(values.mean()), deviation(values) / math.sqrt(len(values)), len(values), low, high)


def of_share(share: float, count: int) -> Interval:
    """Wilson's interval (1927) of a share of `count` independent cases: never empty, even at 0 and 1."""
    from scipy.special import ndtri

    z = float(ndtri((1 + LEVEL) / 2))
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def grouped(count: int, groups: int = GROUPS) -> list[slice]:
    """Nearly equal parts of `count` items, with at least two items each if possible."""
    edges = np.linspace(0, count, min(groups, max(1, count // 2)) + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]
