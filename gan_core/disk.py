"""Writes files so that a full disk raises one clear error and no partial file is left under its final name."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.errors import BadValue, StoreError

FULL = (errno.ENOSPC, errno.EDQUOT)
TEMPORARY = ".partial"  # ending of files that are being written; a claim deletes those left by a crash


class DiskFull(StoreError):
    """Nothing more can be written: the disk, or the user's quota on it, is full."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "The disk of {folder} is full ({free} MB left). Free some space or delete runs, then resume.",
            folder=folder,
            free=_free_megabytes(folder),
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a full disk into DiskFull and any other OSError into StoreError, for code that writes below the folder."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(folder) from error
        raise StoreError(
            "GANscope can't use the folder {folder} ({reason}).", folder=folder, reason=error.strerror or error
        ) from error
    except Exception as error:
        # safetensors reports the system's error as text only
        if os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, StoreError):
            raise DiskFull(folder) from error
        raise


def check_extension(path: Path, valid: Iterable[str]) -> None:
    """Raises BadValue for a file whose extension is none of these."""
    names = list(dict.fromkeys(valid))
    if path.suffix.lower() not in names:
        raise BadValue(
            "{file} can't be written. Valid file extensions: {valid}.", file=path.name or path, valid=", ".join(names)
        )


def check_output(path: Path, endings: Collection[str] = ()) -> None:
    """Raises BadValue for a file that can't be written: its extension is none of these, or its folder doesn't exist."""
    if endings:
        check_extension(path, endings)
    if not path.parent.is_dir():
        raise BadValue("{file} can't be written: there is no folder {folder}.", file=path.name, folder=path.parent)


def beside(path: Path, suffix: str = "") -> Path:
    """A name to write to, beside `path` and of this thread alone; its ending says that it is partial."""
    return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}{suffix}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary name to write to, renamed to `path` on success and removed on failure.

    Raises StoreError.
    """
    temporary = beside(path, path.suffix)  # what writes may tell the format by it
    with writing(path.parent):
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def is_full(folder: Path) -> bool:
    """Tests by writing a little, since SQLite reports some full disks (and all full quotas) as an I/O error."""
    probe = beside(folder / "probe")
    try:
        probe.write_bytes(bytes(256 * 1024))
    except OSError as error:
        return error.errno in FULL
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return False


def write_temporary(path: Path, data: bytes) -> Path:
    """Writes the data beside `path`, for an `os.replace` onto it; leaves nothing behind on failure."""
    temporary = beside(path)
    try:
        temporary.write_bytes(data)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


class Reserve:
    """A file that reserves some space, so that the end of a run can still be recorded when the disk is full."""

    BYTES = 512 * 1024

    def __init__(self, path: Path) -> None:
        self.path = path

    def free(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def restore(self) -> bool:
        """Creates the file if it is missing or too short; returns whether it has its full size."""
        try:
            if self.size() == self.BYTES:
                return True
            with self.path.open("wb") as file:
                _allocate(file.fileno(), self.BYTES)
        except OSError:
            self.free()
            return False
        return True

    def size(self) -> int:
        """Its present size in bytes."""
        return file_size(self.path)


def file_size(path: Path) -> int:
    """The size of a file in bytes; 0 if it doesn't exist (any more)."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    with open(descriptor, "wb", closefd=False) as file:
        file.write(bytes(size))


def _free_megabytes(folder: Path) -> float:
    try:
        return round(shutil.disk_usage(folder).free / 1e6, 1)
    except OSError:
        return 0.0
