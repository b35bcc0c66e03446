"""Removes the user's own models and downloaded ones."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from gan_core import paths
from gan_core.disk import writing
from gan_core.errors import BadValue, UnknownName
from gan_core.models import hub, listing


def removable() -> list[str]:
    """The names of the user's models, and the addresses of those from the Hub."""
    return [*listing.folders(own=True), *hub.downloaded()]


def remove(names: Sequence[str]) -> int:
    """Removes models by name or address, and returns the number of bytes freed.

    Raises BadValue for a model that comes with GANscope, UnknownName for one that isn't here, both before anything is
    removed, and StoreError.
    """
    mine = listing.folders(own=True)
    for name in names:
        if name not in mine and name in listing.names():
            raise BadValue("{name} comes with GANscope and can't be removed.", name=name)
        if name not in removable():
            raise UnknownName("model", name, removable())
    return sum(_removed(mine[name]) if name in mine else hub.remove(name) for name in names)


def _removed(folder: Path) -> int:
    """The bytes of a model's folder, which is hidden before it is deleted, so that no half of it can be found."""
    with writing(paths.home()):
        if folder.is_symlink():
            folder.unlink()
            return 0
        gone = folder.with_name(f".{folder.name}-removed")
        shutil.rmtree(gone, ignore_errors=True)  # of a process that was killed meanwhile
        folder.replace(gone)
        freed = sum(file.stat().st_size for file in gone.rglob("*") if file.is_file() and not file.is_symlink())
        shutil.rmtree(gone)
    return freed
