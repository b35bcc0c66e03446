"""Edits: a direction, a strength, and a range of layers. Several edits add up, in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.directions import Direction, Layers, check_layers
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points

MOST_STRENGTH = 20.0  # units, which are standard deviations


@dataclass(frozen=True)
class Edit:
    """A move along a direction. `layers` exclude the second number; None: those of the direction."""

    direction: Direction
    strength: float  # units, in [-20, 20]
    layers: Layers | None = None


def edited(explorer: Explorer, points: Points, edits: Sequence[Edit]) -> Points:
    """Points moved by all edits; raises BadValue for a strength or layers out of range, or another model's direction.

    Moves in z or of classes come first, because w depends on them; if there are any, w is computed again.
    """
    for edit in edits:
        check(explorer, edit)
    for space in ("z", "class"):
        moves = [edit for edit in edits if edit.direction.space == space and edit.strength]
        if moves:
            values = explorer.read(points, space)
            total = sum((edit.strength * edit.direction.vector.to(values) for edit in moves), torch.zeros(1).to(values))
            points = explorer.write(points, space, values + total)
    styled = [edit for edit in edits if edit.direction.space in ("w", "w+") and edit.strength]
    if not styled:
        return points
    ws = explorer.read(points, "w+")
    return explorer.write(
        points, "w+", ws + sum((shift(explorer, edit).to(ws) for edit in styled), torch.zeros_like(ws))
    )


def shift(explorer: Explorer, edit: Edit) -> Tensor:
    """The change of w+ by an edit, (layers, w_size); 0 outside its layers."""
    first, stop = edit.layers or edit.direction.layers or (0, explorer.layers)
    moved = torch.zeros(explorer.space("w+").shape)
    vector = edit.direction.vector.float().cpu()
    moved[first:stop] = edit.strength * (vector if edit.direction.space == "w" else vector[first:stop])
    return moved


def check(explorer: Explorer, edit: Edit) -> None:
    """Raises BadValue or UnknownName if an edit doesn't fit the model."""
    if not (math.isfinite(edit.strength) and abs(edit.strength) <= MOST_STRENGTH):
        raise BadValue(
            "The strength must be between {low} and {high}, got {value}.",
            low=-MOST_STRENGTH, high=MOST_STRENGTH, value=edit.strength,
        )  # fmt: skip
    check_direction(explorer, edit.direction)
    if edit.direction.space in ("w", "w+"):
        check_layers(explorer, edit.layers)
    elif edit.layers is not None:
        raise BadValue("{name} is a direction in {space}, which has no layers.", name=edit.direction.name,
                       space=edit.direction.space)  # fmt: skip


def check_direction(explorer: Explorer, direction: Direction) -> None:
    """Raises BadValue or UnknownName if a direction doesn't fit the model's spaces."""
    wanted = explorer.space(direction.space).shape
    if tuple(direction.vector.shape) != wanted:
        raise BadValue(
            "{name} has shape {given}, but {space} of this model has shape {wanted}.",
            name=direction.name, given=tuple(direction.vector.shape), space=direction.space, wanted=wanted,
        )  # fmt: skip
    if direction.space in ("w", "w+"):
        check_layers(explorer, direction.layers)
