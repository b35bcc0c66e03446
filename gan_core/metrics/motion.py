"""Films of one moving object: whether it stays the same object, and whether it moves like the data.

`Moving` has statistics of the centre of brightness over the frames of films uint8 (N, C, T, H, W):

    speed     pixels a frame, mean and standard deviation over films
    straight  the mean cosine between one step and the next: 1 on a line, 0 for random directions
    jerk      difference of one step and the next, as a share of the speed: 0 for a steady motion

`kept` uses a classifier of frames: the share of a film's frames with the film's most frequent class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Classify = Callable[[np.ndarray], np.ndarray]  # uint8 frames (N, C, H, W) -> classes (N,)
LEAST_STEP = 0.2  # pixels, below which a step has no direction


@dataclass(frozen=True)
class Moving:
    """Statistics of motion, see the module's docstring."""

    speed: float
    spread: float
    straight: float
    jerk: float


def middles(films: np.ndarray) -> np.ndarray:
    """The centre of brightness of each frame, (N, T, 2) in pixels, x first; for dark frames the picture's centre."""
    bright = films.astype(np.float64).mean(1)  # (N, T, H, W)
    total = bright.sum((2, 3))
    height, width = bright.shape[2:]
    across, down = bright.sum(2) @ np.arange(width), bright.sum(3) @ np.arange(height)
    dark = total < 1
    total = np.where(dark, 1, total)
    x = np.where(dark, (width - 1) / 2, across / total)
    return np.stack([x, np.where(dark, (height - 1) / 2, down / total)], -1)


def moving(films: np.ndarray) -> Moving:
    """The motion of the brightness in films uint8 (N, C, T, H, W)."""
    steps = np.diff(middles(films), axis=1)  # (N, T - 1, 2)
    lengths = np.linalg.norm(steps, axis=2)
    one, other = lengths[:, :-1], lengths[:, 1:]
    known = (one > LEAST_STEP) & (other > LEAST_STEP)
    cosine = (steps[:, :-1] * steps[:, 1:]).sum(2) / np.maximum(one * other, 1e-9)
    speeds = lengths.mean(1)
    changes = np.linalg.norm(np.diff(steps, axis=1), axis=2).mean()
    straight = float(cosine[known].mean()) if known.any() else 0.0
    return Moving(float(speeds.mean()), float(speeds.std()), straight, float(changes / max(speeds.mean(), 1e-9)))


def kept(films: np.ndarray, classify: Classify) -> np.ndarray:
    """The share of frames with the most frequent class, for each film uint8 (N, C, T, H, W), (N,)."""
    count, _, length = films.shape[:3]
    frames = films.swapaxes(1, 2).reshape(count * length, films.shape[1], *films.shape[3:])
    classes = classify(frames).reshape(count, length)
    most = np.array([np.bincount(row).max() for row in classes])
    return np.asarray(most / length)


def majority(films: np.ndarray, classify: Classify) -> np.ndarray:
    """The most frequent class of each film, (N,)."""
    count, _, length = films.shape[:3]
    frames = films.swapaxes(1, 2).reshape(count * length, films.shape[1], *films.shape[3:])
    return np.array([np.bincount(row).argmax() for row in classify(frames).reshape(count, length)])
