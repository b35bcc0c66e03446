"""Edges of drawn pictures: dark lines on white where the colour steps."""

from __future__ import annotations

import numpy as np

STRENGTH = 10  # how far a step in colour darkens a line, and the largest step that is none


def edges(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, C, H, W) -> their edges, uint8 (N, 3, H, W)."""
    levels = images.astype(np.int16)
    across, down = np.zeros_like(levels), np.zeros_like(levels)
    across[..., :, 1:] = np.abs(np.diff(levels, axis=3))
    down[..., 1:, :] = np.abs(np.diff(levels, axis=2))
    step = np.maximum(across, down).max(1, keepdims=True)  # (N, C, H, W) -> (N, 1, H, W)
    lines = (255 - np.minimum(255, np.maximum(0, step - STRENGTH) * STRENGTH)).astype(np.uint8)
    return np.repeat(lines, 3, 1)
