"""Files written atomically and verified by their sha256. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from gan_core.errors import BadCheckpoint


def write_atomically(path: Path, content: bytes) -> None:
    """Writes and syncs a file under a partial name, then renames it; leaves nothing behind on failure."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def check_whole(path: Path, sha256: str = "") -> None:
    """Raises BadCheckpoint if the file is missing or doesn't have that checksum ("": any)."""
    if not path.is_file():
        raise BadCheckpoint("The checkpoint {name} is missing.", name=path.name)
    if sha256 and sha256_of(path) != sha256:
        raise BadCheckpoint("The checkpoint {name} was modified or truncated: its checksum differs.", name=path.name)


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, read in chunks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
