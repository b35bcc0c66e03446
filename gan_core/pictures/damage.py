"""Estimates JPEG compression and noise in an image, from its file's quantisation tables and its pixels.

Super-resolution networks would amplify both as if they were detail; see models/enlarging.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

BLOCK = 8  # side of JPEG's blocks, pixels
USUAL_TABLE = 3689  # sum of JPEG's example luminance table, which is quality 50 (ITU-T T.81, K.1)
PATCH = 8  # side of the squares in which noise is measured, pixels
QUIET = 0.1  # quantile of the squares that is taken for noise: texture is local, noise is everywhere
LEAST_SIDE = 32  # smallest image that can be analysed, pixels
MOST_SIDE = 1024  # side of the centre part that is analysed, pixels
DRAWN = 12.0  # block steps larger than JPEG produces: enlarged pixel art


@dataclass(frozen=True)
class Damage:
    """`quality`: JPEG quality of the luminance, 1..100; None for other files. `steps`: ratio of the steps at block
    borders to those inside, about 1 without block artefacts. `noise`: standard deviation per channel, in levels of 255.
    `fine`: the same for all fine detail, texture and noise together.
    """

    quality: int | None
    steps: float
    noise: float
    fine: float = 0.0


def damage_of(array: np.ndarray, quality: int | None = None) -> Damage:
    """Analyses an image (H, W, C), uint8 or uint16; `quality` is the JPEG quality of its file."""
    colours = _middle(array)
    if min(colours.shape[:2]) < LEAST_SIDE:
        return Damage(quality, 1.0, 0.0)
    noise, fine = np.mean([_noise(colours[:, :, channel]) for channel in range(colours.shape[2])], 0)
    return Damage(quality, _steps(colours.mean(2)), float(noise), float(fine))


def jpeg_quality(image: Image.Image) -> int | None:
    """The libjpeg quality of an open JPEG file, from its quantisation tables; None for other formats."""
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    percent = 100.0 * float(sum(tables[min(tables)])) / USUAL_TABLE
    return round(min(100.0, max(1.0, 5000 / percent if percent > 100 else (200 - percent) / 2)))


def _middle(array: np.ndarray) -> np.ndarray:
    """(H, W, C) -> the centre (h, w, 1 or 3) with values in 0..255, without alpha."""
    top, left = (max(0, (length - MOST_SIDE) // 2) for length in array.shape[:2])
    count = 3 if array.shape[2] >= 3 else 1
    part = array[top : top + MOST_SIDE, left : left + MOST_SIDE, :count].astype(np.float32)
    return part / 257 if array.dtype == np.uint16 else part


def _steps(levels: np.ndarray) -> float:
    """Ratio of the steps at block borders to those elsewhere, for the best of 8 offsets in each direction."""
    both = []
    for lines in (levels, levels.T):
        # steps relative to the neighbouring steps, so that edges in the image count less
        steps = np.abs(np.diff(lines, axis=1))
        beyond = np.abs(lines[:, 1:-2] - lines[:, 2:-1]) - (steps[:, :-2] + steps[:, 2:]) / 2
        means = [beyond[:, place::BLOCK].clip(0, 16).mean() for place in range(BLOCK)]
        rest = (np.sum(means) - np.max(means)) / (BLOCK - 1)
        both.append((np.max(means) + 0.1) / (rest + 0.1))
    return float(min(both)) if min(both) < DRAWN else 1.0


def _noise(levels: np.ndarray) -> tuple[float, float]:
    """Standard deviation of a Laplacian-like residual (Immerkaer 1996): in the quietest squares, and overall."""
    left = (
        levels[:-2, :-2] + levels[2:, :-2] + levels[:-2, 2:] + levels[2:, 2:] + 4 * levels[1:-1, 1:-1]
        - 2 * (levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:])
    ) / 6  # fmt: skip
    high, wide = (length // PATCH for length in left.shape)
    squares = left[: high * PATCH, : wide * PATCH].reshape(high, PATCH, wide, PATCH).swapaxes(1, 2)
    return float(np.quantile(squares.reshape(high * wide, -1).std(1), QUIET)) / 0.9, float(left.std())
