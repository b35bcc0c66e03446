"""Evidence that samples are copies of training images: C_T, AuthPct and MiFID, in a net's features.

    C_T     (2004.05675, section 3) of training, unseen and generated images. In each of 3 cells of the training images
            (k-means on 64 principal components), the Mann-Whitney z of the distances to the closest training image,
            samples against unseen images; their mean, weighted by the unseen images in each cell. << 0: samples lie
            closer to training images than unseen images do: copying; >> 0: further off than those: underfitting.
    AuthPct (2102.08921, section 4) the share of samples y whose closest training image x lies further from y than from
            its own closest training image. A generator of new images is at about one half, a copier near 0.
    MiFID   (2106.03062, section 3) the Frechet distance over the mean cosine distance of samples to their closest
            training image, if that is below .1; else the plain Frechet distance.

None of them proves copying or its absence (Stein et al. 2023, "Exposing flaws of generative model evaluation metrics"):
inspect the closest training images, which `memorisation` finds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gan_core.errors import BadValue
from gan_core.metrics.bootstrap import weights
from gan_core.metrics.clusters import assigned, centres_of
from gan_core.metrics.neighbours import closest

COMPONENTS = 64
CELLS = 3
FEWEST = 10  # images of each kind in a cell, below which the cell is left out
QUERIES = 2000  # samples, and unseen images, that are compared
REPLICATES = 50
COSINE = 0.1  # cosine distance below which samples count as memorised
TINY = 1e-14


@dataclass(frozen=True)
class CopyTest:
    """C_T and its replicates (B,)."""

    value: float
    replicates: np.ndarray


def copy_test(
    training: np.ndarray, unseen: np.ndarray, made: np.ndarray, random: np.random.Generator, seed: int = 0
) -> CopyTest:
    """C_T of features (T, d), (P, d) and (Q, d); raises BadValue if no cell has enough of all three."""
    training, unseen, made = _principal([training, unseen[:QUERIES], made[:QUERIES]])
    cells = _cells(training, [training, unseen, made], seed)
    far = [closest(rows, [training]).distances for rows in (unseen, made)]
    found = _of_cells(far, cells[1:])
    if found is None:
        raise BadValue(
            "C_T needs at least {least} unseen images and as many samples in one of {cells} groups of training images.",
            least=FEWEST, cells=CELLS,
        )  # fmt: skip
    drawn = []
    for _ in range(REPLICATES):
        chosen = [random.integers(len(rows), size=len(rows)) for rows in far]
        value = _of_cells(
            [rows[places] for rows, places in zip(far, chosen, strict=True)],
            [rows[places] for rows, places in zip(cells[1:], chosen, strict=True)],
        )
        if value is not None:
            drawn.append(value)
    return CopyTest(found, np.array(drawn))


def _principal(sides: list[np.ndarray]) -> list[np.ndarray]:
    """Projects rows (N, d) on the first COMPONENTS principal components of the first side, if there are more."""
    if sides[0].shape[1] <= COMPONENTS:
        return sides
    mean = sides[0].mean(0, dtype=np.float64)
    covariance = np.cov(sides[0], rowvar=False)
    vectors = np.linalg.eigh(covariance)[1][:, -COMPONENTS:]
    return [(rows - mean) @ vectors for rows in sides]


def _cells(training: np.ndarray, sides: list[np.ndarray], seed: int) -> list[np.ndarray]:
    centres = centres_of(training, min(CELLS, len(training)), seed)
    return [assigned(rows, centres) for rows in sides]


def _of_cells(far: list[np.ndarray], cells: list[np.ndarray]) -> float | None:
    """The mean of z over cells, weighted by the unseen images there; None if all cells have too few."""
    scores, shares = [], []
    for cell in range(CELLS):
        unseen, made = (rows[own == cell] for rows, own in zip(far, cells, strict=True))
        if min(len(unseen), len(made)) >= FEWEST:
            scores.append(mann_whitney(made, unseen))
            shares.append(len(unseen))
    return float(np.average(scores, weights=shares)) if scores else None


def mann_whitney(one: np.ndarray, other: np.ndarray) -> float:
    """z of the Mann-Whitney U test without a correction for continuity: below 0 if the first are smaller."""
    from scipy.stats import rankdata

    n, m = len(one), len(other)
    ranks = rankdata(np.concatenate([one, other]))
    _, ties = np.unique(ranks, return_counts=True)
    u = ranks[:n].sum() - n * (n + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - (ties**3 - ties).sum() / (total * (total - 1)))
    return float((u - n * m / 2) / np.sqrt(variance)) if variance > 0 else 0.0


def authentic(squares: np.ndarray, places: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Which samples aren't copies, bool (M,), from their squared distances to the closest of N training images and its
    index (M,), and each training image's squared distance to its own closest one (N,).
    """
    found: np.ndarray = squares > own[places]
    return found


def cosine_to_closest(training: np.ndarray, made: np.ndarray) -> np.ndarray:
    """1 - |cos| of each sample (M, d) to the training image (N, d) of the closest direction, in [0, 1], (M,)."""
    real, rows = (_unit(side) for side in (training, made))
    found = [1 - np.abs(rows[start : start + 500] @ real.T).max(1) for start in range(0, len(rows), 500)]
    return np.concatenate(found)


def mifid(frechet: float, distances: np.ndarray) -> float:
    """MiFID from a Frechet distance and cosine distances (M,)."""
    mean = float(distances.mean())
    return frechet / ((mean if mean < COSINE else 1.0) + TINY)


def mifid_replicates(frechets: np.ndarray, distances: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """MiFID of replicates of the Frechet distance (B,), with as many replicates of the mean of distances (M,)."""
    means = weights(random, len(distances), len(frechets)) @ distances / len(distances)
    found: np.ndarray = frechets / (np.where(means < COSINE, means, 1.0) + TINY)
    return found


def _unit(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features, np.float32)
    found: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found
