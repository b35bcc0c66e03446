"""Optimisers and learning-rate schedules from the knobs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.compiler import load_compiler_late
from gan_core.gans.recipe import OptimizerSpec
from gan_core.hparams import RATES, WARM_UP, TrainingHParams
from gan_core.objectives.base import Moment


def make_optimizer(spec: OptimizerSpec, weights: Iterable[nn.Parameter], lazy_every: int) -> torch.optim.Optimizer:
    """Adam (fused), RMSprop or SGD.

    With a lazy phase every k steps, a group is updated k + 1 times in k steps; with c = k / (k + 1), the rate is
    corrected to rate * c and the betas to beta ** c (1912.04958, appendix B).
    """
    load_compiler_late()
    c = lazy_every / (lazy_every + 1) if lazy_every > 1 else 1.0
    weights = list(weights)
    if spec.kind == "adam":
        betas = (spec.betas[0] ** c, spec.betas[1] ** c)
        return torch.optim.Adam(weights, spec.rate * c, betas, fused=True)
    if spec.kind == "rmsprop":
        return torch.optim.RMSprop(weights, spec.rate * c, alpha=spec.betas[1] ** c)
    return torch.optim.SGD(weights, spec.rate * c, momentum=spec.betas[0] ** c if spec.betas[0] else 0.0)


def restore(optimizer: torch.optim.Optimizer, state: Mapping[int, Mapping[str, Any]]) -> None:
    """Loads the per-weight state (moments, step counts) and gives it the weights' memory layout.

    Fused kernels walk weight and moments in memory order: a channels-last weight needs channels-last moments.
    """
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    for weight, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                values[name] = torch.empty_like(weight).copy_(value)


def set_rates(
    optimizers: Mapping[str, torch.optim.Optimizer], specs: Mapping[str, OptimizerSpec], lazy: Mapping[str, int],
    factor: float, beta2: float | None = None,
) -> dict[str, float]:  # fmt: skip
    """Multiplies each group's rate by `factor`, and returns the rates as `rate/GROUP`.

    `beta2` replaces Adam's, if given.
    """
    rates = {}
    for group, optimizer in optimizers.items():
        rates[f"rate/{group}"] = rate = specs[group].rate * factor
        every = lazy[group]
        for settings in optimizer.param_groups:
            c = every / (every + 1) if every > 1 else 1.0
            settings["lr"] = rate * c
            if beta2 is not None and "betas" in settings:
                settings["betas"] = (settings["betas"][0], beta2**c)
    return rates


def shorten(gradients: list[Tensor], norms: Iterable[Tensor], longest: float) -> None:
    """Scales gradients of these norms, together, down to the norm `longest` if it is exceeded."""
    torch._foreach_mul_(gradients, longest / torch.stack(list(norms)).norm().clamp(min=longest))


def rate_factor(hparams: TrainingHParams, step: int, began: Mapping[str, Moment] = MappingProxyType({})) -> float:
    """The factor of the learning rates at a step, in [0, 1]; `began`: when an edit restarted the schedule."""
    decay = _decay(hparams, step - began.get(RATES, Moment()).step)
    warmed = step - began.get(WARM_UP, Moment()).step
    return (warmed + 1) / hparams.warmup_steps * decay if warmed < hparams.warmup_steps else decay


def _decay(hparams: TrainingHParams, step: int) -> float:
    progress = step / hparams.decay_steps
    if hparams.schedule == "linear":
        return min(1.0, max(0.0, 2 - 2 * progress))
    if hparams.schedule == "exponential":
        return float(hparams.decay_rate**progress)
    if hparams.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return 1.0
