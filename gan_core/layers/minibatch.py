"""Discriminators that see a batch as a whole, so that a generator can't hide that all its samples are alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def group_of(wanted: int, count: int) -> int:
    """The size of groups in a batch of `count`: as wanted, or the whole batch where that is no multiple of it."""
    return wanted if wanted == 1 or count % wanted == 0 else count


class MinibatchDiscrimination(nn.Module):
    """(B, features) -> (B, features + kernels): how close each sample is to the others (1606.03498, section 3.2).

        M_i = f(x_i) T, rows M_ib;   o(x_i)_b = sum_j exp(-|M_ib - M_jb|_1)

    T is (features, kernels * dimensions). When to use it: against collapsing modes; real and fake are then judged
    apart. Samples are compared within groups of at most `group`, because the cost grows with its square, and the sum is
    divided by the group's size, so that it does not depend on the batch.
    """

    def __init__(self, features: int, kernels: int = 16, dimensions: int = 8, group: int = 64) -> None:
        super().__init__()
        self.kernels, self.dimensions, self.group = kernels, dimensions, group
        self.transform = nn.Parameter(torch.empty(features, kernels * dimensions))
        nn.init.normal_(self.transform, 0.0, features**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        group = group_of(self.group, features.shape[0])
        rows = features @ self.transform  # (B, K * D)
        rows = rows.reshape(-1, group, self.kernels, self.dimensions).transpose(1, 2)  # -> (G, K, n, D)
        closeness = torch.exp(-torch.cdist(rows, rows, p=1.0)).mean(3)  # (G, K, n, n) -> (G, K, n)
        closeness = closeness.transpose(1, 2).flatten(0, 1)  # -> (B, K)
        return torch.cat([features, closeness], 1)


class MinibatchStandardDeviation(nn.Module):
    """Appends one channel: the standard deviation over a group, averaged over features (1710.10196, section 3).

    (B, C, H, W) -> (B, C + 1, H, W), or (B, F) -> (B, F + 1). Groups are of `group` samples, or of the batch where
    that is no multiple of it. When to use it: against too little variety; it costs almost nothing.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        count = features.shape[0]
        group = group_of(self.group, count)
        grouped = features.reshape(group, count // group, -1)  # (B, ...) -> (G, B/G, ...)
        # the root's derivative at 0 is infinite: the tiny constant keeps equal samples trainable
        deviation = (grouped.var(0, unbiased=False) + 1e-8).sqrt().mean(1)  # (B/G,)
        channel = deviation.repeat(group).reshape(count, *[1] * (features.ndim - 1))  # -> (B, 1, ...)
        return torch.cat([features, channel.expand(count, 1, *features.shape[2:])], 1)
