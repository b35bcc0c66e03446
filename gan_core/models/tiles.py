"""Tiling of large images: positions, margins, and blending.

A tile is read with a margin. If the margin covers the receptive field, the parts match exactly and are joined directly.
Otherwise neighbours overlap and are blended, far enough from the tiles' own edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels of the input: it reads [start, stop), and contributes to [first, last)."""

    start: int
    stop: int
    first: int
    last: int
    fade_in: int  # pixels after `first` over which its weight rises; 0 at the image's border
    fade_out: int  # pixels before `last` over which its weight falls

    def weights(self, scale: int) -> Tensor:
        """The weight of each output pixel, ((last - first) * scale,); those of neighbours add up to 1."""
        counts = torch.ones((self.last - self.first) * scale)
        rise, fall = self.fade_in * scale, self.fade_out * scale
        counts[:rise] = _smooth(rise)
        counts[len(counts) - fall :] = _smooth(fall).flip(0)
        return counts


def _smooth(count: int) -> Tensor:
    """A ramp from 0 to 1 of `count` values that adds up to 1 with its mirror image."""
    return torch.sin(torch.pi / 2 * (torch.arange(count) + 0.5) / max(1, count)).square()


def spans(length: int, core: int, margin: int, fade: int) -> list[Span]:
    """Tiles along an axis of `length` pixels: parts of about `core`, read with `margin`, overlapping by 2 * `fade`.

    `core` is at least 4 * `fade`, and `fade` at most `margin`.
    """
    count = -(-length // core)
    bounds = [round(place * length / count) for place in range(count + 1)]
    found = []
    for begin, end in pairwise(bounds):
        before, after = (fade if begin else 0), (fade if end < length else 0)
        read = max(0, begin - margin), min(length, end + margin)
        found.append(Span(*read, begin - before, end + after, 2 * before, 2 * after))
    return found


def strips(rows: list[Span], columns: list[Span], scale: int, made: Callable[[Span, Span], Tensor]) -> Iterator[Tensor]:
    """The whole output from top to bottom, (C, some rows, W * scale) at a time.

    `made(row, column)` returns a tile's input, enlarged: (C, (stop - start) * scale, (stop - start) * scale).
    """
    carried: Tensor | None = None  # contribution of the rows above to the first rows of the next strip
    width = columns[-1].last * scale
    for row in rows:
        strip: Tensor | None = None
        down = row.weights(scale)[:, None]
        for column in columns:
            tile = made(row, column)
            top, left = (row.first - row.start) * scale, (column.first - column.start) * scale
            weight = down * column.weights(scale)  # (h, w)
            part = tile[:, top : top + weight.shape[0], left : left + weight.shape[1]] * weight
            if strip is None:
                strip = torch.zeros(len(tile), weight.shape[0], width)
            strip[:, :, column.first * scale : column.last * scale] += part
        assert strip is not None
        if carried is not None:
            strip[:, : carried.shape[1]] += carried
        done = strip.shape[1] - row.fade_out * scale
        carried = strip[:, done:].clone() if row.fade_out else None
        yield strip[:, :done]
