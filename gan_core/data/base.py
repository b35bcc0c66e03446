"""What a data set is: named uint8 arrays, decoded and resized once, and the sources that make them.

A batch is an index into these arrays; no per-image Python work is left for training. This module needs no torch,
so that pages can list and check data sets before torch is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from gan_core.registry import Registry

Progress = Callable[[float, str], None]  # share done in [0, 1], and what is being done
Item = TypeVar("Item")


def silent(share: float, what: str) -> None:
    """The progress callback that shows nothing."""


def tracked(items: Iterable[Item], count: int, progress: Progress, what: str) -> Iterator[Item]:
    """The items, reported as they are taken, at most a hundred times: a callback may redraw a page."""
    for index, item in enumerate(items):
        if index * 100 // count != (index - 1) * 100 // count:
            progress(min(1.0, index / count), what)
        yield item
    progress(1.0, what)


@dataclass(frozen=True)
class DataSpec:
    """Shapes that networks are built for, without the data.

    `fields` gives the shape of one item of each array, e.g. `{"real": (3, 64, 64)}` or
    `{"source": (3, 64, 64), "target": (3, 64, 64)}`; `classes` is 0 where there are no labels.
    """

    fields: Mapping[str, tuple[int, ...]]
    classes: int = 0

    @property
    def channels(self) -> int:
        """Colour channels of the real images: 1 or 3."""
        return self.fields["real"][0]

    @property
    def size(self) -> int:
        """Height and width of the real images, in pixels."""
        return self.fields["real"][-1]


@dataclass(frozen=True)
class DataSet:
    """Arrays of N items: images uint8 0..255 (N, C, H, W), `label` int64 (N,), anything else float32.

    Arrays may be memory-mapped. `skipped` lists files that could not be used, with the reason;
    `notes` says what was done to files that are used, e.g. that an animation gives its first frame only.
    `unpaired` sets draw each array with an order of its own.
    """

    name: str
    arrays: Mapping[str, np.ndarray]
    class_names: tuple[str, ...] = ()
    licence: str = ""
    skipped: tuple[tuple[str, str], ...] = field(default=())
    unpaired: bool = False
    notes: tuple[str, ...] = ()

    @property
    def spec(self) -> DataSpec:
        shapes = {name: tuple(array.shape[1:]) for name, array in self.arrays.items() if name != "label"}
        return DataSpec(shapes, len(self.class_names))

    def __len__(self) -> int:
        return min(len(array) for array in self.arrays.values())


@dataclass(frozen=True)
class Source:
    """A data set that can be had: what pages and the CLI list, and how it is loaded.

    `load(size, progress)` returns square images of `size` pixels (None: the native size) and raises BadData.
    `available()` says whether it can be loaded without a download.
    """

    name: str
    title: str
    about: str
    licence: str
    size: int  # native height and width, pixels
    channels: int
    items: int
    class_names: tuple[str, ...]
    load: Callable[[int | None, Progress], DataSet]
    available: Callable[[], bool]
    needs: str = ""  # what to do to have it where it is not available
    task: str = "images"  # or "points": float32 (N, 2), whose `size` is 2

    def spec(self, size: int) -> DataSpec:
        """What networks for this set at `size` pixels are built for, without loading it."""
        shape = (size,) if self.task == "points" else (self.channels, size, size)
        return DataSpec({"real": shape}, len(self.class_names))


sources: Registry[Source] = Registry("data set")
