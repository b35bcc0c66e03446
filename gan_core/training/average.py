"""Exponential moving average of weights (the networks that samples are drawn from)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """EMA copies, in evaluation mode, of some networks.

    The memory grows with age, min(decay, (1 + n) / (10 + n)) after n updates, so that early samples don't show
    the initial weights. Buffers (batch-norm statistics) are copied from the live networks.
    """

    def __init__(self, networks: Mapping[str, nn.Module], names: tuple[str, ...]) -> None:
        self._live = {name: networks[name] for name in names}
        self.networks = {
            name: copy.deepcopy(network).eval().requires_grad_(False) for name, network in self._live.items()
        }
        self.updates = 0
        pairs = [(self.networks[name], self._live[name]) for name in names]
        self._averaged: list[Tensor] = [weight for average, _ in pairs for weight in average.parameters()]
        self._current: list[Tensor] = [weight for _, live in pairs for weight in live.parameters()]

    @torch.no_grad()
    def update(self, decay: float) -> None:
        """Moves the average towards the live weights; with a decay of 0, `refresh` copies them."""
        self.updates += 1
        if decay:
            memory = min(decay, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(self._averaged, self._current, 1 - memory)

    @torch.no_grad()
    def refresh(self, decay: float) -> dict[str, nn.Module]:
        """The averaged networks, ready for sampling."""
        if not decay:
            torch._foreach_copy_(self._averaged, self._current)
        for name, live in self._live.items():
            for averaged, current in zip(self.networks[name].buffers(), live.buffers(), strict=True):
                averaged.copy_(current)
        return self.networks
