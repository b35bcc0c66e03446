"""What a process that was killed has left behind: partial files and folders with its id in their names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psutil  # type: ignore[import-untyped]


def sweep(folder: Path, pattern: str) -> None:
    """Removes files and folders that match a pattern of glob, whose name holds the id of a process that has ended."""
    for path in folder.glob(pattern):
        found = re.search(r"[.-](\d+)[.-]", path.name)
        if found is None or psutil.pid_exists(int(found[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
