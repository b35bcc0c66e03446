"""The distributions of the point sets in closed form: mixtures of round Gaussians, from which p(x) is computed.

Three sets are such mixtures. The others are curves with noise around them: curves are represented by nodes, whose
spacing is far below the width of the noise, so that the density is exact to four digits. Points drawn by a user are a
mixture by definition: one Gaussian around each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gan_core.data.base import sources
from gan_core.data.user import drawn_points
from gan_core.errors import UnknownName

BLOCK = 4096  # nodes whose densities are computed at once


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians around nodes (K, 2), all of the same standard deviation and weight."""

    nodes: np.ndarray
    sigma: float

    def density(self, places: np.ndarray) -> np.ndarray:
        """p at places (N, 2), (N,)."""
        found = np.zeros(len(places))
        for start in range(0, len(self.nodes), BLOCK):
            apart = places[:, None] - self.nodes[None, start : start + BLOCK]
            found += np.exp(-0.5 * np.einsum("nkd,nkd->nk", apart, apart) / self.sigma**2).sum(1)
        return found / (len(self.nodes) * 2 * math.pi * self.sigma**2)

    def cells(self, reach: float, side: int) -> np.ndarray:
        """The probability of each of `side` x `side` cells of the square [-reach, reach]^2: rows are y, upwards."""
        edges = np.linspace(-reach, reach, side + 1)
        found = np.zeros((side, side))
        for start in range(0, len(self.nodes), BLOCK):
            nodes = self.nodes[start : start + BLOCK]
            across, upwards = (
                np.diff(_below(edges[None] - nodes[:, axis, None], self.sigma), axis=1) for axis in (0, 1)
            )
            found += upwards.T @ across  # (side, K) @ (K, side)
        return found / len(self.nodes)


def _below(distances: np.ndarray, sigma: float) -> np.ndarray:
    """The normal distribution function."""
    from scipy.special import ndtr

    found: np.ndarray = ndtr(distances / sigma)
    return found


def is_known(reference: str) -> bool:
    """Whether the density of a data set is known."""
    return drawn_points.is_drawn(reference) or (reference in sources and sources.get(reference).mixture is not None)


@lru_cache(maxsize=16)
def mixture(reference: str) -> Mixture:
    """The distribution of a set of points; raises UnknownName, or BadValue for invalid drawn points."""
    if drawn_points.is_drawn(reference):
        return Mixture(drawn_points.points_of(reference), drawn_points.SIGMA)
    source = sources.get(reference)
    if source.mixture is None:
        raise UnknownName("data set", reference, [one.name for one in sources if one.mixture is not None])
    found: Mixture = source.mixture()
    return found


@lru_cache(maxsize=16)
def reach(reference: str) -> float:
    """Half the side of the square around 0 in which a set is shown and measured."""
    if drawn_points.is_drawn(reference):
        return drawn_points.REACH
    known = mixture(reference)
    return 1.25 * (float(np.abs(known.nodes).max()) + 3 * known.sigma)
