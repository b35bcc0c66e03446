"""Whether a habit of training helps: effects paired by seed, a bootstrap interval, and a verdict by rule.

Both arms of a comparison are trained with the same seeds, and the effect of seed i is

    e_i = log(with_i / without_i)  for a ratio,    e_i = with_i - without_i  for a difference

The interval covers the mean of e_1..e_n drawn with replacement, over all n^n draws. For few seeds such an interval is
too narrow; therefore its percentiles are expanded (1411.5279, section 5.2, "expanded percentile"):

    alpha' / 2 = Phi(-sqrt(n / (n - 1)) t)        t: the 97.5 % quantile of Student's t with n - 1 degrees of freedom
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Literal

import numpy as np

Verdict = Literal["helps", "hurts", "unclear"]
FALSE_ALARMS = 0.08  # rate of clear verdicts for five effects that are only noise; verified by a test
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571}  # the 97.5 % quantile, by n


def effects(with_it: Sequence[float], without: Sequence[float], ratio: bool) -> np.ndarray:
    """The effect for each seed, (n,); ratios as natural logarithms, of numbers above 0."""
    one, other = np.asarray(with_it, float), np.asarray(without, float)
    if one.shape != other.shape:
        raise ValueError(f"effects are paired by seed, but there are {one.shape} and {other.shape}")
    found: np.ndarray = np.log(one / other) if ratio else one - other
    return found


def interval(paired: np.ndarray) -> tuple[float, float]:
    """The 95 % confidence interval of the mean of the effects (n,); n from 2 to 6."""
    count = len(paired)
    if count not in STUDENT:
        raise ValueError(f"an interval needs {min(STUDENT)} to {max(STUDENT)} seeds, not {count}")
    drawn = np.asarray(paired, float)[_draws(count)].mean(1)  # (n^n, n) -> (n^n,)
    tail = NormalDist().cdf(-math.sqrt(count / (count - 1)) * STUDENT[count])
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return float(low), float(high)


@cache
def _draws(count: int) -> np.ndarray:
    """All ways to draw `count` of as many places with replacement, (count^count, count)."""
    return np.array(list(itertools.product(range(count), repeat=count)))


def verdict(low: float, high: float, lower_is_better: bool) -> Verdict:
    """Clear only if the whole interval is on one side of 0."""
    if low <= 0 <= high:
        return "unclear"
    return "helps" if (high < 0) == lower_is_better else "hurts"


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's correlation, in [-1, 1], of two equally long series without ties; 0 if one of them is constant."""
    ranks = np.stack([np.argsort(np.argsort(series)) for series in (one, other)])
    if any(np.ptp(series) == 0 for series in (one, other)):
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])
