"""Layers of w in three bands (1812.04948, section 3.1). Each size from 4 pixels on has two layers, the first has one.

Needs no torch.
"""

from __future__ import annotations

EDGES = {"coarse": (0, 3), "middle": (3, 7), "fine": (7, 1_000)}  # 4 to 8 pixels, 16 to 32, all larger ones


def band_layers(layers: int, name: str) -> range:
    """The layers of a band in a model with that many layers; empty if it has none of them."""
    start, stop = EDGES[name]
    return range(min(start, layers), min(stop, layers))
