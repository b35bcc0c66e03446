"""Pencil drawings of the same faces, by a pen that replaces the colour pen.

A shape gets a dark outline and a shading that depends on its brightness, so that the drawing shows shapes and tones but
not colours. Background and cheeks stay white.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ImageDraw

from gan_core.data.avatars.attributes import ATTRIBUTES, checked
from gan_core.data.avatars.drawing import PARTS
from gan_core.data.avatars.face import draw_background, draw_cheeks
from gan_core.data.avatars.palette import mix, palette_of
from gan_core.data.avatars.pen import Colour, Pen, Shape

PAPER = (252, 250, 245)
GRAPHITE = (62, 60, 66)
SHADING = 0.55  # how much of a colour's darkness is laid on the paper
LINE = 0.55  # units, the width of an outline


class PencilPen(Pen):
    """Draws outlines and shades."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.image.paste(PAPER, (0, 0, *self.image.size))
        self.width = max(1, round(LINE * self.scale))
        self.opaque = ImageDraw.Draw(self.image)

    def fill(self, shape: Shape, colour: Colour) -> None:
        if len(colour) == 4:  # a veil, such as a blush or the glass of a lens
            return
        outline = shape.pixels(self.scale)
        self.opaque.polygon(outline, fill=_shade(colour))
        self.opaque.line([*outline, *outline[:2]], fill=GRAPHITE, width=self.width)  # a polygon's own is slow


@cache
def _shade(colour: Colour) -> Colour:
    red, green, blue = colour[:3]
    darkness = 1 - (0.299 * red + 0.587 * green + 0.114 * blue) / 255
    return mix(PAPER, GRAPHITE, SHADING * darkness)


def draw_pencil(values: ArrayLike, size: int) -> NDArray[np.uint8]:
    """(N, len(ATTRIBUTES)) value indices -> (N, 3, size, size) drawings of the faces that `draw_avatars` paints."""
    rows = np.atleast_2d(checked(values))
    return np.stack([_draw(row, size) for row in rows])


def _draw(row: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    look = {a.name: a.values[index] for a, index in zip(ATTRIBUTES, row.tolist(), strict=True)}
    pen, palette = PencilPen(size), palette_of(look)
    for draw_part in PARTS:
        if draw_part not in (draw_background, draw_cheeks):
            draw_part(pen, palette, look)
    return pen.finish()
