"""Activation checkpointing: blocks recompute their activations in the backward pass instead of keeping them
(1604.06174).

A network keeps only the inputs of its blocks, which saves most of its memory for about a third more time. It fits
blocks that compute the same when they run again: not those with batch normalisation or spectral normalisation, nor
whole style-based generators, which change their own buffers in each pass. Noise and dropout are drawn again from the
same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized
from torch.utils.checkpoint import checkpoint

from gan_core.layers.blocks import RandomLayer
from gan_core.layers.style_generator import StyleGenerator
from gan_core.ranks import current


class Recomputed(nn.Module):
    """A network whose blocks are recomputed in the backward pass; shares the weights and delegates everything else."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._blocks = [_Block(block) for block in blocks(network)]

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("network"), name)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.network(*inputs, **options)
        for block in self._blocks:
            block.layer.forward = block
        try:
            return self.network(*inputs, **options)
        finally:
            for block in self._blocks:
                del block.layer.forward


class _Block:
    """Runs a block's forward pass without keeping its activations."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.plain: Callable[..., Any] = layer.forward

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        # every pass has its own random states, and the ranks of its step
        return checkpoint(_Pass(self), *inputs, use_reentrant=False, preserve_rng_state=False, **options)


class _Pass:
    def __init__(self, block: _Block) -> None:
        self.plain = block.plain
        self.generators = {
            id(layer.generator): layer.generator
            for layer in block.layer.modules()
            if isinstance(layer, RandomLayer) and layer.generator is not None
        }.values()
        self.ranks = current()
        self.part = self.ranks.turn, self.ranks.turns
        self.states: list[Tensor] = []

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if not self.states:
            self.states = [generator.get_state() for generator in self.generators]
            return self.plain(*inputs, **options)
        later = [generator.get_state() for generator in self.generators]
        part = self.ranks.turn, self.ranks.turns
        self._set(self.states)
        self.ranks.turn, self.ranks.turns = self.part
        try:
            with self.ranks.training():
                return self.plain(*inputs, **options)
        finally:
            self.ranks.turn, self.ranks.turns = part
            self._set(later)

    def _set(self, states: list[Tensor]) -> None:
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)


def blocks(network: nn.Module) -> Iterator[nn.Module]:
    """The largest parts below the network itself that have several layers with weights and can be run again."""
    for child in network.children():
        weighted = [layer for layer in child.modules() if next(layer.parameters(recurse=False), None) is not None]
        listing = isinstance(child, (nn.ModuleList, nn.ModuleDict, nn.Sequential))
        if len(weighted) < 2:
            continue
        if listing or not repeatable(child):
            yield from blocks(child)
        else:
            yield child


def repeatable(layer: nn.Module) -> bool:
    """Whether a layer computes the same when it runs again."""
    return not any(isinstance(part, (_BatchNorm, StyleGenerator)) or is_parametrized(part) for part in layer.modules())


def fits(networks: Mapping[str, nn.Module]) -> bool:
    """Whether any network has blocks that can be recomputed."""
    return any(True for network in networks.values() for _ in blocks(network))
