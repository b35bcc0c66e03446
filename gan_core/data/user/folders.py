"""The user's own images: a folder or a zip, which may contain other files.

Every file is tried, and recognised by content, not by its extension. Unusable files are listed with a reason in
`DataSet.skipped`; the others form the set. Class folders, or StyleGAN's `dataset.json`, give labels; of folders named
`train`, `val` and `test` the first is for training.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from gan_core.data import cache, parts
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.user import archives, labels, uploads
from gan_core.data.user.places import Opener, Place, Skipped, named_in_errors, place
from gan_core.data.user.references import UPLOADS, UserImages, user_images
from gan_core.errors import BadData, listed
from gan_core.paths import home
from gan_core.pictures.decoding import ACCEPTED, MAX_BYTES, SUFFIXES, Decoded, Unusable, decode, in_threads
from gan_core.pictures.depth import WHOLE, white

MAX_UPLOAD = 2 * 2**30  # bytes
CHUNK = 2**20


def load(mine: UserImages, size: int, progress: Progress, part: str = "") -> DataSet:
    """The images of a folder, with its subfolders, or of a zip, at `size` pixels.

    The set has one channel if all are grey, else three. Classes are those of labels.py. With folders named `train`,
    `val` etc., `part` "test" selects those not for training, "" and "train" the others; a set without such folders is
    split by parts.py. Raises BadData.
    """
    found = place(mine)
    apart = labels.splits(found.names())
    if part and not apart:
        return replace(parts.cut(load(mine, size, progress), part), name=_named(part, mine))
    learnt = labels.learnt(apart)
    if part != "test" or len(learnt) == len(apart):
        images = _read(found, mine, size, progress, learnt, _apart_words(apart, learnt))
        return replace(images, name=_named(part, mine)) if part or mine.is_upload else images
    images = _read(found, mine, size, progress, [prefix for prefix in apart if prefix not in learnt])
    return replace(labels.matched(images, load(mine, size, progress).class_names), name=_named(part, mine))


def _named(part: str, mine: UserImages) -> str:
    return f"{part}:{mine}" if part else str(mine)


def _apart_words(apart: Mapping[str, list[str]], learnt: Sequence[str]) -> tuple[str, ...]:
    """A description of the split, for the set's notes."""
    if len(learnt) == len(apart):
        return ()
    first, second = (
        listed([archives.shown(PurePosixPath(prefix).name) for prefix in group])
        for group in (learnt, [prefix for prefix in apart if prefix not in learnt])
    )
    return (f"Learnt from: {first}. Kept apart to measure on: {second}.",)


def images_of(found: Place, mine: UserImages, size: int, progress: Progress) -> DataSet:
    """All images of a place, without classes, with the fit and depth of `mine`."""
    return _read(found, mine, size, progress, None)


def classed_images_of(found: Place, mine: UserImages, size: int, progress: Progress) -> DataSet:
    """The same with classes by folder if every picture is in one of several folders; else without."""
    labelled = labels.labelled([name for name in found.names() if name.lower().endswith(SUFFIXES)])
    whole = labelled.labels is not None and bool((labelled.labels >= 0).all())
    return _read(found, mine, size, progress, () if whole else None)


def _read(
    found: Place,
    mine: UserImages,
    size: int,
    progress: Progress,
    within: Sequence[str] | None,
    words: tuple[str, ...] = (),
) -> DataSet:
    """The images `within` these folders, with their classes (empty: all of them); None reads all without classes.

    16-bit files are read with `mine.depth` bits; 0: as many as the brightest of them needs.
    """
    reference = found.reference(mine.fit)
    if mine.depth and (deep := user_images(reference)):
        reference = str(replace(deep, depth=mine.depth))
    name = f"domain:{reference}" if within is None else f"{' '.join(within)}:{reference}" if within else reference

    def write(writer: cache.Writer) -> None:
        with found.files() as files:
            _write(writer, found, files, mine.fit, size, progress, within, mine.depth)

    entry = cache.entry(name, size, found.version, write)
    animated = entry.notes["animated"]
    moving = (f"Animated files: {animated}. Only the first frame of each is used.",) if animated else ()
    notes = (*moving, *depth_notes(entry.notes["deep"], entry.notes["depth"]))
    skipped = tuple((file, reason) for file, reason in entry.notes["skipped"])
    notes = (*words, *entry.notes["labels"], *notes)
    return DataSet(reference, entry.arrays, tuple(entry.notes["class_names"]), "your own", skipped, notes=notes)


def store_upload(name: str, stream: BinaryIO, task: str = "images") -> str:
    """Stores an uploaded zip in `GANSCOPE_HOME/uploads`; returns its reference, such as `upload:FILE` for images.

    `task` is the purpose of its files: "images", "paired", "unpaired" or "audio". The file's name includes a hash of
    the content, so that an upload never replaces another one that a run still needs. Raises BadData for a file that is
    too large, refused (see archives.py) or can't be written.
    """
    folder = home() / "uploads"
    try:
        folder.mkdir(exist_ok=True)
        cache.sweep(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="upload.", suffix=".partial", delete=False) as file:
            received = Path(file.name)
    except OSError as error:
        raise _cant_store(name, error) from error
    try:
        digest = _receive(stream, received, name)
        with named_in_errors(received, name), archives.opened(received):
            pass
        target = folder / f"{_safe(name)}-{digest[:12]}.zip"
        os.replace(received, target)
        uploads.remember(target, task)
    except OSError as error:
        raise _cant_store(name, error) from error
    finally:
        received.unlink(missing_ok=True)
    return str(UserImages(UPLOADS[task], target.name))


