"""Where GANscope keeps its state (`GANSCOPE_HOME`) and finds data sets (`GANSCOPE_DATA`)."""

from __future__ import annotations

import os
from pathlib import Path

from gan_core.errors import StoreError

ROOT = Path(__file__).parents[1]  # folder of the project, if it was cloned


def home() -> Path:
    """The writable state folder, created on first use; raises StoreError if it can't be created."""
    folder = Path(os.environ.get("GANSCOPE_HOME") or Path.home() / ".ganscope")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            "GANscope can't create its folder {folder} ({reason}). Set GANSCOPE_HOME to a writable folder.",
            folder=folder,
            reason=error.strerror or error,
        ) from error
    return folder


def data_home() -> Path | None:
    """The folder of data sets that `GANSCOPE_DATA` names, or None."""
    folder = os.environ.get("GANSCOPE_DATA")
    return Path(folder) if folder and Path(folder).is_dir() else None
