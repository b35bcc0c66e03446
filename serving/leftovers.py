"""Leftovers of killed processes: partial files and folders with a process id in their names."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psutil  # type: ignore[import-untyped]


def sweep(folder: Path, pattern: str) -> None:
    """Removes files and folders that match a glob pattern and whose name contains the id of an ended process."""
    for path in folder.glob(pattern):
        found = re.search(r"[.-](\d+)[.-]", path.name)
        if found is None or psutil.pid_exists(int(found[1])):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
