"""SeFa: directions computed from the weights in closed form, without samples (2007.06600).

    n* = argmax_{|n| = 1} |A n|^2,   hence   A^T A n_k = lambda_k n_k                                 (equations 3 to 5)

A is the first weight applied to the latent: for style-based models all layers' `style` weights, stacked (a range of
layers gives directions for these layers only); else the first layer's, and for BigGAN also the weights from each chunk
of z to its block's batch-norm. `eigenvalue` is lambda_k over the largest. One unit is a standard deviation.

Differs from the authors' code, which first scales each row of A to unit length: here rows keep their length, as in the
paper's equation.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.gans.biggan import BigganGenerator
from gan_core.latent.directions import Direction, Layers, check_layers, gaussian, signed
from gan_core.latent.explorer import Explorer
from gan_core.layers.residual import ConditionalBatchNorm
from gan_core.layers.style import EqualisedLinear, equalised
from gan_core.layers.style_generator import StyleGenerator


def sefa(explorer: Explorer, count: int = 20, layers: Layers | None = None) -> list[Direction]:
    """The first `count` directions, the strongest first; raises BadValue if the model doesn't allow it."""
    check_layers(explorer, layers)
    weights = first_weights(explorer, layers).detach().double().cpu()  # (rows, d)
    if not 1 <= count <= weights.shape[1]:
        raise BadValue(
            "The number of directions must be between 1 and {most}, got {count}.", most=weights.shape[1], count=count
        )
    values, axes = torch.linalg.eigh(weights.T @ weights)  # ascending
    around = gaussian(explorer)
    return [
        Direction(
            f"SeFa {place + 1}", "w" if explorer.styled else "z", around.unit(signed(axes[:, -1 - place])).float(),
            "sefa", layers, {"eigenvalue": float(values[-1 - place] / values[-1])},
        )
        for place in range(count)
    ]  # fmt: skip


def first_weights(explorer: Explorer, layers: Layers | None) -> Tensor:
    """A, (rows, latent_size or w_size)."""
    generator = explorer.generator
    if isinstance(generator, StyleGenerator):
        first, stop = layers or (0, explorer.layers)
        return torch.cat([weight for place, weight in style_weights(generator) if first <= place < stop])
    size = explorer.space("z").shape[0]
    if isinstance(generator, BigganGenerator):
        return _of_chunks(generator, size)
    if "codes" in explorer.spaces:
        raise BadValue("The first layer of {recipe} sees codes, which are directions themselves.",
                       recipe=explorer.sampler.recipe.title)  # fmt: skip
    return _of_stem(generator)[:, :size]


@torch.no_grad()
def style_weights(generator: StyleGenerator) -> Iterator[tuple[int, Tensor]]:
    """Each layer's number and its effective `style` weight (outputs, w_size).

    The layer of w that a `style` reads is found by passing each layer its own number as w.
    """
    found: list[tuple[EqualisedLinear, int]] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, EqualisedLinear)
        found.append((layer, int(inputs[0][0, 0])))

    styles = [layer for name, layer in generator.named_modules() if name.endswith(".style")]
    handles = [layer.register_forward_pre_hook(note) for layer in styles]
    try:
        numbers = torch.arange(generator.num_ws).to(generator.w_mean)
        generator.synthesis(numbers[None, :, None].expand(1, -1, len(generator.w_mean)), "constant")
    finally:
        for handle in handles:
            handle.remove()
    return ((place, equalised(layer)) for layer, place in found)


def _of_stem(generator: nn.Module) -> Tensor:
    """The first layer's weight as (outputs, inputs); the inputs for classes come after those for latents."""
    for layer in generator.modules():
        if isinstance(layer, nn.Linear):
            return layer.weight
        if isinstance(layer, nn.ConvTranspose2d):
            return layer.weight.flatten(1).T  # (I, O, h, w) -> (O * h * w, I)
    raise BadValue("SeFa doesn't support the first layer of this generator.")


def _of_chunks(generator: BigganGenerator, size: int) -> Tensor:
    """The stem reads the first chunk of z, each block's batch-norms its own: blocks of one matrix."""
    rows = [_padded(generator.body.stem.weight, 0, size)]
    start = generator.chunks[0]
    for width, block in zip(generator.chunks[1:], generator.body.blocks, strict=True):
        for norm in block.modules():
            if isinstance(norm, ConditionalBatchNorm):
                for layer in (norm.gain, norm.bias):
                    assert isinstance(layer, nn.Linear)
                    rows.append(_padded(layer.weight[:, :width], start, size))
        start += width
    return torch.cat(rows)


def _padded(weight: Tensor, start: int, size: int) -> Tensor:
    """(rows, columns) -> (rows, size), the columns from `start` on and zeros beside them."""
    wide = weight.new_zeros(len(weight), size)
    wide[:, start : start + weight.shape[1]] = weight
    return wide
