"""The effective bit depth of 16-bit files: cameras, scanners and microscopes store 10, 12 or 14 bits in them.

Read as 16 bits, a white of 4095 would be almost black. The smallest of DEPTHS that holds every value is used unless a
depth is given: by its values alone, a dark 16-bit image looks like one with fewer bits.
"""

from __future__ import annotations

import numpy as np

from gan_core.errors import BadData, BadValue

DEPTHS = (8, 10, 12, 14, 16)
WHOLE = 16


def check_depth(depth: int) -> None:
    """Raises BadValue for an unsupported depth; 0 means to detect it."""
    if depth not in (0, *DEPTHS):
        raise BadValue("Unknown bit depth {depth}. Valid: {valid}.", depth=depth, valid=", ".join(map(str, DEPTHS)))


def white(depth: int) -> int:
    """The largest value at a bit depth."""
    return (1 << depth) - 1


def used(array: np.ndarray) -> int:
    """The bit depth of values (H, W) or (H, W, C), uint8 or uint16; alpha, the last of 2 or 4 channels, is ignored."""
    if array.dtype == np.uint8:
        return 8
    peak = int(_colours(array).max(initial=0))
    return next(depth for depth in DEPTHS if peak <= white(depth))


def whites(array: np.ndarray, depth: int = 0) -> np.ndarray:
    """The white value of each channel, float64 (C,), of an array (H, W, C); alpha has its own.

    Raises BadData if the given depth cannot hold every value.
    """
    if array.dtype == np.uint8:
        return np.full(array.shape[2], 255.0)
    colours = _colours(array)
    least = used(array)
    if depth and depth < least:
        raise BadData(
            "The image has levels up to {peak}, but {depth} bits hold at most {white}.",
            peak=int(colours.max()), depth=depth, white=white(depth),
        )  # fmt: skip
    found = [white(depth or least)] * colours.shape[2]
    clear = array[:, :, colours.shape[2] :]
    return np.array([*found, *(white(used(clear[:, :, 0])) for _ in range(clear.shape[2]))], np.float64)


def eight_bits(array: np.ndarray, depth: int = 0) -> np.ndarray:
    """Values (H, W, C) as uint8, rounded. Raises BadData like `whites`."""
    if array.dtype == np.uint8:
        return array
    return np.rint(array * (255 / whites(array, depth))).astype(np.uint8)


def _colours(array: np.ndarray) -> np.ndarray:
    return array[:, :, :-1] if array.ndim == 3 and array.shape[2] in (2, 4) else array
