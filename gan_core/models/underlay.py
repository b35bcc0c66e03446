"""Fills the colours of transparent pixels: they are invisible, but a super-resolution network would mix them into the
edges.

They are filled from the visible colours around: sums of colours, weighted by alpha, over 2x2 pixels, again over 2x2 of
these, and so on until each sum has something visible; then back down into the smaller ones that have nothing.
"""

from __future__ import annotations

import numpy as np

ROWS = 256  # processed together, so that a large picture needs little memory; even


def underlaid(array: np.ndarray) -> np.ndarray:
    """A picture (H, W, 2 or 4) with alpha last, its transparent pixels in the colours of visible ones nearby.

    Pixels whose alpha isn't 0 stay unchanged, as do pictures without transparent pixels or without visible ones.
    """
    clear = array[:, :, -1] == 0
    if not clear.any() or clear.all():
        return array
    levels = [np.concatenate([_summed(_weighted(array[top : top + ROWS])) for top in range(0, len(array), ROWS)])]
    while not levels[-1][:, :, -1].all():
        levels.append(_summed(levels[-1]))
    for fine, coarse in zip(levels[-2::-1], levels[:0:-1], strict=True):
        empty = fine[:, :, -1] == 0
        fine[empty] = _spread(coarse, *empty.shape)[empty]
    result = array.copy()
    for top in range(0, len(array), ROWS):
        part, hidden = result[top : top + ROWS], clear[top : top + ROWS]
        sums = _spread(levels[0][top // 2 :], *hidden.shape)[hidden]
        part[hidden, :-1] = np.rint(sums[:, :-1] / sums[:, -1:])
    return result


def _weighted(array: np.ndarray) -> np.ndarray:
    """Colours times alpha, and alpha, float32 (h, w, C + 1)."""
    levels = array.astype(np.float32)
    levels[:, :, :-1] *= levels[:, :, -1:]
    return levels


def _summed(values: np.ndarray) -> np.ndarray:
    """(h, w, C) -> (h / 2, w / 2, C), rounded up: sums over 2x2."""
    height, width, channels = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    # (h, w, C) -> (h / 2, 2, w / 2, 2, C) -> (h / 2, w / 2, C)
    return np.asarray(even.reshape(len(even) // 2, 2, -1, 2, channels).sum((1, 3)))


def _spread(coarse: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h / 2, w / 2, C) -> (h, w, C): each value over 2x2."""
    return coarse[: -(-height // 2)].repeat(2, 0).repeat(2, 1)[:height, :width]
