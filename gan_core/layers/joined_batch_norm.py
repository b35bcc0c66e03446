"""Batch normalisation whose statistics are those of all ranks' items, also on a CPU.

    mean = 1/W sum_r mean_r        variance = 1/W sum_r (variance_r + (mean_r - mean)^2)
    dx = gain / sigma (dy - E[dy] - x' E[dy x'])        x' = (x - mean) / sigma, E over all ranks' items

PyTorch's SyncBatchNorm needs GPUs and can't be differentiated twice. Here the ranks' means and variances are collected
in one call, and the two sums of the backward pass in another. First derivatives use PyTorch's own kernels; if the
backward pass is itself differentiated, it is computed from ordinary operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.ranks import Ranks, current


class JoinedBatchNorm(_BatchNorm):
    """(B, C, ...) -> the same shape, normalised by the statistics of all ranks' items.

    In a single process, or in evaluation mode, it is ordinary batch normalisation.
    """

    @classmethod
    def of(cls, norm: _BatchNorm) -> JoinedBatchNorm:
        """Converts a layer, sharing its weights and buffers."""
        joined = cls(norm.num_features)
        joined.__dict__.update(norm.__dict__)
        return joined

    def _check_input_dim(self, inputs: Tensor) -> None:
        """The layer that this one replaces had inputs of the right shape."""

    def forward(self, inputs: Tensor) -> Tensor:
        ranks = current()
        if not self.training or ranks.size == 1:
            return super().forward(inputs)
        given = inputs.float() if inputs.dtype.itemsize < 4 else inputs
        with torch.no_grad():
            mean, variance = joined_statistics(ranks, *torch.batch_norm_update_stats(given, None, None, 0.0))
            self._update(mean, variance, inputs.numel() // inputs.shape[1] * ranks.size)
        gain = mean.new_ones(len(mean)) if self.weight is None else self.weight
        shift = mean.new_zeros(len(mean)) if self.bias is None else self.bias
        normalised: Tensor = _Normalise.apply(ranks, given, gain, shift, mean, variance, self.eps)
        return normalised.to(inputs.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Updates the running statistics like PyTorch, with the unbiased variance."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * (count / max(1, count - 1))).to(self.running_var.dtype), share)


def joined_statistics(ranks: Ranks, means: Tensor, variances: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of all ranks' items, from this rank's; differentiable."""
    every = ranks.each(torch.stack([means, variances]))  # (W, 2, C)
    return every[:, 0].mean(0), every[:, 1].mean(0) + every[:, 0].var(0, correction=0)


class _Normalise(torch.autograd.Function):
    """Inputs normalised by statistics of all ranks, which depend on the inputs."""

    @staticmethod
    def forward(
        ctx: Any, ranks: Ranks, inputs: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float
    ) -> Tensor:
        ctx.ranks, ctx.eps = ranks, eps
        ctx.save_for_backward(inputs, gain, mean, variance)
        normalised: Tensor = torch.native_batch_norm(inputs, gain, shift, mean, variance, False, 0.0, eps)[0]
        return normalised

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | float | None, ...]:
        inputs, gain, mean, variance = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None, *_differentiable(ctx.ranks, inputs, gain, gradient, ctx.eps), None, None, None)
        direct, of_gain, of_shift = torch.ops.aten.native_batch_norm_backward(
            gradient, inputs, gain, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        count = inputs.numel() // len(mean) * ctx.ranks.size
        through_shift, through_gain = ctx.ranks.sum(torch.stack([of_shift, of_gain])) / count  # E[dy], E[dy x']
        scale = torch.rsqrt(variance + ctx.eps)
        slope = gain * scale * scale * through_gain
        shape = (1, -1, *[1] * (inputs.ndim - 2))
        rest = gain * scale * through_shift - slope * mean
        direct = direct.sub_(torch.addcmul(rest.reshape(shape), inputs, slope.reshape(shape)))
        return None, direct, of_gain, of_shift, None, None, None


def _differentiable(
    ranks: Ranks, inputs: Tensor, gain: Tensor, gradient: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same gradients of inputs, gain and shift, as functions of inputs, gain and gradient."""
    axes = [0, *range(2, inputs.ndim)]
    shape = (1, -1, *[1] * (inputs.ndim - 2))
    variances, means = torch.var_mean(inputs, axes, correction=0)
    mean, variance = joined_statistics(ranks, means, variances)
    scale = torch.rsqrt(variance + eps)
    normal = (inputs - mean.reshape(shape)) * scale.reshape(shape)
    of_shift, of_gain = gradient.sum(axes), (gradient * normal).sum(axes)
    count = inputs.numel() // len(mean) * ranks.size
    through_shift, through_gain = ranks.sum(torch.stack([of_shift, of_gain])) / count
    rest = gradient - through_shift.reshape(shape) - normal * through_gain.reshape(shape)
    return rest * (gain * scale).reshape(shape), of_gain, of_shift


def join_batch_norm(network: nn.Module) -> None:
    """Replaces the batch normalisation layers of a network by joined ones with the same weights."""
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(network, name, JoinedBatchNorm.of(layer))
        else:
            join_batch_norm(layer)
