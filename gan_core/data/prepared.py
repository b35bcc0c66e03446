"""From the pictures of a known set to a DataSet, through the cache."""

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


@dataclass(frozen=True)
class Pictures:
    """What a set's files hold: `L` or `RGB` images, taken one by one, and their labels (N,) where there are any."""

    count: int
    images: Iterable[Image.Image]
    labels: np.ndarray | None = None


def of_array(array: np.ndarray) -> Iterator[Image.Image]:
    """Images from uint8 (N, H, W) or (N, H, W, 3)."""
    return (Image.fromarray(item) for item in array)


def prepare(
    name: str,
    size: int,
    files: list[Path],
    read: Callable[[], Pictures],
    class_names: tuple[str, ...],
    licence: str,
    progress: Progress,
) -> DataSet:
    """The set at `size` pixels; made anew when one of its files has changed. Raises BadData."""

    def write(writer: cache.Writer) -> None:
        pictures = read()
        for image in tracked(pictures.images, pictures.count, progress, "Preparing images"):
            writer.add(square(image, size))
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
    return DataSet(name, entry.arrays, class_names, licence)
