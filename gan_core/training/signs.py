"""Signs of trouble in a run's images, as numbers for the doctor's rules. Needs only NumPy.

All of them compare features (N, d) of generated images with those of real ones, or the images themselves:

    variety             distance between samples, as a share of that between real images (see `variety`)
    samples/twins       share of samples with another sample closer than a quarter of the usual distance of neighbours
    samples/precision   share of samples within the real images' balls, samples/coverage: share of balls with a sample
                        (1904.06991 and 2002.09797, k = 5); real images against real ones have about 0.8 and 0.97
    samples/distance    energy distance to real images as a share of their own spread, 0 for the same distribution,
                        with its standard error in samples/distance_error
    samples/novelty     distance to the nearest training image, as a share of the training images' distance to theirs;
                        known where all of them fit into memory
    classes/missing     share of the classes that have less than a quarter of their share of the samples
    labels/obeyed       share of samples that look like the class they were asked for; labels/obeyed_real: of real ones
    cue                 how well a line through eight trivial statistics of an image (border, brightness, contrast,
                        levels in use, blocks) separates real from generated: 0.5 not at all, 1 always
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAREST = 5  # k of precision and coverage
TWIN = 0.25  # of the usual distance of real neighbours
RARE = 0.25  # of a class's share of the real images
LEAST_OF_A_CLASS = 6  # samples per class on average, below which classes aren't judged
RIDGE = 0.1  # of each statistic's variance
DARK, MIDDLE = 0.05, 0.25  # levels that count as extreme, and the distance from grey up to which they are in the middle


def squares(one: Array, other: Array) -> Array:
    """Squared distances (N, M) of rows (N, d) and (M, d)."""
    lengths = np.einsum("nd,nd->n", one, one)[:, None] + np.einsum("md,md->m", other, other)
    found: Array = np.maximum(lengths - 2 * one @ other.T, 0)
    return found


def to_nearest(found: Array, k: int = 1) -> Array:
    """From squared distances (N, N) of rows to themselves, each row's distance to its k-th nearest other one, (N,)."""
    others = found.copy()
    np.fill_diagonal(others, np.inf)
    others.partition(k - 1, axis=1)
    return np.sqrt(others[:, k - 1])


class Likeness:
    """Compares samples with a fixed set of real images, whose own distances are computed once.

    real: features (N, d); N is larger than NEAREST.
    """

    def __init__(self, real: Array) -> None:
        self.centre = real.mean(0)
        self.real = real - self.centre
        found = squares(self.real, self.real)
        self._reach = to_nearest(found, NEAREST)
        self._usual = float(np.median(to_nearest(found)))
        self._own = _mean_to_others(np.sqrt(found))  # (N,)

    def measure(self, made: Array) -> dict[str, float]:
        """The signs of samples (M, d), M > 1."""
        made = made - self.centre
        across = np.sqrt(squares(self.real, made))  # (N, M)
        within = squares(made, made)
        inside = across <= self._reach[:, None]
        spread, own = self._own.mean(), _mean_to_others(np.sqrt(within))
        # half of what each real image and each sample moves the distance by
        of_real, of_made = across.mean(1) - self._own, across.mean(0) - own
        error = 2 * math.sqrt(of_real.var(ddof=1) / len(of_real) + of_made.var(ddof=1) / len(of_made))
        return {
            "samples/twins": float((to_nearest(within) < TWIN * self._usual).mean()),
            "samples/precision": float(inside.any(0).mean()),
            "samples/coverage": float(inside.any(1).mean()),
            "samples/distance": float((2 * across.mean() - spread - own.mean()) / spread),
            "samples/distance_error": float(error / spread),
        }


def _mean_to_others(distances: Array) -> Array:
    found: Array = distances.sum(1) / (len(distances) - 1)
    return found


class Novelty:
    """How near samples come to training images, which are given as features (N, d)."""

    def __init__(self, training: Array) -> None:
        self.centre = training.mean(0)
        self.training = training - self.centre
        self._usual = float(np.median(to_nearest(squares(self.training, self.training))))

    @property
    def is_defined(self) -> bool:
        """Whether training images differ from each other."""
        return self._usual > 0

    def measure(self, made: Array) -> dict[str, float]:
        nearest = np.sqrt(squares(made - self.centre, self.training).min(1))
        return {"samples/novelty": float(np.median(nearest) / self._usual)}


