"""Places of the user's own files: a folder or a zip, with the same interface, by the names of the files within."""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from gan_core.data import cache
from gan_core.data.user import archives
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData
from gan_core.paths import home
from gan_core.pictures.decoding import Unusable

Opener = Callable[[], BinaryIO]
Skipped = list[tuple[str, str]]

_UPLOAD = re.compile(r"[A-Za-z0-9_-]{1,80}\.zip")  # names from folders.store_upload


@dataclass(frozen=True)
class Place(ABC):
    """A folder or a zip, or a folder within. Files of operating systems are left out.

    All methods raise BadData if something can't be read; messages name the place by its `title`.
    """

    path: Path
    title: str
    deep: bool = True  # whether to include subfolders

    @abstractmethod
    def reference(self, fit: str) -> str:
        """The name in the cache of its images with this fit."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Changes when a file changes."""

    @abstractmethod
    def names(self) -> list[str]:
        """Every file by its relative name, sorted."""

    @property
    def skipped(self) -> Skipped:
        """Entries that aren't followed or can't be listed, "." for the place itself, with reasons."""
        return []

    @abstractmethod
    def files(self) -> AbstractContextManager[dict[str, Opener]]:
        """The same files, which can be opened within the context."""

    @abstractmethod
    def entries(self) -> tuple[set[str], set[str]]:
        """The names of the folders and files directly in it."""

    @abstractmethod
    def within(self, folder: str) -> Place:
        """A folder directly in it."""


@dataclass(frozen=True)
class Folder(Place):
    """A folder of this computer. Links to folders are not followed, nor, if it is `deep`, links that lead out of it."""

    def reference(self, fit: str) -> str:
        return str(UserImages("folder", str(self.path), fit))

    @property
    def version(self) -> str:
        try:
            return cache.fingerprint(self._listing) + repr(self.skipped)
        except OSError as error:
            raise BadData("{path} changed while it was read: try again.", path=error.filename) from error

    def names(self) -> list[str]:
        return [name for name, _ in self._listing]

    @contextmanager
    def files(self) -> Iterator[dict[str, Opener]]:
        yield {name: partial(_open, path) for name, path in self._listing}

    def entries(self) -> tuple[set[str], set[str]]:
        try:
            with os.scandir(self.path) as scanned:
                found = [(entry.name, os.path.isdir(entry)) for entry in scanned if not archives.hidden((entry.name,))]
        except OSError as error:
            raise BadData("{path} can't be listed ({reason}).", path=self.title, reason=error.strerror) from error
        return {name for name, folder in found if folder}, {name for name, folder in found if not folder}

    def within(self, folder: str) -> Folder:
        path = Path(os.path.realpath(self.path / folder))  # may be a link, as in collections of other folders
        return replace(self, path=path, title=_inner(self, folder))

    @property
    def skipped(self) -> Skipped:
        return self._walked[1]

    @property
    def _listing(self) -> list[tuple[str, Path]]:
        return self._walked[0]

    @cached_property
    def _walked(self) -> tuple[list[tuple[str, Path]], Skipped]:
        files: list[tuple[str, Path]] = []
        skipped: Skipped = []

        def unlisted(error: OSError) -> None:
            skipped.append((os.path.relpath(error.filename, self.path), f"can't be listed ({error.strerror})"))

        for parent, folders, names in os.walk(self.path, onerror=unlisted):
            for name in sorted((*folders, *names)):
                path = Path(parent, name)
                relative = path.relative_to(self.path).as_posix()
                if archives.hidden((name,)):
                    if name in folders:
                        folders.remove(name)
                    continue
                if reason := _not_followed(path, self.path if self.deep else None):
                    skipped.append((relative, reason))
                elif name not in folders:
                    files.append((relative, path))
            if not self.deep:
                break
        return sorted(files), sorted(skipped)


@dataclass(frozen=True)
class Zip(Place):
    """A checked zip (see archives.py), or a folder `inside` of it; "" is all of it, others end in a slash."""

    inside: str = ""

    def reference(self, fit: str) -> str:
        return str(UserImages("zip", f"{self.path}/{self.inside}" if self.inside else str(self.path), fit))

    @property
    def version(self) -> str:
        return cache.fingerprint([(self.path.name, self.path)])

    def names(self) -> list[str]:
        return [name for name in self._below() if self.deep or "/" not in name]

    @contextmanager
    def files(self) -> Iterator[dict[str, Opener]]:
        with named_in_errors(self.path, self.title), archives.opened(self.path) as archive:
            yield {name: partial(archive.read, self.inside + name) for name in self.names()}

    def entries(self) -> tuple[set[str], set[str]]:
        parted = [name.partition("/") for name in self._below()]
        return {first for first, slash, _ in parted if slash}, {first for first, slash, _ in parted if not slash}

    def within(self, folder: str) -> Zip:
        return replace(self, inside=f"{self.inside}{folder}/", title=_inner(self, folder))

    def _below(self) -> list[str]:
        with named_in_errors(self.path, self.title):
            names = _names(self.path, self.version)
        return [name.removeprefix(self.inside) for name in names if name.startswith(self.inside)]


@lru_cache(maxsize=4)
def _names(path: Path, version: str) -> tuple[str, ...]:
    """The names in a zip, sorted and cached: a page needs them whenever a knob moves."""
    with archives.opened(path) as archive:
        return tuple(sorted(archive.names))


def _inner(place: Place, folder: str) -> str:
    return f"{place.title}/{archives.shown(folder)}"


def place(mine: UserImages, deep: bool = True) -> Place:
    """The place at a path; raises BadData if there is nothing."""
    if mine.is_upload:
        return Zip(uploaded(mine.path), given_name(mine.path), deep)
    path = Path(os.path.realpath(os.path.expanduser(mine.path)))
    if os.path.isdir(path):  # also False without permission, or for a path that is too long
        return Folder(path, str(path), deep)
    if os.path.isfile(path):
        return Zip(path, mine.path, deep)
    raise BadData("There is no folder or zip at {path}.", path=mine.path)


def is_upload_name(name: str) -> bool:
    """Whether it is a valid name of an upload; no such name leads to another folder."""
    return bool(_UPLOAD.fullmatch(name))


def given_name(name: str) -> str:
    """The name that an uploaded zip had, as far as it was kept: without the part of its content's hash."""
    return re.sub(r"-[0-9a-f]{12}\.zip$", ".zip", name)


def uploaded(name: str) -> Path:
    """The path of an upload; raises BadData if there is none of that name."""
    path = home() / "uploads" / name
    if not is_upload_name(name) or not path.is_file():
        raise BadData("There is no upload named '{name}' any more. Upload the zip again.", name=name[:80])
    return path


@contextmanager
def named_in_errors(path: Path, name: str) -> Iterator[None]:
    """Context in which errors about the file at `path` show the user's name for it."""
    try:
        yield
    except BadData as error:
        if error.values.get("path") == path:
            raise BadData(error.message, **{**error.values, "path": archives.shown(name)}) from error
        raise


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unusable(f"can't be opened ({error.strerror})") from error


def _not_followed(path: Path, root: Path | None) -> str | None:
    """Why a file is left out; without a root, links to files lead anywhere."""
    try:
        if path.is_symlink():
            target = path.resolve(strict=True)
            if root and not target.is_relative_to(root):
                return "a link that leads out of the folder"
            if target.is_dir():
                return "a link to a folder"
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:  # a broken or circular link
        return f"can't be opened ({error})"
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else "not a file"
