"""Label obedience of a conditional model: a classifier's class for each requested class, as a matrix.

A row is a requested class, a column a predicted one; rows sum to 1. The share on the diagonal is how often the label is
obeyed; for real images the same share is the net's accuracy, which limits what can be measured. A model that ignores
its label has equal rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Obedience:
    """Counts (asked, seen) and the names of both."""

    counts: np.ndarray
    asked: tuple[str, ...]
    seen: tuple[str, ...]

    @property
    def shares(self) -> np.ndarray:
        """The shares of each row; NaN for a class that wasn't requested, (asked, seen)."""
        with np.errstate(invalid="ignore"):
            found: np.ndarray = self.counts / self.counts.sum(1, keepdims=True)
        return found

    @property
    def obeyed(self) -> float:
        """The share of samples that show the requested class."""
        return float(self._hits().sum() / self.counts.sum())

    @property
    def of_each(self) -> dict[str, float]:
        """The share for each requested class."""
        totals = self.counts.sum(1)
        return {
            name: float(hit / total) for name, hit, total in zip(self.asked, self._hits(), totals, strict=True) if total
        }

    def _hits(self) -> np.ndarray:
        places = [self.seen.index(name) for name in self.asked]
        return self.counts[np.arange(len(places)), places]


def obedience(asked: np.ndarray, seen: np.ndarray, asked_names: Sequence[str], seen_names: Sequence[str]) -> Obedience:
    """The matrix for requested and predicted classes, ints (N,), indices of the names."""
    counts = np.zeros((len(asked_names), len(seen_names)), np.int64)
    np.add.at(counts, (asked, seen), 1)
    return Obedience(counts, tuple(asked_names), tuple(seen_names))


def matched_names(asked: Sequence[str], seen: Sequence[str]) -> tuple[str, ...] | None:
    """The net's names for the model's classes: the same names in any order, else as many in order; else None."""
    if set(asked) == set(seen):
        return tuple(asked)
    return tuple(seen) if len(asked) == len(seen) else None
