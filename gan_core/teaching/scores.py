"""Scores of samples in the plane: Inception Score, Mode Score, Frechet distance, precision and recall.

Data are four round bells, one for each class, with centres CENTRES and spread SPREAD. The "classifier" is exact, and
the "features" are x and y, so that every score of image GANs can be computed on visible points. The definitions are
those of `gan_core/metrics`, and tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CENTRES = np.array([[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]])
SPREAD = 0.5
NEAREST = 5  # k of precision and recall, as in gan_core/metrics/neighbours.py
TRAINING = np.full(len(CENTRES), 1 / len(CENTRES))  # p(y)
BELLS, CLOUD = "bells", "cloud"  # kinds of generators


@dataclass(frozen=True)
class Maker:
    """A generator: its number of classes, the spread of each, and the distance of its centres.

    `cloud` draws one bell instead, with the mean and the covariance of the data.
    """

    classes: int = len(CENTRES)
    spread: float = SPREAD
    outwards: float = 1.0
    cloud: bool = False

    def draw(self, count: int, seed: int = 0) -> np.ndarray:
        """Points (count, 2), random by seed."""
        random = np.random.default_rng(seed)
        noise = random.standard_normal((count, 2))
        if self.cloud:
            cloud: np.ndarray = noise * np.sqrt(CENTRES.var(0) + SPREAD**2)
            return cloud
        places = random.permutation(count) % self.classes
        points: np.ndarray = self.outwards * CENTRES[places] + self.spread * noise
        return points


DATA = Maker()


def probabilities(points: np.ndarray) -> np.ndarray:
    """p(y|x) of each point under the data's bells, (N, 4)."""
    squares = np.square(points[:, None] - CENTRES[None]).sum(2)  # (N, 4)
    weights = np.exp(-(squares - squares.min(1, keepdims=True)) / (2 * SPREAD**2))
    found: np.ndarray = weights / weights.sum(1, keepdims=True)
    return found


def kl(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """KL(one || other) over the last axis, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(one > 0, one * (np.log(one) - np.log(other)), 0.0)
    found: np.ndarray = terms.sum(-1)
    return found


def inception_score(p: np.ndarray) -> float:
    """exp(E_x KL(p(y|x) || p*(y))) with p* the mean of all p(y|x); between 1 and the number of classes."""
    return float(np.exp(kl(p, p.mean(0)).mean()))


def mode_score(p: np.ndarray, training: np.ndarray) -> float:
    """exp(E_x KL(p(y|x) || p(y)) - KL(p*(y) || p(y))), the definition of 1612.02136."""
    return float(np.exp(kl(p, training).mean() - kl(p.mean(0), training)))


def class_divergence(p: np.ndarray, training: np.ndarray) -> float:
    """KL(p*(y) || p(y)): 0 if the classes are as frequent as in the data; log(4 / k) for k of 4."""
    return float(kl(p.mean(0), training))


def frechet(real: np.ndarray, made: np.ndarray) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of points (N, 2).

    For matrices of two rows, tr M^(1/2) = sqrt(tr M + 2 sqrt(det M)).
    """
    one, other = np.cov(real.T), np.cov(made.T)
    product = one @ other
    root = np.sqrt(max(0.0, np.trace(product) + 2 * np.sqrt(max(0.0, float(np.linalg.det(product))))))
    shift = real.mean(0) - made.mean(0)
    return max(0.0, float(shift @ shift + np.trace(one) + np.trace(other) - 2 * root))


def within_reach(points: np.ndarray, balls: np.ndarray, k: int = NEAREST) -> float:
    """The share of points that lie in a ball around any of `balls`, which reaches to its k-th nearest neighbour."""
    among = np.linalg.norm(balls[:, None] - balls[None], axis=2)
    reach = np.partition(among, k, axis=1)[:, k]  # the nearest is the ball's own centre
    distances = np.linalg.norm(points[:, None] - balls[None], axis=2)
    return float((distances <= reach).any(1).mean())


def precision(real: np.ndarray, made: np.ndarray) -> float:
    """The share of samples that lie among the data."""
    return within_reach(made, real)


def recall(real: np.ndarray, made: np.ndarray) -> float:
    """The share of the data that lies among the samples."""
    return within_reach(real, made)


@dataclass(frozen=True)
class Scores:
    """All scores of one set of samples."""

    inception: float
    mode: float
    divergence: float
    frechet: float
    precision: float
    recall: float


@lru_cache(maxsize=64)
def scores(maker: Maker, count: int, seed: int = 1) -> Scores:
    """The scores of `count` samples against as many points of the data."""
    real, made = DATA.draw(count), maker.draw(count, seed)
    p = probabilities(made)
    return Scores(
        inception_score(p), mode_score(p, TRAINING), class_divergence(p, TRAINING), frechet(real, made),
        precision(real, made), recall(real, made),
    )  # fmt: skip
