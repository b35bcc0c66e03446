"""Measures whether two views show the same scene: one is warped to the other's pose by its depth, and the two are
compared.

Every pixel of the first view is a point in space, at its depth along its ray. The point is projected into the second
camera: its colour there should be the same, unless something nearer hides it. PSNR in dB over the pixels visible in
both, for colours in [0, 255]. Surfaces here are matt, so that only depths and the size of pixels limit it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gan_core.data.solids.camera import FIELD_OF_VIEW, Floats, camera
from gan_core.views.scenes import View

HIDDEN = 0.12  # distance behind the second view's depth from which a point counts as hidden
LEAST = 20  # pixels visible in both views, below which nothing is measured


@dataclass(frozen=True)
class Agreement:
    """`psnr` in dB (NaN if too little is visible in both), over a `share` of the first view's pixels of the scene."""

    psnr: float
    share: float


def agreement(one: View, other: View) -> Agreement:
    """Compares the colours of `one` with those of the same points in `other`, a view of the same size."""
    rows, columns = np.nonzero(_inside(one.seen))
    place, rays = camera(one.yaw, one.pitch, len(one.depth))
    points = place + one.depth[rows, columns, None] * rays[rows, columns]
    at, distance = project(points, other.yaw, other.pitch, len(other.depth))
    shown = ((at >= 0) & (at <= len(other.depth) - 1)).all(1)
    row, column = np.rint(np.clip(at, 0, len(other.depth) - 1)).astype(int).T
    shown &= other.seen[row, column] & (np.abs(distance - other.depth[row, column]) < HIDDEN)
    share = float(shown.mean()) if len(shown) else 0.0
    if shown.sum() < LEAST:
        return Agreement(math.nan, share)
    found = _bilinear(other.picture.astype(np.float64), at[shown])
    error = np.mean((found - one.picture[rows, columns][shown]) ** 2)
    return Agreement(10 * math.log10(255**2 / max(error, 1e-9)), share)


def project(points: Floats, yaw: float, pitch: float, size: int) -> tuple[Floats, Floats]:
    """Projects points (N, 3) into a camera: rows and columns (N, 2) from the first pixel's middle, and distances."""
    turn, height = np.radians(yaw), np.radians(pitch)
    outwards = np.array([np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    up = np.cross(outwards, right)
    place, _rays = camera(yaw, pitch, 1)
    away = points - place
    ahead = -away @ outwards
    wide = np.tan(np.radians(FIELD_OF_VIEW / 2)) * ahead
    at = np.stack([(1 - away @ up / wide) * size / 2, (1 + away @ right / wide) * size / 2], 1) - 0.5
    return at, np.linalg.norm(away, axis=1)


def _inside(seen: np.ndarray) -> np.ndarray:
    """Pixels whose four neighbours also show the scene: at the outline, colours and depths are mixed."""
    inner = np.zeros_like(seen)
    inner[1:-1, 1:-1] = seen[1:-1, 1:-1] & seen[:-2, 1:-1] & seen[2:, 1:-1] & seen[1:-1, :-2] & seen[1:-1, 2:]
    return inner


def _bilinear(picture: Floats, at: Floats) -> Floats:
    """Colours (N, C) between the pixels of (H, W, C)."""
    low = np.minimum(np.floor(at).astype(int), len(picture) - 2)
    down, across = (at - low)[:, :1], (at - low)[:, 1:]
    row, column = low.T
    upper = picture[row, column] * (1 - across) + picture[row, column + 1] * across
    lower = picture[row + 1, column] * (1 - across) + picture[row + 1, column + 1] * across
    mixed: Floats = upper * (1 - down) + lower * down
    return mixed
