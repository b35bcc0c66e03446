"""Estimates JPEG compression and noise in an image, from its file's quantisation tables and its pixels.

Super-resolution networks would amplify both as if they were detail; see models/enlarging.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

BLOCK = 8  # pixels of JPEG's blocks
USUAL_TABLE = 3689  # sum of JPEG's example table for brightness, which is quality 50 (ITU-T T.81, K.1)
PATCH = 8  # pixels of the squares whose noise is measured
QUIET = 0.1  # share of the quietest squares: texture is somewhere, noise everywhere
LEAST_SIDE = 32  # pixels of a picture whose pixels can tell
MOST_SIDE = 1024  # pixels that are looked at, of the middle
DRAWN = 12.0  # steps larger than any quality leaves: pixels drawn as squares


@dataclass(frozen=True)
class Damage:
    """`quality` 1..100 of a JPEG file's brightness, None of others; `steps` how much larger the steps at the borders of
    blocks are than those inside, about 1 where there are none; `noise` of a channel, as a standard deviation in levels
    of 255; `fine` the same of all that is as fine as noise, texture and noise together.
    """

    quality: int | None
    steps: float
    noise: float
    fine: float = 0.0


def damage_of(array: np.ndarray, quality: int | None = None) -> Damage:
    """Of a picture (H, W, C) of uint8 or uint16, and the quality that its file says."""
    colours = _middle(array)
    if min(colours.shape[:2]) < LEAST_SIDE:
        return Damage(quality, 1.0, 0.0)
    noise, fine = np.mean([_noise(colours[:, :, channel]) for channel in range(colours.shape[2])], 0)
    return Damage(quality, _steps(colours.mean(2)), float(noise), float(fine))


def jpeg_quality(image: Image.Image) -> int | None:
    """The quality that an open file was saved at, from its tables, as libjpeg counts it; None where it is no JPEG."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    percent = 100.0 * float(sum(tables[min(tables)])) / USUAL_TABLE
    return round(min(100.0, max(1.0, 5000 / percent if percent > 100 else (200 - percent) / 2)))


def _middle(array: np.ndarray) -> np.ndarray:
    """(H, W, C) -> (h, w, 1 or 3) of levels in 0..255, without alpha."""
    top, left = (max(0, (length - MOST_SIDE) // 2) for length in array.shape[:2])
    count = 3 if array.shape[2] >= 3 else 1
    part = array[top : top + MOST_SIDE, left : left + MOST_SIDE, :count].astype(np.float32)
    return part / 257 if array.dtype == np.uint16 else part


def _steps(levels: np.ndarray) -> float:
    """At one of 64 places of the grid, which a cut may have moved: the steps there over those elsewhere, both ways."""
    both = []
    for lines in (levels, levels.T):
        # how far a pixel's step is from the mean of its neighbours' steps: edges of things count less
        steps = np.abs(np.diff(lines, axis=1))
        beyond = np.abs(lines[:, 1:-2] - lines[:, 2:-1]) - (steps[:, :-2] + steps[:, 2:]) / 2
        means = [beyond[:, place::BLOCK].clip(0, 16).mean() for place in range(BLOCK)]
        rest = (np.sum(means) - np.max(means)) / (BLOCK - 1)
        both.append((np.max(means) + 0.1) / (rest + 0.1))
    return float(min(both)) if min(both) < DRAWN else 1.0


def _noise(levels: np.ndarray) -> tuple[float, float]:
    """Of what a mask leaves that takes away planes (Immerkaer 1996): in the quietest squares, and everywhere."""
    left = (
        levels[:-2, :-2] + levels[2:, :-2] + levels[:-2, 2:] + levels[2:, 2:] + 4 * levels[1:-1, 1:-1]
        - 2 * (levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:])
    ) / 6  # fmt: skip
    high, wide = (length // PATCH for length in left.shape)
    squares = left[: high * PATCH, : wide * PATCH].reshape(high, PATCH, wide, PATCH).swapaxes(1, 2)
    return float(np.quantile(squares.reshape(high * wide, -1).std(1), QUIET)) / 0.9, float(left.std())
