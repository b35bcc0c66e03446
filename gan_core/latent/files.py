"""Files of directions and edits: safetensors, with names and numbers as JSON in the header; no pickle.

A file belongs to one model, known by its recipe and the sha256 of the generator's weights; another model refuses it.
`directions.safetensors` beside a model holds its published directions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gan_core.disk import writing
from gan_core.errors import BadCheckpoint, BadValue
from gan_core.files import write_atomically
from gan_core.latent.directions import Direction
from gan_core.latent.edits import Edit, check, check_direction
from gan_core.latent.explorer import SHOWN, Explorer
from gan_core.latent.points import Points

DIRECTIONS = "directions.safetensors"
FORMAT = "ganscope.directions.1"
EDITS = "ganscope.edits.1"
MOST_BYTES = 64_000_000


@dataclass(frozen=True)
class Work:
    """A named set of edits and, if it was stored, their starting point."""

    name: str
    edits: tuple[Edit, ...]
    start: Points | None = None


def write_directions(path: Path, explorer: Explorer, directions: Sequence[Direction]) -> None:
    """Writes the file, whole or not at all; raises BadValue for directions that don't fit, or duplicate names."""
    for one in directions:
        check_direction(explorer, one)
    names = [one.name for one in directions]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadValue("Two directions are named {name}.", name=twice[0])
    tensors = {str(place): one.vector for place, one in enumerate(directions)}
    _write(path, explorer, FORMAT, tensors, {"directions": [_plain(one) for one in directions]})


def read_directions(path: Path, explorer: Explorer) -> list[Direction]:
    """The directions of this model's file; raises BadCheckpoint if it is missing, damaged or another model's."""
    content, tensors = _read(path, explorer, FORMAT)
    try:
        found = [_direction(one, tensors[str(place)]) for place, one in enumerate(content["directions"])]
        for one in found:
            check_direction(explorer, one)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    return found


def write_work(path: Path, explorer: Explorer, work: Work) -> None:
    """Writes edits and their starting point, whole or not at all."""
    for edit in work.edits:
        check(explorer, edit)
    tensors = {str(place): edit.direction.vector for place, edit in enumerate(work.edits)}
    if work.start is not None:
        parts = {"latents": work.start.latents, "classes": work.start.classes, "ws": work.start.ws}
        tensors |= {f"start/{name}": values for name, values in parts.items() if values is not None}
    edits = [
        {"direction": _plain(edit.direction), "strength": edit.strength, "layers": edit.layers} for edit in work.edits
    ]
    _write(path, explorer, EDITS, tensors, {"name": work.name, "edits": edits})


def read_work(path: Path, explorer: Explorer) -> Work:
    """Edits of this model; raises BadCheckpoint if the file is missing, damaged or another model's, or BadValue."""
    content, tensors = _read(path, explorer, EDITS)
    try:
        edits = tuple(
            Edit(_direction(one["direction"], tensors[str(place)]), float(one["strength"]), _layers(one["layers"]))
            for place, one in enumerate(content["edits"])
        )
        parts = {name.removeprefix("start/"): tensors[name] for name in tensors if name.startswith("start/")}
        start = Points(**parts) if parts else None
        name = str(content["name"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    for edit in edits:
        check(explorer, edit)
    if start is not None:
        for space, values in (("z", start.latents), ("class", start.classes), ("w+", start.ws)):
            if values is not None and tuple(values.shape[1:]) != explorer.space(space).shape:
                raise _damaged(path, ValueError(space))
    return Work(name, edits, start)


def _plain(direction: Direction) -> dict[str, Any]:
    facts = {name: value for name, value in direction.facts.items() if math.isfinite(value)}  # JSON has no NaN
    return {
        "name": direction.name, "space": direction.space, "kind": direction.kind, "layers": direction.layers,
        "facts": facts,
    }  # fmt: skip


def _direction(plain: dict[str, Any], vector: Tensor) -> Direction:
    facts = {str(name): float(value) for name, value in plain["facts"].items()}
    return Direction(str(plain["name"]), plain["space"], vector, plain["kind"], _layers(plain["layers"]), facts)


def _layers(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    first, stop = value
    return int(first), int(stop)


def _write(path: Path, explorer: Explorer, format: str, tensors: dict[str, Tensor], content: dict[str, Any]) -> None:
    header = {"recipe": explorer.sampler.recipe.name, "model": explorer.fingerprint, **content}
    kept = {name: tensor.detach().float().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with writing(path.parent):
        write_atomically(path, save(kept, metadata={"format": format, "content": json.dumps(header)}))


def _read(path: Path, explorer: Explorer, format: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise BadCheckpoint("The file {name} is missing.", name=path.name)
    if path.stat().st_size > MOST_BYTES:
        raise _damaged(path, ValueError("too large"))
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except (SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    if metadata.get("format") != format:
        raise BadCheckpoint(
            "{name} has the format '{format}'. Valid: {valid}.",
            name=path.name, format=metadata.get("format", "unknown"), valid=format,
        )  # fmt: skip
    try:
        content = json.loads(metadata["content"])
        recipe, model = content["recipe"], content["model"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if (recipe, model) != (explorer.sampler.recipe.name, explorer.fingerprint):
        raise BadCheckpoint(
            "{name} belongs to another model: it was made for {recipe} {theirs}, but this is {own} {ours}.",
            name=path.name, recipe=recipe, theirs=str(model)[:SHOWN], own=explorer.sampler.recipe.name,
            ours=explorer.fingerprint[:SHOWN],
        )  # fmt: skip
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise _damaged(path, ValueError("not finite"))
    return content, tensors


def _damaged(path: Path, error: Exception) -> BadCheckpoint:
    return BadCheckpoint("{name} can't be read: {reason}.", name=path.name, reason=error)