class LooksLike:
    """Assigns samples to the class whose real images' mean is nearest; features (N, d) and labels (N,) of real ones.

    The score of real labels is measured on one half of the real images, with the means of the other.
    """

    def __init__(self, real: Array, labels: NDArray[np.int64]) -> None:
        self.classes = np.unique(labels)
        self.shares = np.array([(labels == one).mean() for one in self.classes])
        self.scale = real.std(0) + 1e-6 * (real.std() + 1e-12)
        shuffled = np.random.default_rng(0).permutation(len(real))  # sets can be sorted by class, or cycle through them
        half = shuffled[::2], shuffled[1::2]
        self._means = self._means_of(real[half[0]], labels[half[0]])
        self.floor = float((self.assigned(real[half[1]]) == labels[half[1]]).mean())
        self._means = self._means_of(real, labels)

    def _means_of(self, real: Array, labels: NDArray[np.int64]) -> Array:
        fallback = real.mean(0)
        means = [real[labels == one].mean(0) if (labels == one).any() else fallback for one in self.classes]
        found: Array = np.stack(means) / self.scale
        return found

    def assigned(self, made: Array) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.classes[squares(made / self.scale, self._means).argmin(1)]
        return found

    def measure(self, made: Array, asked: NDArray[np.int64] | None) -> dict[str, float]:
        """`asked`: the labels that the samples were generated for, (M,); None for an unconditional model."""
        assigned = self.assigned(made)
        found: dict[str, float] = {}
        if len(made) >= LEAST_OF_A_CLASS * len(self.classes) and len(self.classes) > 1:
            counted = np.array([(assigned == one).mean() for one in self.classes])
            found["classes/missing"] = float((counted < RARE * self.shares).mean())
        if asked is not None:
            found |= {"labels/obeyed": float((assigned == asked).mean()), "labels/obeyed_real": self.floor}
        return found


def statistics(images: NDArray[np.uint8]) -> Array:
    """Eight trivial statistics of images (N, C, H, W), (N, 8): in which a leak of preprocessing shows."""
    levels = images.astype(np.float64) / 255
    rim = np.concatenate(
        [levels[..., 0, :], levels[..., -1, :], levels[..., :, 0], levels[..., :, -1]], axis=-1
    ).reshape(len(images), -1)
    flat = levels.reshape(len(images), -1)
    steps = np.abs(np.diff(levels, axis=-1))  # (N, C, H, W - 1)
    blocks = steps[..., 7::8] if steps.shape[-1] > 8 else steps
    return np.stack(
        [
            rim.mean(1), rim.std(1), flat.mean(1), flat.std(1),
            # exact levels would separate rounded from smooth outputs, a cue that hardly any discriminator uses
            ((flat < DARK) | (flat > 1 - DARK)).mean(1), (np.abs(flat - 0.5) < MIDDLE).mean(1),
            steps.mean((1, 2, 3)), blocks.mean((1, 2, 3)) - steps.mean((1, 2, 3)),
        ],
        axis=1,
    )  # fmt: skip


def cue(real: Array, made: Array) -> float:
    """The area under the ROC curve of Fisher's discriminant on statistics (N, s) and (M, s), cross-validated.

    Each half is judged by the line fitted to the other half, so that noise alone scores 0.5.
    """
    areas = []
    for place in (0, 1):
        line = _fisher(real[place::2], made[place::2])
        areas.append(_area(real[1 - place :: 2] @ line, made[1 - place :: 2] @ line))
    return float(np.mean(areas))


def _fisher(real: Array, made: Array) -> Array:
    within = np.cov(real.T) + np.cov(made.T)
    scale = np.diag(within).mean() + 1e-12
    within += np.diag(RIDGE * np.diag(within) + 1e-6 * scale)
    line: Array = np.linalg.solve(within, real.mean(0) - made.mean(0))
    return line


def _area(above: Array, below: Array) -> float:
    """How often a value of `above` (N,) exceeds one of `below` (M,); ties count half."""
    difference = above[:, None] - below
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())


def correlation(one: Array, other: Array) -> Array:
    """Pearson's correlation of images' levels (N, pixels), each with its partner, (N,); 0 for a flat image."""
    one, other = one - one.mean(1, keepdims=True), other - other.mean(1, keepdims=True)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = np.einsum("np,np->n", one, other)
    found: Array = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return found
