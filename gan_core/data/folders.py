"""The user's own images: a folder or a zip, with whatever else lies in it.

Every file is tried, told by content and not by its extension. What can't be used is listed with a reason in
`DataSet.skipped`; the good ones make the set. Class folders give labels.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np

from gan_core.data import archives, cache
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.images import ACCEPTED, MAX_BYTES, Decoded, Unusable, decode, in_threads
from gan_core.data.own import Own
from gan_core.errors import BadData
from gan_core.paths import home

MAX_UPLOAD = 2 * 2**30  # bytes
CHUNK = 2**20

_UPLOAD = re.compile(r"[A-Za-z0-9_-]{1,80}\.zip")  # what `store_upload` calls its files

Opener = Callable[[], BinaryIO]
Skipped = list[tuple[str, str]]


def load(mine: Own, size: int, progress: Progress) -> DataSet:
    """The images of a folder, with its subfolders, or of a zip, at `size` pixels.

    The set has one channel if all are grey, else three. The name of each image's folder is its class if all images lie
    in at least two such folders. Raises BadData.
    """
    path = uploaded(mine.path) if mine.kind == "upload" else place(mine)
    if os.path.isdir(path):  # False too where it may not be looked at
        return _load_folder(Own("folder", str(path), mine.fit), size, progress)
    if os.path.isfile(path):
        with _named_in_errors(path, mine.path):
            return _load_zip(mine, path, size, progress)
    raise BadData("There is no folder or zip at {path}.", path=mine.path)


def place(mine: Own) -> Path:
    """Where the user's folder or zip lies, without links and `~`."""
    return Path(os.path.realpath(os.path.expanduser(mine.path)))


def uploaded(name: str) -> Path:
    """Where an upload is kept; raises BadData where there is none of that name."""
    path = home() / "uploads" / name
    if not _UPLOAD.fullmatch(name) or not path.is_file():
        raise BadData("There is no upload named '{name}' any more. Upload the zip again.", name=name[:80])
    return path


