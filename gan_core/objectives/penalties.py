"""Penalties on the discriminator's slope."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]  # (B, ...) -> (B,)


def _squared_slope(critic: Critic, points: Tensor) -> Tensor:
    """|grad critic|^2 at each point, (B,), differentiable in the critic's weights."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.flatten(1).square().sum(1)  # (B, ...) -> (B,)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[(|grad f(u)| - 1)^2], u drawn uniformly between a real and a fake image (1704.00028, equation 3)."""
    share = torch.rand(len(real), generator=generator).to(real.device)
    share = share.reshape(-1, *[1] * (real.ndim - 1))  # (B,) -> (B, 1, ...)
    between = torch.lerp(fake.detach(), real, share)
    # the root's derivative at 0 is infinite; the tiny constant keeps a flat critic trainable
    return ((_squared_slope(critic, between) + 1e-12).sqrt() - 1).square().mean()


def r1(critic: Critic, real: Tensor) -> Tensor:
    """E[|grad D(x)|^2] / 2 at real images (1801.04406, equation 9, without its weight gamma)."""
    return 0.5 * _squared_slope(critic, real).mean()
