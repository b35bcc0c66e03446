"""Graphs of style-based generators with the noise of each layer as an input, so that users can draw new noise.

| input | shape |
| --- | --- |
| noise_4a | (B, 1, 4, 4), the first layer at 4 pixels; standard normal |
| noise_8a, noise_8b | (B, 1, 8, 8), both layers at 8 pixels |
| ... | up to the size of the pictures |

Zeros give pictures without noise; the same numbers give the same picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.layers.style_generator import Noise, StyleGenerator

ABOUT = "standard normal numbers for each layer; zeros for pictures without noise"


class WithNoise(nn.Module):
    """A style-based generator's pictures in [-1, 1] from z, with class and truncation if it has them, or from w.

    `inputs` names the inputs before the noise, in the order of the arguments.
    """

    def __init__(self, generator: StyleGenerator, inputs: tuple[str, ...]) -> None:
        super().__init__()
        self.generator, self.inputs = generator, inputs

    def forward(self, *given: Tensor) -> Tensor:
        named = dict(zip(self.inputs, given, strict=False))
        noise = iter(given[len(self.inputs) :])
        return self.generator.synthesis(self._ws(named), noise).clamp(-1, 1)

    def _ws(self, named: dict[str, Tensor]) -> Tensor:
        if "w" in named:
            return named["w"]
        w = self.generator.mapping(named["z"], named.get("class"))
        if "truncation" in named:
            w = self.generator.w_mean + named["truncation"] * (w - self.generator.w_mean)
        return self.generator.repeated(w)


def noises(generator: nn.Module | None, title: str) -> dict[str, int]:
    """The noise inputs of a generator in order: name -> side in pixels.

    Layers that a growing generator doesn't use yet have none. Raises BadValue for a generator without noise.
    """
    if not isinstance(generator, StyleGenerator):
        raise BadValue("{recipe} has no noise inputs: only style-based generators do.", recipe=title)
    sides = list(_taken(generator))
    if not sides:
        raise BadValue("This {recipe} was trained without noise inputs, so it has none to export.", recipe=title)
    seen: Counter[int] = Counter()
    names = {}
    for side in sides:
        names[f"noise_{side}{'ab'[seen[side]]}"] = side
        seen[side] += 1
    return names


def _taken(generator: StyleGenerator) -> Iterator[int]:
    """The side of each noise layer, recorded while a picture is drawn."""
    sides: list[int] = []
    with ExitStack() as hooks, torch.no_grad():
        for layer in generator.modules():
            if isinstance(layer, Noise):
                handle = layer.register_forward_hook(lambda used, *_: sides.append(used.constant.shape[-1]))
                hooks.callback(handle.remove)
        generator.synthesis(generator.repeated(generator.w_mean[None]), "constant")
    yield from sides
