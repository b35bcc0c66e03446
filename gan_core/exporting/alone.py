"""Replaces `gan_core.ranks` in exported code: an exported network runs in one process."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Alone:
    """The only process: its items are the whole batch."""

    size = 1

    def mean(self, values: Tensor) -> Tensor:
        return values

    def whole(self, values: Tensor) -> Tensor:
        return values

    def own(self, whole: Tensor) -> Tensor:
        return whole


def current() -> Alone:
    return Alone()


def normal(
    shape: Sequence[int], generator: torch.Generator | None, axis: int = 0, device: torch.device | str | None = None
) -> Tensor:
    return torch.randn(shape, generator=generator, device=device)


def uniform(
    shape: Sequence[int], generator: torch.Generator | None, axis: int = 0, device: torch.device | str | None = None
) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


def integers(
    high: int, count: int, generator: torch.Generator | None, device: torch.device | str | None = None
) -> Tensor:
    return torch.randint(high, (count,), generator=generator, device=device)