def store_upload(name: str, stream: BinaryIO) -> str:
    """Keeps an uploaded zip in `GANSCOPE_HOME/uploads`; returns its reference, `upload:FILE`.

    The content is part of the file's name, so that an upload never replaces another one that a run still needs.
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
        with _named_in_errors(received, name), archives.opened(received):
            pass
        target = folder / f"{_safe(name)}-{digest[:12]}.zip"
        os.replace(received, target)
    except OSError as error:
        raise _cant_store(name, error) from error
    finally:
        received.unlink(missing_ok=True)
    return str(Own("upload", target.name))


def _load_folder(mine: Own, size: int, progress: Progress) -> DataSet:
    root = Path(mine.path)
    files, skipped = _listing(root)
    openers: list[tuple[str, Opener]] = [(name, partial(_open, path)) for name, path in files]
    write = partial(_write, mine=mine, files=openers, skipped=skipped, size=size, progress=progress)
    version = _fingerprint(files, skipped)
    return _dataset(str(mine), cache.entry(str(mine), size, version, write))


def _load_zip(mine: Own, path: Path, size: int, progress: Progress) -> DataSet:
    named = replace(mine, kind="zip", path=str(path))

    def write(writer: cache.Writer) -> None:
        with archives.opened(path) as archive:
            names = sorted(archive.names)
            openers: list[tuple[str, Opener]] = [(name, partial(archive.read, name)) for name in names]
            _write(writer, mine=named, files=openers, skipped=[], size=size, progress=progress)

    version = cache.fingerprint([(path.name, path)])
    name = str(mine if mine.kind == "upload" else named)
    return _dataset(name, cache.entry(str(named), size, version, write))


def _dataset(name: str, entry: cache.Entry) -> DataSet:
    animated = entry.notes["animated"]
    notes = (f"Animated files: {animated}. Only the first frame of each is used.",) if animated else ()
    skipped = tuple((file, reason) for file, reason in entry.notes["skipped"])
    return DataSet(name, entry.arrays, tuple(entry.notes["class_names"]), "your own", skipped, notes=notes)


def _listing(root: Path) -> tuple[list[tuple[str, Path]], Skipped]:
    """Every regular file below `root` by its relative name, and what isn't followed or can't be listed."""
    files: list[tuple[str, Path]] = []
    skipped: Skipped = []

    def unlisted(error: OSError) -> None:
        skipped.append((os.path.relpath(error.filename, root), f"can't be listed ({error.strerror})"))

    for parent, folders, names in os.walk(root, onerror=unlisted):
        for name in sorted((*folders, *names)):
            path = Path(parent, name)
            relative = path.relative_to(root).as_posix()
            if archives.hidden((name,)):
                if name in folders:
                    folders.remove(name)
                continue
            if reason := _not_followed(path, root):
                skipped.append((relative, reason))
            elif name not in folders:
                files.append((relative, path))
    return sorted(files), sorted(skipped)


def _not_followed(path: Path, root: Path) -> str | None:
    try:
        if path.is_symlink():
            target = path.resolve(strict=True)
            if not target.is_relative_to(root):
                return "a link that leads out of the folder"
            if target.is_dir():
                return "a link to a folder"
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:  # a link to nothing, or in a circle
        return f"can't be opened ({error})"
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "not a file"


def _fingerprint(files: list[tuple[str, Path]], skipped: Skipped) -> str:
    try:
        return cache.fingerprint(files) + repr(skipped)
    except OSError as error:
        raise BadData("{path} changed while it was read: try again.", path=error.filename) from error


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unusable(f"can't be opened ({error.strerror})") from error


def _write(
    writer: cache.Writer,
    mine: Own,
    files: list[tuple[str, Opener]],
    skipped: Skipped,
    size: int,
    progress: Progress,
) -> None:
    """Decodes the files into the cache, their skipped ones and classes into its notes."""
    skipped = list(skipped)
    used: list[str] = []
    grey, animated = True, 0
    results = in_threads(partial(_decoded, size=size, fit=mine.fit), (opener for _, opener in files))
    named = zip((name for name, _ in files), results, strict=True)
    for name, result in tracked(named, len(files), progress, "Reading images"):
        if isinstance(result, Unusable):
            skipped.append((name, str(result)))
            continue
        writer.add(result.pixels)
        used.append(name)
        grey = grey and bool((result.pixels == result.pixels[:1]).all())
        animated += result.animated
    if not used:
        raise _nothing_usable(Path(mine.path), skipped)
    if grey:
        writer.keep_one_channel()
    class_names, labels = classes(used)
    if labels is not None:
        writer.put("label", labels)
    writer.notes = {
        "class_names": [archives.shown(name) for name in class_names],
        "skipped": [[archives.shown(name), archives.shown(reason)] for name, reason in sorted(skipped)],
        "animated": animated,
    }


def _decoded(opener: Opener, size: int, fit: str) -> Decoded | Unusable:
    try:
        with opener() as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(0)
            if length == 0:
                return Unusable("empty")
            if length > MAX_BYTES:
                return Unusable(f"larger than {MAX_BYTES // 1_000_000} MB")
            return decode(file, size, fit)
    except Unusable as reason:
        return reason


def _nothing_usable(path: Path, skipped: Skipped) -> BadData:
    if not skipped:
        return BadData("There are no files in {path}. Accepted are {accepted}.", path=path, accepted=ACCEPTED)
    name, reason = sorted(skipped)[0]
    return BadData(
        "No image in {path} can be used. Accepted are {accepted}. "
        "Files looked at: {count}, such as '{name}': {reason}.",
        path=path,
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


@contextmanager
def _named_in_errors(path: Path, name: str) -> Iterator[None]:
    """Errors about the file at `path` show the name that the user gave it."""
    try:
        yield
    except BadData as error:
        if error.values.get("path") == path:
            raise BadData(error.message, **{**error.values, "path": archives.shown(name)}) from error
        raise


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
