"""From attribute vectors to pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_core.data.avatars.accessories import draw_earrings, draw_glasses, draw_hat
from gan_core.data.avatars.attributes import ATTRIBUTES, checked
from gan_core.data.avatars.face import (
    draw_background,
    draw_beard,
    draw_brows,
    draw_cheeks,
    draw_clothes,
    draw_eyes,
    draw_head,
    draw_mouth,
    draw_neck,
    draw_nose,
)
from gan_core.data.avatars.hair import draw_hair_back, draw_hair_front
from gan_core.data.avatars.palette import palette_of
from gan_core.data.avatars.pen import Pen
from gan_core.errors import BadValue

SIZES = tuple(range(32, 129, 16))

PARTS = (  # from back to front
    draw_background,
    draw_hair_back,
    draw_neck,
    draw_clothes,
    draw_head,
    draw_cheeks,
    draw_beard,
    draw_nose,
    draw_mouth,
    draw_eyes,
    draw_hair_front,
    draw_brows,
    draw_hat,
    draw_glasses,
    draw_earrings,
)


def draw_avatars(values: ArrayLike, size: int) -> NDArray[np.uint8]:
    """(N, len(ATTRIBUTES)) value indices -> (N, 3, size, size) RGB pictures."""
    rows = np.atleast_2d(checked(values))
    if size not in SIZES:
        raise BadValue(
            "Avatars cannot be drawn at {size} pixels. Valid: {sizes}.", sizes=", ".join(map(str, SIZES)), size=size
        )
    pictures = np.empty((len(rows), 3, size, size), dtype=np.uint8)
    for picture, row in zip(pictures, rows, strict=True):
        picture[:] = _draw(row, size)
    return pictures


def draw_avatar(values: ArrayLike, size: int) -> NDArray[np.uint8]:
    """One face, (len(ATTRIBUTES),) value indices -> (3, size, size) RGB."""
    (picture,) = draw_avatars(np.asarray(values)[None], size)
    return np.asarray(picture)


def _draw(row: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    look = {a.name: a.values[index] for a, index in zip(ATTRIBUTES, row.tolist(), strict=True)}
    pen, palette = Pen(size), palette_of(look)
    for draw_part in PARTS:
        draw_part(pen, palette, look)
    return pen.finish()