def _write(
    writer: cache.Writer,
    found: Place,
    everything: dict[str, Opener],
    fit: str,
    size: int,
    progress: Progress,
    within: Sequence[str] | None,
    depth: int,
) -> None:
    """Decodes the files into the cache, with skipped files and classes in its notes."""
    files, skipped = dict(everything), list(found.skipped)
    given = _given(files, skipped) if within is not None else None
    taken = {name: opener for name, opener in files.items() if not within or name.startswith(tuple(within))}
    used: list[str] = []
    grey: list[bool] = []
    animated = 0
    depths: list[int] = []  # effective depths of files with more than 8 bits
    results = in_threads(partial(_decoded, size=size, fit=fit, depth=depth), taken.values())
    named = zip(taken, results, strict=True)
    for name, result in tracked(named, len(taken), progress, "Reading images"):
        if isinstance(result, Unusable):
            skipped.append((name, str(result)))
            continue
        writer.add(result.pixels)
        used.append(name)
        grey.append(bool((result.pixels == result.pixels[:1]).all()))
        animated += result.animated
        depths += [result.depth] * result.deep
    if not used:
        raise _nothing_usable(found.title, skipped)
    if not depth and len(set(depths)) > 1:  # all files get the white of the brightest
        writer.restart()
        return _write(writer, found, everything, fit, size, progress, within, max(depths))
    labelled = labels.Labelled() if within is None else labels.labelled(_below(used, within, given), given)
    kept = list(range(len(used))) if labelled.labels is None else np.flatnonzero(labelled.labels >= 0).tolist()
    skipped += [(used[place], labelled.reason) for place in sorted({*range(len(used))} - {*kept})]
    writer.keep(kept, 1 if all(grey[place] for place in kept) else 3)
    if labelled.labels is not None:
        writer.put("label", labelled.labels[kept])
    writer.notes = {
        "class_names": [archives.shown(name) for name in labelled.class_names],
        "skipped": [[archives.shown(name), archives.shown(reason)] for name, reason in sorted(skipped)],
        "animated": animated,
        "labels": [archives.shown(note) for note in labelled.notes],
        "deep": len(depths),
        "depth": max(depths, default=0),
    }


def depth_notes(count: int, depth: int) -> tuple[str, ...]:
    """A note on 16-bit files that use fewer bits, if there are any."""
    if not count or depth == WHOLE:
        return ()
    return (
        f"Files of 16 bits a channel: {count}. They use {depth} bits, so the level {white(depth)} is taken as white.",
    )


def _given(files: dict[str, Opener], skipped: Skipped) -> labels.Given | None:
    """The labels in the uppermost `dataset.json`, which is removed from the files; None if there is none."""
    named = [name for name in files if PurePosixPath(name).name == labels.LABELS]
    if not named:
        return None
    name = min(named, key=lambda name: name.count("/"))
    try:
        with files.pop(name)() as file:
            return labels.given_labels(name, file)
    except (Unusable, OSError, ValueError) as error:
        skipped.append((name, f"not StyleGAN's file of labels ({error})"))
        return None


def _below(names: list[str], within: Sequence[str], given: labels.Given | None) -> list[str]:
    """File names without the folders of parts ("train", "test"), so that parts aren't taken for classes."""
    if given:
        return names
    return [name.removeprefix(next((one for one in within if name.startswith(one)), "")) for name in names]


def _decoded(opener: Opener, size: int, fit: str, depth: int) -> Decoded | Unusable:
    try:
        with opener() as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(0)
            if length == 0:
                return Unusable("empty")
            if length > MAX_BYTES:
                return Unusable(f"larger than {MAX_BYTES // 1_000_000} MB")
            return decode(file, size, fit, depth)
    except Unusable as reason:
        return reason


def _nothing_usable(title: str, skipped: Skipped) -> BadData:
    if not skipped:
        return BadData("There are no files in {path}. Accepted are {accepted}.", path=title, accepted=ACCEPTED)
    name, reason = sorted(skipped)[0]
    return BadData(
        "No image in {path} can be used. Accepted are {accepted}. "
        "Files looked at: {count}, such as '{name}': {reason}.",
        path=title,
        accepted=ACCEPTED,
        count=len(skipped),
        name=archives.shown(name),
        reason=archives.shown(reason),
    )


def _receive(stream: BinaryIO, target: Path, name: str) -> str:
    """Copies the stream to a file; returns its sha256."""
    digest = hashlib.sha256()
    received = 0
    with open(target, "wb") as file:
        while chunk := stream.read(CHUNK):
            received += len(chunk)
            if received > MAX_UPLOAD:
                raise BadData(
                    "'{name}' is larger than {most} MiB.", name=archives.shown(name), most=MAX_UPLOAD // 2**20
                )
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _safe(name: str) -> str:
    """A file name's stem in plain letters, which can't lead to another folder."""
    stem = re.split(r"[\\/]", name)[-1].removesuffix(".zip")
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:60] or "upload"


def _cant_store(name: str, error: OSError) -> BadData:
    return BadData(
        "'{name}' can't be saved to {folder} ({reason}).",
        name=archives.shown(name),
        folder=home() / "uploads",
        reason=error.strerror or error,
    )
