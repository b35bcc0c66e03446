"""Decoded sets on disk, so that each is decoded and resized once.

An entry is a folder of `.npy` files and `about.json` in `GANSCOPE_HOME/cache`, named by set, size and version. It is
written under a `.partial` name and renamed when complete, so that a killed process leaves no broken entry and several
processes may build the same one: the first wins. Images are written with plain file writes and only *read* through a
memory map, because a full disk kills a process that writes through a map (SIGBUS), while a plain write just fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gan_core.errors import BadData, StoreError
from gan_core.paths import home

SMALL = 256 * 2**20  # bytes, up to which images are kept in memory; larger sets stay on disk
FORMAT = 3  # incremented when the preparation of images changes, so that older entries are rebuilt
STALE = 24 * 3600  # seconds after which the files of a killed process are removed


@dataclass(frozen=True)
class Entry:
    """The arrays of one set, in memory or memory-mapped, and JSON notes about it."""

    arrays: Mapping[str, np.ndarray]
    notes: Mapping[str, Any]


class Writer:
    """Collects the images of a set one by one, in memory up to SMALL, then on disk."""

    def __init__(self, name: str, partial: Path | None) -> None:
        self.notes: dict[str, Any] = {}
        self.count = 0
        self._name = name
        self._partial = partial  # None if no cache can be written
        self._shape: tuple[int, ...] = ()
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        self._others: dict[str, np.ndarray] = {}

    def add(self, image: np.ndarray) -> None:
        """Adds an image, uint8 (C, H, W); all must have the shape of the first."""
        if self.count and image.shape != self._shape:
            raise ValueError(f"image of shape {image.shape} in a set of {self._shape}")
        self._shape = image.shape
        self.count += 1
        if self._file is None:
            self._memory += image.tobytes()
            if len(self._memory) > SMALL:
                self._to_disk()
            return
        try:
            self._file.write(image.tobytes())
        except OSError as error:
            raise self._cant_write(error) from error

    def put(self, name: str, array: np.ndarray) -> None:
        """Adds a whole array of another kind, e.g. `label`."""
        self._others[name] = array

    def restart(self) -> None:
        """Drops all images, to start again."""
        self.close()
        self._file, self._memory, self.count = None, bytearray(), 0

    def keep(self, places: Sequence[int], channels: int) -> None:
        """Keeps the images at these places, with their first channels: one for colour files that are all grey."""
        if len(places) == self.count and channels == self._shape[0]:
            return
        if self._file is None:
            kept = self._in_memory()[list(places), :channels]
            self._memory = bytearray(kept.tobytes())
            self.count, self._shape = len(places), (channels, *self._shape[1:])
            return
        try:
            path = self._finish_file()
            path = path.rename(path.with_name("whole.npy"))
            whole = np.lib.format.open_memmap(path, mode="r")
            self.count, self._shape = len(places), (channels, *self._shape[1:])
            self._file = self._open_file()
            for place in places:
                self._file.write(whole[place, :channels].tobytes())
            del whole
            path.unlink()
        except OSError as error:
            raise self._cant_write(error) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def finish(self) -> Entry | None:
        """Writes the rest to the partial folder; returns the entry, or None for a large one, to be read from disk."""
        about = json.dumps({"shape": [self.count, *self._shape], "notes": self.notes, "others": list(self._others)})
        in_memory = None
        if self._file is None:
            in_memory = Entry({"real": self._in_memory(), **self._others}, self.notes)
        if self._partial is None:
            return in_memory
        try:
            self._partial.mkdir(parents=True, exist_ok=True)
            if in_memory is not None:
                _save(self._partial / "real.npy", in_memory.arrays["real"])
            else:
                self._finish_file()
            for name, array in self._others.items():
                _save(self._partial / f"{name}.npy", array)
            _write(self._partial / "about.json", about.encode())
        except OSError as error:
            if in_memory is None:
                raise self._cant_write(error) from error
            shutil.rmtree(self._partial, ignore_errors=True)  # a small set works without the cache
        return in_memory

    def _in_memory(self) -> np.ndarray:
        # (N * C * H * W,) -> (N, C, H, W)
        return np.frombuffer(self._memory, np.uint8).reshape(-1, *self._shape)

    def _to_disk(self) -> None:
        if self._partial is None:
            raise BadData(
                "'{name}' is too large for memory at this size and the folder of GANSCOPE_HOME can't be written. "
                "Choose a smaller size, or set GANSCOPE_HOME to a folder that you may write.",
                name=self._name,
            )
        try:
            self._partial.mkdir(parents=True, exist_ok=True)
            self._file = self._open_file()
            self._file.write(self._memory)
        except OSError as error:
            raise self._cant_write(error) from error
        self._memory = bytearray()

    def _open_file(self) -> BinaryIO:
        assert self._partial is not None
        file = open(self._partial / "real.npy", "wb")  # noqa: SIM115  closed by close()
        _write_header(file, 0, self._shape)
        return file

    def _finish_file(self) -> Path:
        """Puts the true count into the header and closes the file."""
        assert self._file is not None
        assert self._partial is not None
        self._file.seek(0)
        _write_header(self._file, self.count, self._shape)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._partial / "real.npy"

    def _cant_write(self, error: OSError) -> BadData:
        assert self._partial is not None
        return BadData(
            "The images of '{name}' can't be kept in {folder} ({reason}). Free some space there, choose a smaller "
            "size, or set GANSCOPE_HOME to a folder on a larger disk.",
            name=self._name,
            folder=self._partial.parent,
            reason=error.strerror or error,
        )


def entry(name: str, size: int, version: str, write: Callable[[Writer], None]) -> Entry:
    """The set of that name and size: from the cache, or created by `write` and then stored.

    Any other version of the same set and size is removed. A set below `SMALL` is returned in memory, even if the cache
    can't be written; a larger one is memory-mapped, and raises BadData if the disk is full.
    """
    place = _place(name, size, version)
    if place is not None and (found := _read(place)) is not None:
        return found
    with _partial_of(place) as partial:
        writer = Writer(name, partial)
        try:
            write(writer)
            if not writer.count:
                raise BadData("'{name}' holds no images.", name=name)
            made = writer.finish()
        finally:
            writer.close()
        if place is not None and partial is not None and partial.is_dir():
            _publish(partial, place, made)
    if made is not None:
        return made
    assert place is not None
    kept = _read(place)
    if kept is None:
        raise BadData("The cached images of '{name}' in {folder} can't be read back.", name=name, folder=place)
    return kept


def fingerprint(files: Iterable[tuple[str, Path]]) -> str:
    """A version that changes when a file is added, removed, renamed or written."""
    digest = hashlib.sha256()
    for name, path in files:
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def sweep(folder: Path) -> None:
    """Removes the `.partial` folders and files of killed processes."""
    for path in folder.glob("*.partial"):
        try:
            newest = max(item.stat().st_mtime for item in (path, *path.glob("*")))
            if time.time() - newest < STALE:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        except OSError:  # another process was faster
            continue


def _place(name: str, size: int, version: str) -> Path | None:
    try:
        folder = home() / "cache"
    except StoreError:
        return None
    readable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[-40:]
    key = hashlib.sha256(f"{FORMAT}\0{name}\0{size}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return folder / f"{readable}.{size}.{key}.{hashlib.sha256(version.encode()).hexdigest()[:16]}"


@contextmanager
def _partial_of(place: Path | None) -> Iterator[Path | None]:
    if place is None:
        yield None
        return
    sweep(place.parent)
    partial = place.with_name(f"{place.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _publish(partial: Path, place: Path, made: Entry | None) -> None:
    try:
        partial.rename(place)
    except OSError as error:
        if place.is_dir() or made is not None:  # another process was first, or it isn't needed
            return
        raise BadData("{folder} can't be written ({reason}).", folder=place, reason=error.strerror or error) from error
    same_set = place.name.rpartition(".")[0]
    for other in place.parent.glob(f"{same_set}.*"):
        if other != place and not other.name.endswith(".partial"):
            shutil.rmtree(other, ignore_errors=True)


def _read(place: Path) -> Entry | None:
    """The entry in that folder; None if there is none, or a broken one, which is removed."""
    if not place.is_dir():
        return None
    try:
        about = json.loads((place / "about.json").read_bytes())
        images: np.ndarray = np.lib.format.open_memmap(place / "real.npy", mode="r")
        if images.dtype != np.uint8 or list(images.shape) != about["shape"]:
            raise ValueError("not the array that was written")
        arrays = {"real": np.array(images) if images.nbytes <= SMALL else images}
        for name in about["others"]:
            arrays[name] = np.load(place / f"{name}.npy", allow_pickle=False)
            if len(arrays[name]) != len(images):
                raise ValueError("arrays of different lengths")
        return Entry(arrays, about["notes"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, EOFError):
        shutil.rmtree(place, ignore_errors=True)
    except OSError:  # e.g. too many open files: no reason to remove it
        pass
    return None


def _write_header(file: BinaryIO, count: int, shape: tuple[int, ...]) -> None:
    # NumPy pads headers so that the first axis can grow in place
    described = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, described)


def _save(path: Path, array: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.lib.format.write_array(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
