"""Frechet distance between two sets of features, each modelled as a Gaussian (1706.08500, equation 6).

    d^2 = |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))

As everywhere in the literature, the number that is reported is the square. Means m and covariances C (over n - 1) are
gathered batch by batch in float64, so that memory does not grow with the samples. The estimate is biased: it falls as n
grows, so only numbers of the same n and the same net can be compared, and both belong to its name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import BadValue

Matrix = NDArray[np.float64]


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
        """More rows, (B, d)."""
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
        """The fitted Gaussian; raises BadValue below two rows."""
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
    nothing complex arises, and a singular covariance needs no small number added, unlike a general matrix root.
    """
    from scipy.linalg import eigh

    values, vectors = eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = eigh(root @ other.covariance @ root, eigvals_only=True)
    shift = one.mean - other.mean
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    return max(0.0, float(shift @ shift + traces - 2 * np.sqrt(product.clip(0)).sum()))
