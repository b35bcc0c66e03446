"""Pairs of pictures in the cache, and the same as two domains, for learning without pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, Source, tracked
from gan_core.data.prepared import UNREADABLE, halves_of
from gan_core.data.user.folders import depth_notes
from gan_core.errors import BadData

Pair = tuple[np.ndarray, np.ndarray]  # source and target, uint8 (C, size, size)


def cached_pairs(
    name: str,
    size: int,
    version: str,
    count: int,
    pairs: Callable[[], Iterable[Pair]],
    licence: str,
    progress: Progress,
    skipped: Sequence[tuple[str, str]] = (),
    depths: Sequence[tuple[int, int]] = (),
) -> DataSet:
    """The pairs as a data set: `source` and `target`, uint8 (N, C, size, size). Raises BadData.

    Both are filled while the pairs are read: `skipped` files, and `depths`, the number of files of each side with more
    than 8 bits, and the bits they use.
    """

    def write(writer: cache.Writer) -> None:
        for source, target in tracked(pairs(), count, progress, "Preparing pairs"):
            writer.add(np.concatenate([source, target]))
        writer.notes = {"skipped": [list(file) for file in skipped], "depths": list(depths)}

    try:
        entry = cache.entry(name, size, version, write)
    except UNREADABLE as error:
        raise BadData("The files of '{name}' can't be read ({reason}).", name=name, reason=error) from error
    left_out = tuple((file, reason) for file, reason in entry.notes["skipped"])
    notes = tuple(note for count, depth in entry.notes["depths"] for note in depth_notes(count, depth))
    return DataSet(name, halves_of(entry.arrays["real"]), (), licence, left_out, notes=notes)


def apart(data: DataSet, name: str) -> DataSet:
    """The sources as domain `a` and the targets as domain `b`, each in a separate order."""
    arrays = {"a": data.arrays["source"], "b": data.arrays["target"]}
    return dataclasses.replace(data, name=name, arrays=arrays, unpaired=True)


def unpaired(paired: Source, title: str) -> Source:
    """Converts a source of pairs to one of two domains, named NAME_unpaired."""
    name = f"{paired.name}_unpaired"
    test = paired.test

    def load(size: int | None, progress: Progress) -> DataSet:
        return apart(paired.load(size, progress), name)

    def load_test(size: int | None, progress: Progress) -> DataSet:
        assert test is not None
        return apart(test(size, progress), f"test:{name}")

    return dataclasses.replace(
        paired, name=name, title=title, task="unpaired", load=load, test=load_test if test else None
    )
