"""Style mixing: some layers of w from one image, the others from another (1812.04948, section 3.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points

CHANGED = 0.25  # share of pictures in which an attribute must change to be listed for a band


def mixed(explorer: Explorer, points: Points, others: Points, layers: Collection[int]) -> Points:
    """`points`, with the chosen layers' w from `others`; raises BadValue for layers that the model lacks.

    A single point on either side is combined with all of the other.
    """
    ws, foreign = (_ws(explorer, side) for side in (points, others))
    wrong = [layer for layer in layers if not 0 <= layer < explorer.layers]
    if wrong:
        raise BadValue("The layer must be between 0 and {last}, got {layer}.", last=explorer.layers - 1, layer=wrong[0])
    if len(points) != len(others) and 1 not in (len(points), len(others)):
        raise BadValue("{one} points can't be mixed with {other} points.", one=len(points), other=len(others))
    taken = torch.zeros(explorer.layers, dtype=torch.bool, device=ws.device)
    taken[list(layers)] = True
    return Points(ws=torch.where(taken[:, None], foreign, ws))  # (layers, 1) chooses in (B, layers, w_size)


def crossover(explorer: Explorer, coarse: Points, fine: Points, first: int) -> Points:
    """Layers before `first` from one, the rest from the other; `first` in 0..layers."""
    if not 0 <= first <= explorer.layers:
        raise BadValue(
            "The crossover must be between 0 and {layers}, got {first}.", layers=explorer.layers, first=first
        )
    return mixed(explorer, coarse, fine, range(first, explorer.layers))


def matrix(explorer: Explorer, rows: Points, columns: Points, layers: Collection[int]) -> Points:
    """All mixtures of rows and columns: R * C points, row by row."""
    return mixed(explorer, rows.repeated(len(columns)), columns.tiled(len(rows)), layers)


def _ws(explorer: Explorer, points: Points) -> Tensor:
    if explorer.styled is None:
        raise BadValue(
            "{recipe} is not style-based: it has no w per layer to mix.", recipe=explorer.sampler.recipe.title
        )
    return explorer.read(points, "w+")


@dataclass(frozen=True)
class Band:
    """Adjacent layers, and the share of pictures in which they change each attribute."""

    layers: tuple[int, int]
    changes: dict[str, float]

    @property
    def words(self) -> list[str]:
        """The attributes listed for it, the most changed first."""
        ordered = sorted(self.changes, key=lambda name: -self.changes[name])
        return [name for name in ordered if self.changes[name] >= CHANGED]


def band_changes(
    explorer: Explorer,
    classifier: AttributeClassifier,
    bands: Sequence[tuple[int, int]],
    pairs: int = 64,
    seed: int = 0,
) -> list[Band]:
    """Measures the changes by each band of layers: its w is replaced by another image's, and the classifier compares.

    A share is that of the pictures for which the classifier's value of the attribute changes.
    """
    points, others = (explorer.sample(pairs, seed + place) for place in (0, 1))
    before = classifier.named(explorer.draw(points))
    found = []
    for band in bands:
        after = classifier.named(explorer.draw(mixed(explorer, points, others, range(*band))))
        changes = {name: float((after[name] != values).float().mean()) for name, values in before.items()}
        found.append(Band(band, changes))
    return found
