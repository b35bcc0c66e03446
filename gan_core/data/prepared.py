"""Converts the pictures of a known set to a DataSet, through the cache."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.errors import BadData
from gan_core.pictures.decoding import square

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
N_IMAGES = "Preparing images"
N_PAIRS = "Preparing pairs"
Pair = tuple[Image.Image, Image.Image]  # source and target


@dataclass(frozen=True)
class Pictures:
    """The content of a set's files: `L` or `RGB` images or pairs of them, one by one, and labels (N,) if it has any."""

    count: int
    images: Iterable[Image.Image | Pair]
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class OfArray:
    """Images of a uint8 array (N, H, W) or (N, H, W, 3), one by one."""

    array: np.ndarray

    def __iter__(self) -> Iterator[Image.Image]:
        return (Image.fromarray(item) for item in self.array)

    def squares(self, size: int) -> Iterator[np.ndarray]:
        """The images as squares, (C, size, size); those of that size are used unchanged."""
        if self.array.shape[1:3] != (size, size):
            return (square(image, size) for image in self)
        return iter(self.array[:, None] if self.array.ndim == 3 else self.array.transpose(0, 3, 1, 2))


def prepare(
    name: str,
    size: int,
    files: list[Path],
    read: Callable[[], Pictures],
    class_names: tuple[str, ...],
    licence: str,
    progress: Progress,
    paired: bool = False,
) -> DataSet:
    """The set at `size` pixels; rebuilt if one of its files has changed. Raises BadData.

    A pair is stored in the cache as one image with the channels of both, so that its halves can't be mismatched.
    """

    def write(writer: cache.Writer) -> None:
        pictures = read()
        for image in tracked(_squares(pictures, size), pictures.count, progress, N_PAIRS if paired else N_IMAGES):
            writer.add(image)
        if pictures.labels is not None:
            writer.put("label", pictures.labels.astype(np.int64))

    try:
        version = cache.fingerprint((str(file), file) for file in files)
        entry = cache.entry(name, size, version, write)
    except UNREADABLE as error:
        raise BadData(
            "The files of '{name}' in {folder} can't be read ({reason}).",
            name=name,
            folder=files[0].parent,
            reason=error,
        ) from error
    return DataSet(name, halves_of(entry.arrays["real"]) if paired else entry.arrays, class_names, licence)


def _squares(pictures: Pictures, size: int) -> Iterator[np.ndarray]:
    """Images (C, size, size), or pairs (2C, size, size)."""
    if isinstance(pictures.images, OfArray):
        yield from pictures.images.squares(size)
        return
    for picture in pictures.images:
        halves = picture if isinstance(picture, tuple) else (picture,)
        yield np.concatenate([square(half, size) for half in halves])


def halves_of(both: np.ndarray) -> dict[str, np.ndarray]:
    """Splits images (N, 2C, H, W), each a pair, into the arrays of a set of pairs, (N, C, H, W)."""
    channels = both.shape[1] // 2
    return {"source": both[:, :channels], "target": both[:, channels:]}
