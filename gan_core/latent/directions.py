"""Directions of a latent space, for sliders and edits.

The length of a direction is its unit: strength 1 moves by one standard deviation of random points along it, so that all
sliders of a model have similar ranges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.explorer import Explorer
from gan_core.layers.classes import Name, place_of
from gan_core.layers.gaussian import Gaussian

SAMPLES = 10_000  # random points for a space's mean and covariance
Layers = tuple[int, int]  # from the first, up to but excluding the second


@dataclass(frozen=True)
class Direction:
    """`vector` (latent_size,), (classes,), (w_size,) or (layers, w_size), depending on `space`."""

    name: str
    space: str  # "z", "class", "w", "w+"
    vector: Tensor
    kind: str  # its origin: "pca", "sefa", "boundary", "marks", "attribute", "class"
    layers: Layers | None = None  # where it acts unless an edit overrides it; None: everywhere
    facts: Mapping[str, float] = field(default_factory=dict)  # measurements by name

    def renamed(self, name: str) -> Direction:
        return replace(self, name=name)


def vector_space(explorer: Explorer) -> str:
    """The space of plain vectors in which directions are found: w if there is one, else z."""
    return "w" if explorer.styled else "z"


def gaussian(explorer: Explorer, count: int = SAMPLES, seed: int = 0) -> Gaussian:
    """Mean and covariance of random points; exact for z."""
    if explorer.styled is None:
        size = explorer.space("z").shape[0]
        return Gaussian(torch.zeros(size, dtype=torch.float64), torch.eye(size, dtype=torch.float64))
    latents, labels = explorer.sampler.latents(count, seed)
    labels = None if labels is None else labels.to(explorer.device)
    with torch.no_grad():
        return Gaussian.of(explorer.styled.mapping(latents.to(explorer.device), labels))


def signed(vector: Tensor) -> Tensor:
    """The vector or its opposite, whichever has its largest entry positive, so that the sign isn't random."""
    return vector if vector.flatten()[vector.abs().argmax()] > 0 else -vector


def check_layers(explorer: Explorer, layers: Layers | None) -> None:
    """Raises BadValue for a range of layers that the model doesn't have."""
    if layers is None:
        return
    if explorer.styled is None:
        raise BadValue(
            "{recipe} is not style-based: it has no w per layer to choose from.", recipe=explorer.sampler.recipe.title
        )
    first, stop = layers
    if not 0 <= first < stop <= explorer.layers:
        raise BadValue(
            "Layers must be a range within 0 to {last}, not {first} to {stop}.",
            last=explorer.layers - 1, first=first, stop=stop - 1,
        )  # fmt: skip


def class_direction(explorer: Explorer, source: Name, target: Name, name: str) -> Direction:
    """The direction from one class towards another, each by index or name; strength 1 reaches it.

    Raises BadValue for unknown classes.
    """
    (classes,) = explorer.space("class").shape
    names = explorer.sampler.spec.class_names
    start, end = (place_of(one, names, classes) for one in (source, target))
    vector = torch.zeros(classes)
    vector[start], vector[end] = -1.0, 1.0
    return Direction(name, "class", vector if start != end else torch.zeros(classes), "class")
