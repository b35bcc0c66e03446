"""Points of a latent space: everything a generator needs to draw images."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.errors import BadValue


@dataclass(frozen=True)
class Points:
    """Latents, shares of the classes, and a w for each layer, if the model has them.

    If `ws` is given, it alone determines the pictures, and the others record its origin.
    """

    latents: Tensor | None = None  # (B, latent_size)
    classes: Tensor | None = None  # (B, classes), rows that sum to 1
    ws: Tensor | None = None  # (B, layers, w_size)

    def __post_init__(self) -> None:
        if self.latents is None and self.ws is None:
            raise BadValue("Points need z, or a w for each layer.")

    def __len__(self) -> int:
        return len(next(values for values in (self.ws, self.latents) if values is not None))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Points:
        """Applies a function to all parts."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return Points(**{name: None if values is None else change(values) for name, values in parts.items()})

    def at(self, *places: int) -> Points:
        """Some of the points, in the given order; raises BadValue for places out of range."""
        wrong = [place for place in places if not 0 <= place < len(self)]
        if wrong:
            raise BadValue("Point {place} doesn't exist: there are {count}.", place=wrong[0], count=len(self))
        return self.mapped(lambda values: values[list(places)])

    def parts(self, size: int) -> Iterator[Points]:
        """All points in order, at most `size` at once."""
        for start in range(0, len(self), size):
            yield self.mapped(operator.itemgetter(slice(start, start + size)))

    def repeated(self, times: int) -> Points:
        """Repeats each point: a a b b."""
        return self.mapped(lambda values: values.repeat_interleave(times, 0))

    def tiled(self, times: int) -> Points:
        """Repeats all points in order: a b a b."""
        return self.mapped(lambda values: torch.cat([values] * times))


def joined(parts: Sequence[Points]) -> Points:
    """Concatenates points; parts that one of them lacks are left out."""

    def together(name: str) -> Tensor | None:
        values = [getattr(part, name) for part in parts]
        return None if any(value is None for value in values) else torch.cat(values)

    if not parts:
        raise BadValue("There are no points to join.")
    return Points(together("latents"), together("classes"), together("ws"))
