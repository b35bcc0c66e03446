"""MS-SSIM of pairs of samples: their similarity to one another (1610.09585, section 4.1).

    MS-SSIM = prod_j cs_j^w_j * ssim_M^w_M,   cs_j: contrast and structure at scale j, each half the size of the last

High for samples that are all alike: a value above that of real images indicates collapse. If classes are known, pairs
are of one class, so that different classes don't count as variety. The weights are those of Wang et al. 2003; an image
that is too small for five scales has as many as its side allows (the window is 11 pixels), with their weights scaled to
a sum of 1: figures for different image sizes can't be compared. Differs from torchmetrics 1.9, which mirrors the
borders.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from gan_core.metrics.bootstrap import Interval, within
from gan_core.objectives.fidelity import WINDOW, similarity

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
PAIRS = 500
CHUNK = 64


def scales(side: int) -> int:
    """The number of scales of an image of this height and width, at least 1: the window must fit into the smallest."""
    return max(1, sum(1 for scale in range(len(WEIGHTS)) if side >> scale >= WINDOW))


def ms_ssim(one: Tensor, other: Tensor) -> Tensor:
    """MS-SSIM of each pair of images (B, C, H, W) in [-1, 1], in [0, 1], (B,)."""
    count = scales(min(one.shape[2:]))
    weights = torch.tensor(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    parts = []
    for scale in range(count):
        whole, contrast = similarity(one, other)
        parts.append(whole if scale == count - 1 else contrast)
        one, other = avg_pool2d(one, 2), avg_pool2d(other, 2)
    # powers of negative values are undefined; such a pair is maximally dissimilar
    return torch.stack([part.clamp(min=0) ** weight for part, weight in zip(parts, weights, strict=True)]).prod(0)


def pairs_of(labels: np.ndarray, random: np.random.Generator, count: int = PAIRS) -> np.ndarray:
    """Different random pairs of different items of one label, (at most `count`, 2); `labels` (N,)."""
    first = random.integers(len(labels), size=4 * count)
    second = np.empty_like(first)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        asked = np.flatnonzero(labels[first] == label)
        second[asked] = places[random.integers(len(places), size=len(asked))]
    drawn = np.sort(np.stack([first, second], 1)[first != second], axis=1)
    found: np.ndarray = random.permutation(np.unique(drawn, axis=0))[:count]
    return found


def interval_of(values: np.ndarray, pairs: np.ndarray) -> Interval:
    """The interval of the mean of values (P,) in [0, 1] of pairs (P, 2), which are alike where they share an image.

    The variance of the mean is the sum of e_p e_q over pairs p and q that share an image, over P^2; e = value - mean.
    """
    off = values - values.mean()
    of_image = np.zeros(pairs.max() + 1)
    for place in pairs.T:
        np.add.at(of_image, place, off)
    own = (off**2).sum()  # counted with both of a pair's images
    error = math.sqrt(max((of_image**2).sum() - own, own)) / len(values)
    return within(float(values.mean()), error, len(np.unique(pairs)), 0, 1)


def likeness(images: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """MS-SSIM of pairs (P, 2) of uint8 images (N, C, H, W), (P,)."""
    found = []
    for start in range(0, len(pairs), CHUNK):
        one, other = (
            torch.from_numpy(images[places].astype(np.float32)) / 127.5 - 1 for places in pairs[start : start + CHUNK].T
        )
        found.append(ms_ssim(one, other).numpy())
    return np.concatenate(found) if found else np.empty(0)
