"""Gets a published data set: fetches, checks and converts it, and only then puts it into the folder of data sets."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import PIL

from gan_core.data.base import Progress, silent
from gan_core.data.cache import sweep
from gan_core.data.published import arrays
from gan_core.data.published.catalogue import Published, published
from gan_core.data.published.fetch import Fetcher
from gan_core.data.published.origins import File, group_sum, groups
from gan_core.errors import BadData
from gan_core.files import sha256_of
from gan_core.paths import data_home, home

UNREADABLE = (OSError, ValueError, KeyError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error)
ABOUT = "origin.json"


@dataclass(frozen=True)
class Got:
    """An available set. `exact`: its arrays equal, value for value, those that our own models were trained on.

    It is true for sets that none of them was trained on.
    """

    name: str
    folder: Path
    digest: str
    exact: bool
    fresh: bool  # made by this call


def get(name: str, progress: Progress = silent) -> Got:
    """The published set of that name, downloaded if missing. Raises UnknownName or BadData.

    It is searched in GANSCOPE_DATA and created in `GANSCOPE_HOME/data`. An interrupted download is resumed; a broken
    set is rebuilt.
    """
    return bring(published.get(name), progress)


def bring(wanted: Published, progress: Progress = silent) -> Got:
    """Like `get`, for any set."""
    if found := _found(wanted):
        return found
    downloads = home() / "downloads" / f"{wanted.name}.files"
    with _alone(downloads, wanted.title):
        if found := _found(wanted):  # another process was faster
            return found
        _fetch(wanted, downloads, progress)
        converted = _converted(wanted, downloads, progress)
        made = _publish(wanted, converted)
    shutil.rmtree(downloads, ignore_errors=True)
    return made


def _found(wanted: Published) -> Got | None:
    folder = home() / "data" / wanted.folder
    shared = data_home()
    for place in (shared / wanted.folder, folder) if shared else (folder,):
        with suppress(*UNREADABLE):
            if not all(any(place.glob(pattern)) for pattern in wanted.needed):
                continue
            digest = arrays.digest(arrays.read(place, wanted.npz))
            if place == folder and digest != json.loads((place / ABOUT).read_bytes())["digest"]:
                continue
            if wanted.npz or any(place.iterdir()):
                return Got(wanted.name, place, digest, wanted.digest in ("", digest), fresh=False)
    return None


@contextmanager
def _alone(downloads: Path, title: str) -> Iterator[None]:
    """Locks the set against other processes; SQLite's lock is released whenever its process ends."""
    try:
        downloads.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(downloads.with_suffix(".lock"), timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise BadData("{folder} can't be written ({reason}).", folder=downloads, reason=error) from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        raise BadData("Another process is getting {title} just now ({reason}).", title=title, reason=error) from error
    try:
        yield
    finally:
        lock.close()


def _fetch(wanted: Published, downloads: Path, progress: Progress) -> None:
    fetcher = Fetcher(downloads, wanted.title)

    def look() -> None:
        done, size = fetcher.arrived / 1e6, wanted.size / 1e6
        progress(min(0.99, done / size), f"Downloading {wanted.title} ({done:.1f} of {size:.1f} MB)")

    fetcher.fetch(list(wanted.first), look)
    for file, expected in wanted.first.items():
        if sha256_of(file.place(downloads)) != expected:
            _refuse(wanted, [file], downloads)
    for group, expected in zip(groups(wanted.listed(downloads)), wanted.sums, strict=True):
        fetcher.fetch(group, look)
        if group_sum(group, downloads) != expected:
            _refuse(wanted, group, downloads)


def _refuse(wanted: Published, files: Sequence[File], downloads: Path) -> None:
    for file in files:
        file.place(downloads).unlink(missing_ok=True)
    raise BadData(
        "{title}: what came from {first} (and {more} files after it) isn't what was published, and was removed. The "
        "same command fetches it again; where that doesn't help, something on the way changes the files.",
        title=wanted.title,
        first=files[0].address,
        more=len(files) - 1,
    )


def _converted(wanted: Published, downloads: Path, progress: Progress) -> arrays.Arrays:
    try:
        return wanted.convert(downloads, progress)
    except UNREADABLE as error:  # the checksums were right, so the fault is on this machine
        raise BadData(
            "The files of '{name}' in {folder} can't be read ({reason}).",
            name=wanted.name,
            folder=downloads,
            reason=error,
        ) from error


def _publish(wanted: Published, converted: arrays.Arrays) -> Got:
    """Writes the set under another name, and renames it when complete."""
    place = home() / "data" / wanted.folder
    partial = place.with_name(f"{wanted.folder}.{uuid4().hex[:8]}.partial")
    digest = arrays.digest(converted)
    about = {
        "name": wanted.name,
        "licence": wanted.licence,
        "sources": dict(origin.known for origin in wanted.origins),
        "digest": digest,
        "made with": {"pillow": PIL.__version__, "numpy": np.__version__},
    }
    try:
        partial.mkdir(parents=True)
        sweep(place.parent)
        arrays.write(converted, partial, wanted.npz)
        (partial / ABOUT).write_text(json.dumps(about, indent=2), "utf-8")
        if place.exists():  # broken, or it would have been found
            os.rename(place, broken := place.with_name(f"{wanted.folder}.{uuid4().hex[:8]}.partial"))
            shutil.rmtree(broken, ignore_errors=True)
        partial.rename(place)
    except OSError as error:
        raise BadData("{folder} can't be written ({reason}).", folder=place, reason=error.strerror or error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Got(wanted.name, place, digest, wanted.digest in ("", digest), fresh=True)
