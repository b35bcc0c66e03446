"""Readers of the file formats that data sets are published in."""

from __future__ import annotations

import gzip
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.prepared import OfArray, Pictures


def npz_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """The arrays of those names in an `.npz` file."""
    with path.open("rb") as file, np.load(file) as packed:
        return [packed[name] for name in names]


def jpeg_stream(files: list[Path]) -> Pictures:
    """JPEG files packed end to end in one `.npz`: `data`, `offsets` (N + 1) and `labels`."""
    data, offsets, labels = npz_arrays(files[0], "data", "offsets", "labels")
    places = pairwise(offsets)
    images = (Image.open(io.BytesIO(data[start:end].tobytes())).convert("RGB") for start, end in places)
    return Pictures(len(labels), images, labels)


def idx_pictures(files: list[Path]) -> Pictures:
    """Images and labels in two gzipped idx files, the format of MNIST."""
    images, labels = _idx(files[0]), _idx(files[1])
    return Pictures(len(images), OfArray(images), labels)


def _idx(path: Path) -> np.ndarray:
    """The array of a gzipped idx file of bytes: dimensions as big-endian 32-bit numbers, then the values."""
    with gzip.open(path) as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an idx file of bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape.tolist())
