"""The trainer's services for phases that are run without a trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gan_core.objectives.base import Batch


@dataclass
class FixedServices:
    """Returns what a test has put in; anything else is a KeyError."""

    batches: Callable[[int | None], Batch] = lambda count: {}
    held: Batch = field(default_factory=dict)
    optimizers: dict[str, torch.optim.Optimizer] = field(default_factory=dict)
    nets: dict[str, Callable[[Tensor, Tensor], Tensor]] = field(default_factory=dict)

    def next_batch(self, count: int | None) -> Batch:
        return self.batches(count)

    def held_out(self) -> Batch:
        return self.held

    def optimizer_of(self, group: str) -> torch.optim.Optimizer:
        return self.optimizers[group]

    def perceptual_distance(self, net: str, one: Tensor, other: Tensor) -> Tensor:
        return self.nets[net](one, other)
