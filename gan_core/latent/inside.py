"""Inspection of the generator: feature maps of any layer, channel ablation, attention maps.

Switching a channel off shows what it draws (GAN Dissection, 1811.10597, section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue, UnknownName
from gan_core.latent.explorer import CHUNK, Explorer
from gan_core.latent.points import Points
from gan_core.layers.residual import AttentionLayer, attention_maps
from gan_core.layers.style import Blur
from gan_core.layers.style_generator import Noise

MOST_SCALE = 10.0
PROBES = 3  # pictures drawn to find the shapes of layers' outputs
Shape = tuple[int, ...]


def layer_names(explorer: Explorer) -> dict[str, Shape]:
    """The layers in order of execution, each with the shape of its maps, (C, h, w).

    Multilayer perceptrons have vectors instead, (F,). An in-place layer replaces the one whose output it overwrites.
    """
    shapes = _shapes(explorer)
    maps_alone: dict[str, Shape] = {name: shape for name, shape in shapes.items() if len(shape) == 3}
    return maps_alone or shapes


def _shapes(explorer: Explorer) -> dict[str, Shape]:
    seen: list[tuple[str, Tensor]] = []

    def note(name: str) -> Any:
        def keep(layer: nn.Module, inputs: Any, output: Any) -> None:
            # an output with another number of rows isn't per picture: a weight inside spectral norm
            if isinstance(output, Tensor) and output.ndim in (2, 4) and len(output) == PROBES:
                seen.append((name, output))

        return keep

    with explorer.lock:
        modules = [(name, layer) for name, layer in _places(explorer) if not isinstance(layer, (Noise, Blur))]
        handles = [layer.register_forward_hook(note(name)) for name, layer in modules]
        try:
            with torch.no_grad():
                picture = explorer.images(explorer.sample(PROBES))
        finally:
            _remove(handles)
    latest = {id(output): (name, tuple(output.shape[1:])) for name, output in seen if output is not picture}
    shapes = dict(latest.values())
    inner = {name.rpartition(".")[0] for name in shapes if name.endswith(".style")}  # modulation, within its layer
    return {name: shape for name, shape in shapes.items() if name not in inner and "style" not in name}


def _places(explorer: Explorer) -> Iterator[tuple[str, nn.Module]]:
    """All layers except the whole network and those of the mapping network, which draw no part of a picture."""
    for name, layer in explorer.generator.named_modules():
        inner = name.startswith("mapping") or "parametrizations" in name
        if name and not inner and not isinstance(layer, nn.ModuleList):
            yield name, layer


def _remove(handles: Sequence[Any]) -> None:
    for handle in handles:
        handle.remove()


def _layer(explorer: Explorer, name: str) -> nn.Module:
    known = dict(_places(explorer))
    if name not in known:
        raise UnknownName("layer", name, layer_names(explorer))
    return known[name]


@torch.no_grad()
def maps(explorer: Explorer, points: Points, layer: str) -> Tensor:
    """A layer's maps for some points, (B, C, h, w) or (B, F), on the CPU; raises UnknownName."""
    parts: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Any) -> None:
        kept.append(output)

    with explorer.lock:
        for part in points.parts(CHUNK):
            kept: list[Tensor] = []
            handle = _layer(explorer, layer).register_forward_hook(keep)
            try:
                explorer.draw(part)
            finally:
                handle.remove()
            # the last: networks that compute statistics with their first picture run for these before. Not copied in
            # the hook: a following in-place layer, such as ReLU, belongs to it
            parts.append(kept[-1].detach().cpu().contiguous())
    return torch.cat(parts)


def watched(explorer: Explorer, points: Points, layer: str) -> tuple[Tensor, Tensor]:
    """Differentiable pictures (B, C, H, W) and maps (B, c, h, w) of a layer; raises UnknownName."""
    kept: list[Tensor] = []
    with explorer.lock:
        handle = _layer(explorer, layer).register_forward_hook(lambda module, inputs, output: kept.append(output))
        try:
            picture = explorer.images(points)
        finally:
            handle.remove()
    return picture, kept[-1]


@contextmanager
def switched(explorer: Explorer, channels: Mapping[str, Sequence[int]], scale: float = 0.0) -> Iterator[None]:
    """Context in which some channels of some layers are multiplied by `scale`: 0 is off, 1 unchanged, 2 doubled.

    Raises UnknownName for a layer, BadValue for a channel that it lacks or a scale beyond +-10. Other users of the
    model wait meanwhile.
    """
    if not -MOST_SCALE <= scale <= MOST_SCALE:
        raise BadValue(
            "The strength of a channel must be between {low} and {high}, got {value}.",
            low=-MOST_SCALE, high=MOST_SCALE, value=scale,
        )  # fmt: skip
    with explorer.lock:
        shapes = _shapes(explorer) if channels else {}
        for layer, chosen in channels.items():
            if layer not in shapes:
                raise UnknownName("layer", layer, shapes)
            wrong = [channel for channel in chosen if not 0 <= channel < shapes[layer][0]]
            if wrong:
                raise BadValue(
                    "{layer} has channels 0 to {last}, so {channel} doesn't exist.",
                    layer=layer, last=shapes[layer][0] - 1, channel=wrong[0],
                )  # fmt: skip
        handles = [
            _layer(explorer, layer).register_forward_hook(_scaling(chosen, scale)) for layer, chosen in channels.items()
        ]
        try:
            yield
        finally:
            _remove(handles)


def _scaling(chosen: Sequence[int], scale: float) -> Any:
    def change(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        factors = torch.ones(output.shape[1], device=output.device, dtype=output.dtype)
        factors[list(chosen)] = scale
        return output * factors.reshape(1, -1, *[1] * (output.ndim - 2))  # (C,) -> (1, C, 1, 1)

    return change


def attention(explorer: Explorer, points: Points) -> dict[str, Tensor]:
    """Attention maps of each place of a picture, (B, H, W, h, w) by layer; `[b, y, x]` sums to 1 (1805.08318).

    Raises BadValue for a model without attention.
    """
    if not any(isinstance(layer, AttentionLayer) for layer in explorer.generator.modules()):
        raise BadValue("{recipe} has no attention layers.", recipe=explorer.sampler.recipe.title)
    inputs = [values for values in (points.latents, points.classes) if values is not None]
    with explorer.lock:
        explorer.draw(points.mapped(lambda values: values[:1]))  # BigGAN estimates its statistics first
        return {name: found.cpu() for name, found in attention_maps(explorer.generator, *inputs).items()}
