"""Looks up data sets by name, and the user's own by reference. The sets themselves are in `gan_core/data/sets`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gan_core.data import parts
from gan_core.data.base import FIELDS, LARGEST_SIDE, SMALLEST_SIDE, DataSet, Modes, Progress, Source, silent, sources
from gan_core.data.recordings import LENGTH
from gan_core.data.user import drawn_points, folders, own_text, pairs, smiles, sounds
from gan_core.data.user.references import SIZE, is_shards, user_images
from gan_core.errors import BadData, BadValue


def is_own(reference: str) -> bool:
    """Whether it refers to a user's own files, or to a part of them: where they lie is nobody else's business."""
    whole = parts.whole(reference)
    return user_images(whole) is not None or own_text.is_text(whole) or is_shards(whole)


def is_points(reference: str) -> bool:
    """Whether a data set consists of points in the plane."""
    return drawn_points.is_drawn(reference) or (reference in sources and sources.get(reference).task == "points")


def task_of(reference: str) -> str:
    """The task of a data set, a key of `FIELDS`; for the user's own data from the reference."""
    if drawn_points.is_drawn(reference):
        return "points"
    whole = parts.whole(reference)
    if own_text.is_text(whole):
        return "sequence"
    if whole in sources:
        return sources.get(whole).task
    try:
        mine = user_images(whole)
    except BadValue:  # stored by another version
        mine = None
    return mine.task if mine else "images"


def size_of(reference: str) -> int:
    """The fixed size of a set's items: 2 for points, the length of sounds and texts; 0 if it can be chosen."""
    if drawn_points.is_drawn(reference):
        return 2
    whole = parts.whole(reference)
    if whole.startswith("smiles:"):
        return smiles.SIZE
    if own_text.is_text(whole):
        return own_text.LENGTH
    found = sources.get(whole) if whole in sources else None
    if found is None:
        return LENGTH if task_of(whole) == "audio" else 0
    return found.size if found.task == "points" or FIELDS[found.task][0] in found.shapes else 0


def size_word(reference: str, size: int) -> str:
    """Such as "64 px"; "" for points, sounds, texts and others whose size isn't that of a picture."""
    return "" if size_of(reference) else f"{size} px"


def modes_of(reference: str) -> Modes | None:
    """The modes of a set of points, if known; None for other data."""
    return sources.get(reference).modes if reference in sources else None


def judge_of(reference: str) -> Callable[[np.ndarray], dict[str, float]] | None:
    """The function that checks samples of a set exactly; None if there is none."""
    whole = parts.whole(reference)
    return sources.get(whole).judge if whole in sources else None


def load(name: str, size: int | None = None, progress: Progress = silent) -> DataSet:
    """A data set by name, or the user's own: `folder:PATH` or `zip:PATH`, for translation `paired:PATH` or
    `unpaired:PATH`, folders or zips in the layouts of pairs.py, `sounds:PATH`, recordings (sounds.py), `smiles:PATH`,
    molecules in a file, `text:PATH`, a text file, and `shards:PATTERN`, tars that are streamed (shards.py).
    references.py describes how pictures become squares. The prefixes `train:` or `test:` select a part, `quarter:` or
    `half:` a share (parts.py). `drawn:CODE` is a set of points that a user drew.

    `size` is the height and width in pixels, 8 to 1024 (None: native). Raises UnknownName, BadValue or BadData.
    """
    if size is not None and not size_of(name) and not SMALLEST_SIDE <= size <= LARGEST_SIDE:
        raise BadData(
            "Images can be loaded at sizes from {least} to {most} pixels, not {size}.",
            least=SMALLEST_SIDE, most=LARGEST_SIDE, size=size,
        )  # fmt: skip
    share, _, rest = name.partition(":")
    if share in parts.SHARES and user_images(parts.whole(rest)):
        return parts.thinned(load(rest, size, progress), share)
    if mine := user_images(parts.whole(name)):
        part = name.partition(":")[0]
        return LOADERS[mine.task](mine, size or SIZE, progress, **({"part": part} if part in parts.PARTS else {}))
    return source(name).load(size, progress)


LOADERS: dict[str, Callable[..., DataSet]] = {  # by task: UserImages, size, progress, part
    "images": folders.load, "paired": pairs.load_paired, "unpaired": pairs.load_unpaired, "graph": smiles.load,
    "audio": sounds.load,
}  # fmt: skip


def source(name: str) -> Source:
    """The registered source of that name, a part of one, or a user's drawn points; raises UnknownName or BadValue."""
    if drawn_points.is_drawn(name):
        return drawn_points.source(name)
    part, _, whole = name.partition(":")
    if part in parts.SHARES and whole:
        return parts.share_of(source(whole), part)
    if part in parts.PARTS and whole:
        return parts.part_of(_whole_source(whole), part)
    return _whole_source(name)


def _whole_source(name: str) -> Source:
    if is_shards(name):
        from gan_core.data.user import shards  # imports an HTTP client, which is rarely needed

        return shards.source(name)
    return own_text.source(name) if own_text.is_text(name) else sources.get(name)
