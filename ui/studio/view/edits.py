"""Edits as files: saved from the sliders and applied to another picture of the same model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gan_core.errors import BadValue, GanscopeError
from ui.studio.models.opened import Opened
from ui.studio.view.view import MOST_CHANGES, Change, edit_of

EDITS = ".safetensors"


def file_of_changes(changes: Sequence[Change], model: Opened) -> bytes:
    """Returns the file's content, valid for this model only; raises BadValue if there are no edits."""
    from gan_core.latent.files import Work, write_work

    if not changes:
        raise BadValue("There are no edits to save: all sliders are in the middle.")
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder:
        path = Path(folder) / f"edit{EDITS}"
        write_work(path, model.explorer, Work("edit", tuple(edit_of(change, model) for change in changes)))
        return path.read_bytes()


def received_changes(upload: str, model: Opened) -> tuple[tuple[Change, ...], list[GanscopeError]]:
    """Reads an uploaded file, deletes it, and returns its edits and those that this model's sliders lack.

    Raises BadCheckpoint if the file is damaged or of another model, and BadValue for values out of range.
    """
    path = Path(upload)
    try:
        return _changes(path, model)
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _changes(path: Path, model: Opened) -> tuple[tuple[Change, ...], list[GanscopeError]]:
    from torch import allclose

    from gan_core.latent.files import read_work

    found: list[Change] = []
    problems: list[GanscopeError] = []
    for edit in read_work(path, model.explorer).edits:
        name = edit.direction.name
        try:
            known = model.direction(name)
        except BadValue as error:
            problems.append(error)
            continue
        if known.space != edit.direction.space or not allclose(known.vector, edit.direction.vector, atol=1e-5):
            problems.append(BadValue("The model has no direction named {name}.", name=name[:60]))
            continue
        layers = (edit.layers[0], edit.layers[1] - 1) if edit.layers else None
        found.append(Change(name, round(edit.strength, 3), layers))
    if len(found) > MOST_CHANGES:
        raise BadValue("There can be at most {most} edits, not {count}.", most=MOST_CHANGES, count=len(found))
    return tuple(found), problems
