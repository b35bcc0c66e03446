"""Mode coverage of points with known modes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.data.base import Modes
from gan_core.errors import BadValue

NEAR = 3.0  # standard deviations within which a sample is of high quality
COVERED = 20  # high-quality samples from which a mode counts as covered
SAMPLES = 2500  # number of samples for which the counts are meant
FAIR = 0.2  # share of a mode's fair share of nearest samples, from which it counts as reached


@dataclass(frozen=True)
class Coverage:
    """`covered`: modes with 20 high-quality samples or more; `touched`: with one or more; `quality`: their share.

    `reached`: modes that are nearest to a fifth of their fair share of samples, at any distance. A diffuse cloud over
    all modes reaches them and covers none; after a collapse both are few.
    """

    covered: int
    touched: int
    modes: int
    quality: float
    reached: int


def coverage(samples: np.ndarray, modes: Modes) -> Coverage:
    """Counts the modes that samples (N, 2) reach: within 3 sigma of the nearest centre (1611.02163, 1705.07761).

    Raises BadValue for anything but points, or for fewer than 20 per mode.
    """
    if samples.ndim != 2 or samples.shape[1] != 2:
        raise BadValue("Modes are counted for points (N, 2), got shape {shape}.", shape=samples.shape)
    if len(samples) < COVERED * len(modes.centres):
        raise BadValue(
            "Counting {modes} modes needs at least {least} samples, got {count}.",
            modes=len(modes.centres), least=COVERED * len(modes.centres), count=len(samples),
        )  # fmt: skip
    distances = np.linalg.norm(samples[:, None] - modes.centres[None], axis=2)  # (N, K)
    nearest = distances.argmin(1)
    near = distances.min(1) <= NEAR * modes.sigma
    counts = np.bincount(nearest[near], minlength=len(modes.centres))
    near_by = np.bincount(nearest, minlength=len(counts))
    return Coverage(
        covered=int((counts >= COVERED).sum()),
        touched=int((counts > 0).sum()),
        modes=len(counts),
        quality=float(near.mean()),
        reached=int((near_by >= FAIR * len(samples) / len(counts)).sum()),
    )


def optimal_transport(one: np.ndarray, other: np.ndarray) -> float:
    """The exact 1-Wasserstein distance of two equally large samples (N, 2), by the optimal assignment.

    This is the quantity that a Wasserstein critic estimates (1701.07875, equation 2). The cost grows with the cube of
    N: 2,000 take seconds. Raises BadValue if the two can't be paired.
    """
    from scipy.optimize import linear_sum_assignment  # takes half a second, which training needn't wait for

    if one.shape != other.shape or one.ndim != 2:
        raise BadValue("Points {one} and {other} can't be paired.", one=one.shape, other=other.shape)
    distances = np.linalg.norm(one[:, None] - other[None], axis=2)  # (N, N)
    rows, columns = linear_sum_assignment(distances)
    return float(distances[rows, columns].mean())
