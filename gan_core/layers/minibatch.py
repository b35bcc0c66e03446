"""Layers that compare the samples of a batch, so that the discriminator can detect mode collapse."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_core.ranks import current


def group_of(wanted: int, count: int) -> int:
    """The size of groups in a batch of `count`: `wanted` if it divides `count`, else `count`."""
    return wanted if wanted == 1 or count % wanted == 0 else count


class MinibatchDiscrimination(nn.Module):
    """(B, features) -> (B, features + kernels): similarity of each sample to the others (1606.03498, section 3.2).

        M_i = f(x_i) T, rows M_ib;   o(x_i)_b = sum_j exp(-|M_ib - M_jb|_1)

    T is (features, kernels * dimensions). When to use it: against mode collapse; real and fake batches then pass the
    discriminator separately. Samples are compared within groups of at most `group`, because the cost is quadratic, and
    the sum is divided by the group size, so that it does not depend on the batch size.
    """

    def __init__(self, features: int, kernels: int = 16, dimensions: int = 8, group: int = 64) -> None:
        super().__init__()
        self.kernels, self.dimensions, self.group = kernels, dimensions, group
        self.transform = nn.Parameter(torch.empty(features, kernels * dimensions))
        nn.init.normal_(self.transform, 0.0, features**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        ranks = current()
        rows = ranks.whole(features @ self.transform)  # (B, K * D) of all ranks
        group = group_of(self.group, len(rows))
        rows = rows.reshape(-1, group, self.kernels, self.dimensions).transpose(1, 2)  # -> (G, K, n, D)
        closeness = torch.exp(-torch.cdist(rows, rows, p=1.0)).mean(3)  # (G, K, n, n) -> (G, K, n)
        closeness = ranks.own(closeness.transpose(1, 2).flatten(0, 1))  # -> (B, K)
        return torch.cat([features, closeness], 1)


class MinibatchStandardDeviation(nn.Module):
    """Appends one channel: the standard deviation over a group, averaged over features (1710.10196, section 3).

    (B, C, H, W) -> (B, C + 1, H, W), or (B, F) -> (B, F + 1). Groups have `group` samples, or all samples if the batch
    size is no multiple of that. When to use it: against a lack of variety; it costs almost nothing.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        ranks, count = current(), features.shape[0]
        # a group takes every (B/G)-th item: if that divides a rank's part, no group spans two ranks
        if ranks.size == 1 or count % self.group == 0:
            deviations = self._deviations(features)
        else:
            deviations = ranks.own(self._deviations(ranks.whole(features)))
        channel = deviations.reshape(count, *[1] * (features.ndim - 1))  # (B,) -> (B, 1, ...)
        return torch.cat([features, channel.expand(count, 1, *features.shape[2:])], 1)

    def _deviations(self, features: Tensor) -> Tensor:
        """The deviation of each sample's group, (B,)."""
        count = features.shape[0]
        group = group_of(self.group, count)
        grouped = features.reshape(group, count // group, -1)  # (B, ...) -> (G, B/G, ...)
        variance = (grouped - grouped.mean(0)).square().mean(0)  # ten times as fast as `var` on a CPU
        # the square root has an infinite derivative at 0; the small constant keeps equal samples trainable
        deviation = (variance + 1e-8).sqrt().mean(1)  # (B/G,)
        return deviation.repeat(group)
