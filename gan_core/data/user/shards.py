"""The user's own pictures in shards, streamed: `shards:PATTERN`, tars in WebDataset's layout (tars.py).

    shards:/data/faces-{000..099}.tar      shards:/data/faces      shards:https://example.org/faces-{000..099}.tar

Only the first LOOK pictures are decoded beforehand: they determine channels and classes, appear in previews, and are
the reference for a run's distances. All others are read during training (streaming.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.streaming import Look, Shards, look
from gan_core.data.tars import shards_of
from gan_core.data.user import archives
from gan_core.data.user.references import SHARDS, SIZE, is_address, shown
from gan_core.errors import BadData

LOOK = 1024  # pictures
MOST_CLASSES = 100_000
LICENCE = "your own"


def source(reference: str) -> Source:
    """The data set of a reference; raises BadData if there are no shards. Its number of items is unknown."""
    pattern = reference.removeprefix(SHARDS)
    names = tuple(shards_of(pattern))

    def load(size: int | None, progress: Progress) -> DataSet:
        return _load(reference, Shards(names, size or SIZE), progress)

    return Source(
        name=reference, title=shown(pattern) if is_address(pattern) else Path(pattern).name,
        about="Pictures of yours in shards, which are streamed.", licence=LICENCE, size=SIZE, channels=3, items=0,
        class_names=(), load=load, available=lambda: True,
    )  # fmt: skip


def _load(reference: str, shards: Shards, progress: Progress) -> DataSet:
    progress(0.0, "Reading images")
    found = look(shards, LOOK)
    progress(1.0, "Reading images")
    grey = bool((found.images == found.images[:, :1]).all())
    arrays: dict[str, np.ndarray] = {"real": found.images[:, :1] if grey else found.images}
    classes: tuple[str, ...] = ()
    if min(found.labels) >= 0 and max(found.labels) > 0:  # numbered classes, if every picture has one
        _check_classes(found)
        classes = tuple(map(str, range(max(found.labels) + 1)))
        arrays["label"] = np.asarray(found.labels, np.int64)
    note = (
        f"Shards: {len(shards.names)}, streamed. The first {len(found.seen):,} images are shown and measured against."
    )
    return DataSet(
        reference, arrays, classes, LICENCE, found.skipped, notes=(note,),
        stream=Shards(shards.names, shards.size, found.seen),
    )  # fmt: skip


def _check_classes(found: Look) -> None:
    """Every number up to the largest one is a class: a huge one would fill the memory."""
    for (shard, name), label in zip(found.seen, found.labels, strict=True):
        if label >= MOST_CLASSES:
            raise BadData(
                "{file} in the shard {shard} has the class {label:,}. Valid are numbers from 0 to {last:,}.",
                file=archives.shown(name), shard=shown(shard), label=label, last=MOST_CLASSES - 1,
            )  # fmt: skip
