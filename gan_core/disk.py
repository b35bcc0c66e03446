"""Writing files so that a full disk is one clear error and no half-written file stands under its final name."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.errors import StoreError

FULL = (errno.ENOSPC, errno.EDQUOT)
TEMPORARY = ".partial"  # ending of files that are still being written; a claim sweeps what a crash left of them


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
    """Turns a full disk into DiskFull and any other OSError into StoreError, for whatever writes below the folder."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(folder) from error
        raise StoreError(
            "GANscope can't use its folder {folder} ({reason}).", folder=folder, reason=error.strerror or error
        ) from error
    except Exception as error:
        # safetensors reports the system's error as text only
        if os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, StoreError):
            raise DiskFull(folder) from error
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` when all is written; nothing is left of it where that fails.

    Raises StoreError.
    """
    temporary = path.with_name(f"{path.stem}.{os.getpid()}{TEMPORARY}{path.suffix}")
    with writing(path.parent):
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def is_full(folder: Path) -> bool:
    """Finds out by writing a little, since SQLite reports some full disks (and all full quotas) as an I/O error."""
    probe = folder / f"probe-{os.getpid()}-{threading.get_ident()}{TEMPORARY}"
    try:
        probe.write_bytes(bytes(256 * 1024))
    except OSError as error:
        return error.errno in FULL
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return False


def write_temporary(path: Path, data: bytes) -> Path:
    """Writes the data beside `path`, for an `os.replace` onto it; leaves nothing behind where that fails."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        temporary.write_bytes(data)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


class Reserve:
    """A file that holds some space back, so that a run's end can still be written down when the disk is full."""

    BYTES = 512 * 1024

    def __init__(self, path: Path) -> None:
        self.path = path

    def free(self) -> None:
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def restore(self) -> bool:
        """Makes the file where it is missing or short; returns whether it stands."""
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
        """Bytes that it takes now."""
        return file_size(self.path)


def file_size(path: Path) -> int:
    """Bytes of a file; 0 where there is none (any more)."""
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
