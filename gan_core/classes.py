"""Classes as inputs of a generator: by number, or blended."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue


class ClassEmbedding(nn.Module):
    """Labels int64 (B,), or weights over the classes, float (B, classes) -> (B, size).

    A row of weights that sum to 1 blends the embeddings: half a 3 and half an 8. The table is drawn from N(0, 1), or
    from N(0, `deviation`); spectral norm leaves it alone. Raises BadValue for weights of another shape.
    """

    def __init__(self, classes: int, size: int, deviation: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, size) * deviation)

    def forward(self, labels: Tensor) -> Tensor:
        if not labels.is_floating_point():
            return nn.functional.embedding(labels, self.weight)
        if labels.ndim != 2 or labels.shape[1] != len(self.weight):
            raise BadValue(
                "A blend needs a weight for each of the {classes} classes, not the shape {shape}.",
                classes=len(self.weight),
                shape=tuple(labels.shape),
            )
        return labels.to(self.weight.dtype) @ self.weight  # (B, classes) @ (classes, size) -> (B, size)

    def extra_repr(self) -> str:
        return "{}, {}".format(*self.weight.shape)


def blended(parts: Mapping[int, float], classes: int, count: int) -> Tensor:
    """The same blend for `count` samples, (count, classes), its weights scaled to sum to 1.

    `parts` gives each class's share, e.g. `{3: 0.5, 8: 0.5}`. Raises BadValue for a class outside 0..classes-1, a
    share that is negative or no number, or shares that are all 0.
    """
    outside = [label for label in parts if not 0 <= label < classes]
    if outside:
        raise BadValue("The class must lie between 0 and {last}, not at {label}.", last=classes - 1, label=outside[0])
    if not all(0 <= share < math.inf for share in parts.values()) or not 0 < sum(parts.values()) < math.inf:
        raise BadValue("The shares of a blend must be numbers that are not negative, and not all 0.")
    weights = torch.zeros(classes)
    for label, share in parts.items():
        weights[label] = share / sum(parts.values())
    return weights.repeat(count, 1)
