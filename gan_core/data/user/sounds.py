"""The user's own recordings: a folder or a zip of WAV, FLAC, OGG and MP3 files, which may contain other files.

Every file is tried. Each is converted to sounds of about a second at 8 kHz: short recordings are padded with silence,
longer ones cut, and silent pieces left out. Subfolders are classes; without them all have one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gan_core.data import parts
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.recordings import ACCEPTED, MOST_BYTES, RATE, Recording, decode
from gan_core.data.user import archives, labels
from gan_core.data.user.places import Opener, place
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData
from gan_core.pictures.decoding import Unusable

MOST = 100_000  # sounds of a set: 3 GB
ONE_CLASS = ("sound",)


def load(mine: UserImages, size: int, progress: Progress, part: str = "") -> DataSet:
    """The sounds, `wave` float32 (N, LENGTH) and `label`; `size` is ignored. `part` "test" is every tenth.

    Raises BadData if nothing can be used; single unusable files are in `DataSet.skipped`.
    """
    found = place(mine)
    skipped = list(found.skipped)
    sounds: list[np.ndarray] = []
    names: list[str] = []
    clipped = total = 0
    with found.files() as files:
        for name, opener in tracked(files.items(), max(1, len(files)), progress, "Reading recordings"):
            try:
                recording = _decoded(opener)
            except Unusable as error:
                skipped.append((archives.shown(name), archives.shown(str(error))))
                continue
            pieces = recording.pieces()
            clipped += recording.clipped
            total += len(pieces)
            if total > MOST:
                raise BadData(
                    "{path} holds more than {most} sounds of a second; take fewer recordings.", path=found.title,
                    most=MOST,
                )  # fmt: skip
            sounds.append(pieces)
            names += [name] * len(pieces)
    if not names:
        raise _nothing_usable(found.title, skipped)
    labelled = labels.labelled(names)
    kept = np.arange(len(names)) if labelled.labels is None else np.flatnonzero(labelled.labels >= 0)
    left_out = sorted({names[one] for one in range(len(names))} - {names[one] for one in kept})
    skipped += [(archives.shown(name), labelled.reason) for name in left_out]
    label = np.zeros(len(names), np.int64) if labelled.labels is None else labelled.labels
    arrays = {"wave": np.concatenate(sounds)[kept], "label": label[kept]}
    classes = tuple(archives.shown(name) for name in labelled.class_names) or ONE_CLASS
    notes = (f"Clipped recordings: {clipped}. They sound distorted.",) if clipped else ()
    data = DataSet(str(mine), arrays, classes, "your own", tuple(sorted(skipped)), notes=notes, rate=RATE)
    return replace(parts.cut(data, part), name=f"{part}:{mine}") if part else data


def _decoded(opener: Opener) -> Recording:
    with opener() as file:
        return decode(file.read(MOST_BYTES + 1))


def _nothing_usable(title: str, skipped: Sequence[tuple[str, str]]) -> BadData:
    if not skipped:
        return BadData("There are no files in {path}. Accepted are {accepted}.", path=title, accepted=ACCEPTED)
    name, reason = sorted(skipped)[0]
    return BadData(
        "No recording in {path} can be used. Accepted are {accepted}. Files looked at: {count}, such as '{name}': "
        "{reason}.",
        path=title, accepted=ACCEPTED, count=len(skipped), name=name, reason=reason,
    )  # fmt: skip
