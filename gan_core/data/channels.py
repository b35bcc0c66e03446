"""Converts between grey and colour images: the number of channels follows the network."""

from __future__ import annotations

import dataclasses

import numpy as np

from gan_core.data.base import NOT_SHOWN_TO_NETWORKS, DataSet

RED, GREEN, BLUE = 19595, 38470, 7471  # of 65536: Rec. 601's luma, as Pillow rounds it
CHUNK = 512  # images at once
LOST = "In colour, but made grey: the network takes one channel."


def in_channels(data: DataSet, channels: int) -> DataSet:
    """The set with images of 1 or 3 channels; the same set if it has that number, or no images."""
    changed = {
        name: images_in(array, channels)
        for name, array in data.arrays.items()
        if name not in NOT_SHOWN_TO_NETWORKS and array.ndim == 4 and array.shape[1] != channels
    }
    if not changed:
        return data
    notes = (*data.notes, LOST) if channels == 1 else data.notes
    return dataclasses.replace(data, arrays={**data.arrays, **changed}, notes=notes)


def images_in(images: np.ndarray, channels: int) -> np.ndarray:
    """uint8 (N, 1 or 3, H, W) -> (N, channels, H, W); colours are converted to luma."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        if isinstance(images, np.memmap):  # stays on the disk
            return np.broadcast_to(images, (len(images), 3, *images.shape[2:]), subok=True)
        return images.repeat(3, 1)
    grey = np.empty((len(images), 1, *images.shape[2:]), np.uint8)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK].astype(np.uint32)
        luma = part[:, 0] * RED + part[:, 1] * GREEN + part[:, 2] * BLUE + 2**15
        grey[start : start + CHUNK, 0] = luma >> 16
    return grey
