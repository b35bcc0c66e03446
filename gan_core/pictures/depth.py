"""How many bits of a deep picture are used: cameras, scanners and microscopes put 10, 12 or 14 bits into files of 16.

Taken as 16 bits, white at 4095 would be nearly black. The fewest bits of DEPTHS that hold every level are taken for the
picture's own, unless a depth is asked for: a dark picture of 16 bits can't be told from one of fewer by its levels.
"""

from __future__ import annotations

import numpy as np

from gan_core.errors import BadData, BadValue

DEPTHS = (8, 10, 12, 14, 16)
WHOLE = 16


def check_depth(depth: int) -> None:
    """Raises BadValue for a depth that isn't known; 0 leaves it to the picture."""
    if depth not in (0, *DEPTHS):
        raise BadValue("Unknown bit depth {depth}. Valid: {valid}.", depth=depth, valid=", ".join(map(str, DEPTHS)))


def white(depth: int) -> int:
    """The largest level."""
    return (1 << depth) - 1


def used(array: np.ndarray) -> int:
    """The bits that levels (H, W) or (H, W, C) of uint8 or uint16 use; alpha, the last of 2 or 4 channels, aside."""
    if array.dtype == np.uint8:
        return 8
    peak = int(_colours(array).max(initial=0))
    return next(depth for depth in DEPTHS if peak <= white(depth))


def whites(array: np.ndarray, depth: int = 0) -> np.ndarray:
    """The level that is white, float64 (C,) of an array (H, W, C); alpha has its own.

    Raises BadData where a depth is asked for that doesn't hold every level.
    """
    if array.dtype == np.uint8:
        return np.full(array.shape[2], 255.0)
    colours = _colours(array)
    least = used(array)
    if depth and depth < least:
        raise BadData(
            "The picture has levels up to {peak}, and {depth} bits hold {white} at most.",
            peak=int(colours.max()), depth=depth, white=white(depth),
        )  # fmt: skip
    found = [white(depth or least)] * colours.shape[2]
    clear = array[:, :, colours.shape[2] :]
    return np.array([*found, *(white(used(clear[:, :, 0])) for _ in range(clear.shape[2]))], np.float64)


def eight_bits(array: np.ndarray, depth: int = 0) -> np.ndarray:
    """uint8 (H, W, C) of levels (H, W, C), rounded; raises BadData as `whites` does."""
    if array.dtype == np.uint8:
        return array
    return np.rint(array * (255 / whites(array, depth))).astype(np.uint8)


def _colours(array: np.ndarray) -> np.ndarray:
    return array[:, :, :-1] if array.ndim == 3 and array.shape[2] in (2, 4) else array
