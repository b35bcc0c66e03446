"""Classes as inputs of a generator: by name, by index, or blended."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue, listed

Name = int | str  # a class by its index or name
Classes = Name | Mapping[Name, float] | Mapping[int, float] | Mapping[str, float]  # one, or weights of several


class ClassEmbedding(nn.Module):
    """Labels int64 (B,), or weights over the classes, float (B, classes) -> (B, size).

    A row of weights that sum to 1 blends embeddings: half a 3 and half an 8. The table is initialised from
    N(0, deviation); spectral normalisation skips it. Raises BadValue for weights of another shape.
    """

    def __init__(self, classes: int, size: int, deviation: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, size) * deviation)

    def forward(self, labels: Tensor) -> Tensor:
        if not labels.is_floating_point():
            return nn.functional.embedding(labels, self.weight)
        if labels.ndim != 2 or labels.shape[1] != len(self.weight):
            raise BadValue(
                "A blend needs one weight for each of the {classes} classes, got shape {shape}.",
                classes=len(self.weight),
                shape=tuple(labels.shape),
            )
        return labels.to(self.weight.dtype) @ self.weight  # (B, classes) @ (classes, size) -> (B, size)

    def extra_repr(self) -> str:
        return "{}, {}".format(*self.weight.shape)


def place_of(wanted: Name, names: Sequence[str], classes: int) -> int:
    """The index of a class, 0..classes-1, from its index or name; `names` is empty if unknown.

    A number as text is a name if the classes are named by numbers, such as folders 1 to 12, and otherwise an index.
    Raises BadValue, which lists the names.
    """
    if not isinstance(wanted, str):
        if wanted not in range(classes):  # nor is 3.7 or a list
            raise _no_class(wanted, names, classes)
        return int(wanted)
    for alike in (str, str.casefold, _as_number):
        found = [place for place, name in enumerate(names) if alike(name) == alike(wanted)]
        if len(found) == 1:
            return found[0]
    numbered = any(name.isdecimal() for name in names)
    if not numbered and wanted.isdecimal() and len(wanted) < 10 and int(wanted) < classes:
        return int(wanted)
    raise _no_class(wanted, names, classes)


def _as_number(name: str) -> str:
    """Numbers without leading zeros ("007" is "7"); other text unchanged."""
    return name.lstrip("0") or "0" if name.isdecimal() else name


def _no_class(wanted: Name, names: Sequence[str], classes: int) -> BadValue:
    if names:
        return BadValue("There is no class '{label}'. Valid: {names}.", label=wanted, names=listed(names))
    return BadValue("The class must be between 0 and {last}, got {label}.", last=classes - 1, label=wanted)


def parse_classes(text: str, names: Sequence[str], classes: int) -> int | dict[int, float]:
    """`3` or `cat` is a class, `3:0.5,7:0.5` or `cat:0.5,dog:0.5` a blend; raises BadValue for anything else."""
    if text in names or ":" not in text:
        return place_of(text, names, classes)
    shares: dict[int, float] = {}
    for part in text.split(","):
        name, colon, share = part.rpartition(":")
        try:
            if not colon:
                raise ValueError("no share")
            place = place_of(name.strip(), names, classes)
            if place in shares:
                raise ValueError("twice")
            shares[place] = float(share)
        except ValueError:
            raise BadValue(
                "'{text}' is neither a class, such as {one}, nor a blend of classes, such as {one}:0.5,{other}:0.5.",
                text=text, one=names[0] if names else 0, other=names[-1] if names else classes - 1,
            ) from None  # fmt: skip
    return shares


def blended(parts: Mapping[int, float], classes: int, count: int) -> Tensor:
    """The same blend for `count` samples, (count, classes), with weights normalised to sum to 1.

    `parts` maps class indices to weights, e.g. `{3: 0.5, 8: 0.5}`. Raises BadValue for a class outside 0..classes-1, a
    weight that is negative or not finite, or weights that are all 0.
    """
    for label in parts:
        place_of(label, (), classes)
    if not all(0 <= share < math.inf for share in parts.values()) or not 0 < sum(parts.values()) < math.inf:
        raise BadValue("The weights of a blend must be non-negative numbers, not all 0.")
    weights = torch.zeros(classes)
    for label, share in parts.items():
        weights[label] = share / sum(parts.values())
    return weights.repeat(count, 1)
