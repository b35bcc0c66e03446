"""Batch normalisation whose statistics are those of all ranks' items, also on a CPU.

    mean = 1/W sum_r mean_r        variance = 1/W sum_r (variance_r + (mean_r - mean)^2)

PyTorch's SyncBatchNorm needs GPUs and can't be differentiated twice. Here the ranks' means and variances are collected
in one call, and everything else is ordinary arithmetic, so that gradients of any order flow through it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.ranks import current


class JoinedBatchNorm(_BatchNorm):
    """(B, C, ...) -> the same shape, normalised by the statistics of all ranks' items.

    Alone, or in evaluation mode, it is ordinary batch normalisation.
    """

    @classmethod
    def of(cls, norm: _BatchNorm) -> JoinedBatchNorm:
        """The same layer, which shares its weights and buffers."""
        joined = cls(norm.num_features)
        joined.__dict__.update(norm.__dict__)
        return joined

    def _check_input_dim(self, inputs: Tensor) -> None:
        """The layer that this one replaces had inputs of the right shape."""

    def forward(self, inputs: Tensor) -> Tensor:
        ranks = current()
        if not self.training or ranks.size == 1:
            return super().forward(inputs)
        axes = [0, *range(2, inputs.ndim)]
        variances, means = torch.var_mean(inputs.float() if inputs.dtype.itemsize < 4 else inputs, axes, correction=0)
        every = ranks.each(torch.stack([means, variances]))  # (W, 2, C)
        mean = every[:, 0].mean(0)
        variance = every[:, 1].mean(0) + every[:, 0].var(0, correction=0)
        self._update(mean.detach(), variance.detach(), inputs.numel() // inputs.shape[1] * ranks.size)
        scale = torch.rsqrt(variance + self.eps)
        shift = -mean * scale
        if self.weight is not None:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        shape = (1, -1, *[1] * (inputs.ndim - 2))
        return torch.addcmul(shift.reshape(shape), inputs, scale.reshape(shape)).to(inputs.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """The running statistics, as PyTorch updates them: with the unbiased variance."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * (count / max(1, count - 1))).to(self.running_var.dtype), share)


def join_batch_norm(network: nn.Module) -> None:
    """Replaces the batch normalisation layers of a network by joined ones with the same weights."""
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            setattr(network, name, JoinedBatchNorm.of(layer))
        else:
            join_batch_norm(layer)
