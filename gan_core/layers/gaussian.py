"""A Gaussian fitted to points of a latent space, and whitening."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Gaussian(NamedTuple):
    """Mean (d,) and covariance (d, d) of points, in double precision."""

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, points: Tensor) -> Gaussian:
        """The Gaussian fitted to points (N, d)."""
        precise = points.double().cpu()
        return cls(precise.mean(0), precise.T.cov())

    @property
    def root(self) -> Tensor:
        """The symmetric square root of the covariance, (d, d): maps whitened to original deviations."""
        values, vectors = torch.linalg.eigh(self.covariance)
        root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
        return root

    @property
    def whitening(self) -> Tensor:
        """The inverse of `root`, (d, d), regularised in directions with hardly any variance."""
        values, vectors = torch.linalg.eigh(self.covariance)
        inverse: Tensor = (vectors * values.clamp(min=1e-6 * float(values.max())).rsqrt()) @ vectors.T
        return inverse

    def unit(self, vector: Tensor) -> Tensor:
        """The vector (d,) scaled to one standard deviation of the points along it."""
        normal = vector.double() / vector.double().norm()
        scaled: Tensor = normal * (normal @ self.covariance @ normal).clamp(min=0).sqrt()
        return scaled
