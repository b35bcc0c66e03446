"""Exponential moving average of weights (the networks that samples are drawn from)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ema:
    """Copies of some networks, in evaluation mode, whose weights are exponential moving averages.

    The decay grows with age, min(decay, (1 + n) / (10 + n)) after n updates, so that early samples do not show the
    initial weights; with a decay of 0 the averages are the live weights. `refresh` copies the buffers (batch-norm
    statistics) of the live networks.
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
        """Updates the averaged weights after a step."""
        self.updates += 1
        effective = min(decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._averaged, self._current, 1 - effective)

    @torch.no_grad()
    def refresh(self) -> dict[str, nn.Module]:
        """The averaged networks with current buffers, ready to sample from."""
        for name, live in self._live.items():
            for averaged, current in zip(self.networks[name].buffers(), live.buffers(), strict=True):
                averaged.copy_(current)
        return self.networks
