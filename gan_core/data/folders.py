"""The user's own images: a folder or a zip, with whatever else lies in it.

Every file is tried, told by content and not by its extension. What can't be used is listed with a reason in
`DataSet.skipped`; the good ones make the set. Class folders give labels.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from gan_core.data import archives, cache, uploads
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.images import ACCEPTED, MAX_BYTES, Decoded, Unusable, decode, in_threads
from gan_core.data.own import UPLOADS, Own, own
from gan_core.data.places import Opener, Place, Skipped, named_in_errors, place
from gan_core.depth import WHOLE, white
from gan_core.errors import BadData
from gan_core.paths import home

MAX_UPLOAD = 2 * 2**30  # bytes
CHUNK = 2**20


def load(mine: Own, size: int, progress: Progress) -> DataSet:
    """The images of a folder, with its subfolders, or of a zip, at `size` pixels.

    The set has one channel if all are grey, else three. The name of each image's folder is its class if all images lie
    in at least two such folders. Raises BadData.
    """
    found = place(mine)
    images = images_of(found, mine.fit, size, progress, mine.depth)
    return replace(images, name=str(mine)) if mine.is_upload else images


def images_of(found: Place, fit: str, size: int, progress: Progress, depth: int = 0) -> DataSet:
    """The same of a place. Of files of 16 bits `depth` are used; 0: as many as the brightest of them needs."""
    name = found.reference(fit)
    if depth and (mine := own(name)):
        name = str(replace(mine, depth=depth))

    def write(writer: cache.Writer) -> None:
        with found.files() as files:
            _write(writer, found, files, fit, size, progress, depth)

    entry = cache.entry(name, size, found.version, write)
    animated = entry.notes["animated"]
    moving = (f"Animated files: {animated}. Only the first frame of each is used.",) if animated else ()
    notes = (*moving, *depth_notes(entry.notes["deep"], entry.notes["depth"]))
    skipped = tuple((file, reason) for file, reason in entry.notes["skipped"])
    return DataSet(name, entry.arrays, tuple(entry.notes["class_names"]), "your own", skipped, notes=notes)


def store_upload(name: str, stream: BinaryIO, task: str = "images") -> str:
    """Keeps an uploaded zip in `GANSCOPE_HOME/uploads`; returns its reference, such as `upload:FILE` for images.

    `task` is what its files are for: "images", "paired" or "unpaired". The content is part of the file's name, so that
    an upload never replaces another one that a run still needs.
    Raises BadData for a file that is too large, refused (see archives.py) or can't be written.
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
    return str(Own(UPLOADS[task], target.name))


def _write(
    writer: cache.Writer, found: Place, files: dict[str, Opener], fit: str, size: int, progress: Progress, depth: int
) -> None:
    """Decodes the files into the cache, their skipped ones and classes into its notes."""
    skipped = list(found.skipped)
    used: list[str] = []
    grey, animated = True, 0
    depths: list[int] = []  # that files of more than 8 bits use
    results = in_threads(partial(_decoded, size=size, fit=fit, depth=depth), files.values())
    named = zip(files, results, strict=True)
    for name, result in tracked(named, len(files), progress, "Reading images"):
        if isinstance(result, Unusable):
            skipped.append((name, str(result)))
            continue
        writer.add(result.pixels)
        used.append(name)
        grey = grey and bool((result.pixels == result.pixels[:1]).all())
        animated += result.animated
        depths += [result.depth] * result.deep
    if not used:
        raise _nothing_usable(found.title, skipped)
    if not depth and len(set(depths)) > 1:  # the darker ones have the same white as the brightest
        writer.restart()
        return _write(writer, found, files, fit, size, progress, max(depths))
    if grey:
        writer.keep_one_channel()
    class_names, labels = classes(used)
    if labels is not None:
        writer.put("label", labels)
    writer.notes = {
        "class_names": [archives.shown(name) for name in class_names],
        "skipped": [[archives.shown(name), archives.shown(reason)] for name, reason in sorted(skipped)],
        "animated": animated,
        "deep": len(depths),
        "depth": max(depths, default=0),
    }


def depth_notes(count: int, depth: int) -> tuple[str, ...]:
    """Says of files of 16 bits that they use fewer, if they do."""
    if not count or depth == WHOLE:
        return ()
    return (
        f"Files of 16 bits a channel: {count}. They use {depth} bits, so the level {white(depth)} is taken as white.",
    )


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


def classes(names: list[str]) -> tuple[list[str], np.ndarray | None]:
    """Class names and labels int64 (N,) from relative file names, if all lie in at least two folders.

    Folders around all images, as zips often have, are looked through: `pets/cat/1.png` and `pets/dog/1.png` are of
    the classes `cat` and `dog`.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    depth = 0
    while all(len(parts) > depth for parts in folders):
        here = [parts[depth] for parts in folders]
        found = sorted(set(here))
        if len(found) > 1:
            index = {name: label for label, name in enumerate(found)}
            return found, np.asarray([index[name] for name in here], np.int64)
        depth += 1
    return [], None


def _receive(stream: BinaryIO, target: Path, name: str) -> str:
    """Copies the stream to a file; its sha256."""
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
    """A file name's stem of plain letters: it can't lead to another folder."""
    stem = re.split(r"[\\/]", name)[-1].removesuffix(".zip")
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:60] or "upload"


def _cant_store(name: str, error: OSError) -> BadData:
    return BadData(
        "'{name}' can't be kept in {folder} ({reason}).",
        name=archives.shown(name),
        folder=home() / "uploads",
        reason=error.strerror or error,
    )
