"""What a super-resolution model added to a picture, by scaling its result down again.

Scaling down, D, keeps only a part of a large picture y. With U, scaling up,

    y = U D y + (y - U D y)

the second part vanishes when y is scaled down, so nothing in the small picture x confirms it: the model invented it. If
D y differs from x, the model has changed what was there. D and U are bicubic, D with antialiasing, as `srgan` learns.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

BICUBIC = Image.Resampling.BICUBIC
FULL = 40  # levels of 255 that are shown in full colour
COLOUR = (255, 122, 0)  # orange, distinguishable with colour blindness
DIMMED = 0.35  # brightness of the picture under the map


def invented(result: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """The root mean square of y - U D y in each pixel of the small picture, in levels of 255: float (H, W).

    `size` is the small picture's width and height, of which the result's are whole multiples.
    """
    width, height = size
    large = np.asarray(result.convert("RGB"), np.float32)
    known = np.asarray(result.convert("RGB").resize(size, BICUBIC).resize(result.size, BICUBIC), np.float32)
    squares = ((large - known) ** 2).reshape(height, large.shape[0] // height, width, large.shape[1] // width, 3)
    levels: np.ndarray = np.sqrt(squares.mean((1, 3, 4)))
    return levels


def changed(result: Image.Image, source: Image.Image) -> float:
    """The mean difference |D y - x|, in levels of 255."""
    small = np.asarray(result.convert("RGB").resize(source.size, BICUBIC), np.float32)
    return float(np.abs(small - np.asarray(source.convert("RGB"), np.float32)).mean())


def invention_map(result: Image.Image, source: Image.Image) -> Image.Image:
    """`invented` in orange over a dim, grey copy of the result, of the result's size."""
    levels = Image.fromarray(invented(result, source.size)).resize(result.size, BICUBIC)
    share = np.clip(np.asarray(levels) / FULL, 0, 1)[..., None]
    grey = DIMMED * np.asarray(result.convert("L"), np.float32)[..., None]
    return Image.fromarray(((1 - share) * grey + share * np.array(COLOUR, np.float32)).round().astype(np.uint8))
