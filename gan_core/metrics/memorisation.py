"""Memorisation: distances of samples to their nearest training images, relative to those between training images.

Distances are Euclidean between pixels in 0..255, of images averaged down to 32 pixels if they are larger. Samples of a
generator that memorises lie far closer to a training image than training images do to one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gan_core.data.base import DataSet
from gan_core.metrics.neighbours import closest
from gan_core.metrics.streams import chosen_places

SIDE = 32  # pixels
TOGETHER = 1000  # training images processed together
RARE = 1.0  # percent of training images that are as close to another one as a copy


@dataclass(frozen=True)
class Memorisation:
    """`ratio`: the median distance of samples to their closest training image over that of training images to theirs;
    about 1 for new images, near 0 for copies. `copied`: the share of samples that lie closer to a training image than
    99 % of training images do; about 0.01 for new images, 1 for copies. `places` (Q,) and `distances` (Q,): each
    sample's closest training image. `usual`: the median distance of training images to their closest one.
    """

    ratio: float
    copied: float
    places: np.ndarray
    distances: np.ndarray
    usual: float


def memorisation(samples: np.ndarray, data: DataSet, seed: int = 0) -> Memorisation:
    """Compares each sample, uint8 (Q, C, H, W), with the whole data set."""
    images = data.arrays["real"]
    chosen = chosen_places(len(images), len(samples), seed)
    queries = np.concatenate([_flat(samples), _flat(images[chosen])])
    own = np.concatenate([np.full(len(samples), -1), chosen])  # a training image is not its own neighbour
    found = closest(queries, _training(images), skip=own)
    made, real = found.distances[: len(samples)], found.distances[len(samples) :]
    usual = max(float(np.median(real)), 1e-9)
    copied = float((made <= np.percentile(real, RARE)).mean())
    return Memorisation(float(np.median(made)) / usual, copied, found.places[: len(samples)], made, usual)


def _training(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), TOGETHER):
        yield _flat(images[start : start + TOGETHER])


def _flat(images: np.ndarray) -> np.ndarray:
    """(B, C, H, W) -> (B, C * h * w), h = w <= SIDE: squares of pixels are averaged."""
    factor = -(-images.shape[-1] // SIDE)
    small = images.astype(np.float64)
    if factor > 1:
        count, channels, side = *images.shape[:2], images.shape[-1] // factor
        whole = small[:, :, : side * factor, : side * factor]
        # (B, C, H, W) -> (B, C, h, factor, w, factor) -> (B, C, h, w)
        small = whole.reshape(count, channels, side, factor, side, factor).mean((3, 5))
    return small.reshape(len(small), -1)  # (B, C, h, w) -> (B, C * h * w)
