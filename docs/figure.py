"""Draws networks as SVG, from their layers: a box for each stage, as high as its image, as wide as its channels."""

from __future__ import annotations

import html
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from gan_core.gans.describe import Layer

STEP, TOP, MIDDLE = 14, 46, 62  # pixels
COLOURS = {"generator": "#7c3aed", "discriminator": "#0d9488"}
OTHER = "#b45309"
QUIET = {"LeakyReLU", "ReLU", "Tanh", "Identity", "Flatten", "Upsample", "Dropout", "Sequential"}


@dataclass(frozen=True)
class Stage:
    """Consecutive layers whose outputs have one shape."""

    shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)


def stages(layers: Sequence[Layer]) -> list[Stage]:
    """The layers that were run, grouped by the shape of their outputs."""
    shown = [layer for layer in layers if layer.shape]
    return [Stage(shape, tuple(group)) for shape, group in itertools.groupby(shown, key=lambda layer: layer.shape)]


def figure(networks: dict[str, list[Layer]]) -> str:
    """An SVG file with one row for each network."""
    rows, top, width = [], 0, 0
    for name, layers in networks.items():
        drawn, wide, high = _network(name, stages(layers), top)
        rows.append(drawn)
        top += high
        width = max(width, wide)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" '
        'font-family="system-ui, sans-serif" font-size="11">'
        f'<rect width="{width}" height="{top}" fill="#ffffff"/>'
    )
    return "\n".join([head, *rows, "</svg>"]) + "\n"


def _network(name: str, found: list[Stage], top: int) -> tuple[str, int, int]:
    colour = COLOURS.get(name, OTHER)
    total = sum(stage.parameters for stage in found)
    tallest = max((_high(stage.shape) for stage in found), default=20)
    centre = top + TOP + tallest / 2
    parts = [
        f'<text x="12" y="{top + 22}" font-size="14" font-weight="600" fill="{colour}">'
        f"{html.escape(name.replace('_', ' ').capitalize())}</text>",
        f'<text x="12" y="{top + 38}" fill="#6b7280">{total:,} parameters</text>',
    ]
    left = 12.0
    for place, stage in enumerate(found):
        wide, high = _wide(stage.shape), _high(stage.shape)
        label = max(wide, 6.8 * max(len(line) for line in _lines(stage)))
        middle = left + label / 2
        if place:
            parts.append(
                f'<path d="M{left - STEP} {centre:.0f}h{STEP - 4}" stroke="#9ca3af" stroke-width="1.5"/>'
                f'<path d="M{left - 6} {centre - 4:.0f}l6 4l-6 4z" fill="#9ca3af"/>'
            )
        parts.append(
            f'<rect x="{middle - wide / 2:.0f}" y="{centre - high / 2:.0f}" width="{wide:.0f}" height="{high:.0f}" '
            f'rx="3" fill="{colour}" fill-opacity="0.16" stroke="{colour}"/>'
        )
        for number, line in enumerate(_lines(stage)):
            style = ' font-weight="600" fill="#111827"' if number == 0 else ' fill="#6b7280"'
            parts.append(
                f'<text x="{middle:.0f}" y="{centre + tallest / 2 + 16 + 14 * number:.0f}" text-anchor="middle"{style}>'
                f"{html.escape(line)}</text>"
            )
        left += label + STEP
    most = max((len(_lines(stage)) for stage in found), default=1)
    return "\n".join(parts), math.ceil(left + 12), math.ceil(TOP + tallest + MIDDLE / 2 + 14 * most)


def _lines(stage: Stage) -> list[str]:
    """The shape, and what makes it."""
    counts: dict[str, int] = {}
    for layer in stage.layers:
        if layer.kind not in QUIET or len(stage.layers) == 1:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
    kinds = [kind if count == 1 else f"{count} {kind}" for kind, count in counts.items()]
    return [" × ".join(map(str, stage.shape)), *kinds[:4], *(["…"] if len(kinds) > 4 else [])]


def _high(shape: tuple[int, ...]) -> float:
    return 18 + 15 * math.log2(max(1, shape[1])) if len(shape) == 3 else 18


def _wide(shape: tuple[int, ...]) -> float:
    return 10 + 5 * math.log2(max(1, shape[0]))
