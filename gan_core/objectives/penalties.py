"""Penalties on the discriminator's gradient, and on the generator's weights.

Of a discriminator with several logits they penalise the gradient of their sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gan_core.layers.style import equalised
from gan_core.ranks import batch_deviation, normal, uniform

if TYPE_CHECKING:
    from gan_core.objectives.base import StepContext

POWER = 6  # of the gradient's norm in WGAN-div; the paper compares powers, and 6 with weight 2 did best
Critic = Callable[[Tensor], Tensor]  # (B, ...) -> (B,) or (B, L)
Penalty = Callable[[Critic, Tensor, Tensor, torch.Generator], Tensor]  # critic, real, fake, randomness -> scalar
FiniteDifference = Callable[[Critic, Tensor, Tensor, "StepContext[Any]"], Tensor]  # the same


def _squared_gradient_norm(critic: Critic, points: Tensor) -> Tensor:
    """|grad critic|^2 at each point, (B,), differentiable in the critic's weights."""
    points = points.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.flatten(1).square().sum(1)  # (B, ...) -> (B,)


def _gradient_norm(critic: Critic, points: Tensor) -> Tensor:
    # the square root has an infinite derivative at 0; the small constant keeps a flat critic trainable
    return (_squared_gradient_norm(critic, points) + 1e-12).sqrt()


def _shares(like: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0, 1), one per item, shaped to broadcast against `like`."""
    share = uniform((len(like),), generator).to(like.device)
    return share.reshape(-1, *[1] * (like.ndim - 1))  # (B,) -> (B, 1, ...)


def _between(real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    return torch.lerp(fake.detach(), real, _shares(real, generator))


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[(|grad f(u)| - 1)^2], u drawn uniformly between a real and a fake image (1704.00028, equation 3).

    When to use it: with the Wasserstein loss, weight 10.
    """
    return (_gradient_norm(critic, _between(real, fake, generator)) - 1).square().mean()


def one_sided_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[max(0, |grad f(u)| - 1)^2]: norms below 1 are free (1704.00028, section 4; 1709.08894, equation 8).

    When to use it: like the two-sided penalty, if that constrains the critic too much.
    """
    return (_gradient_norm(critic, _between(real, fake, generator)) - 1).clamp(min=0).square().mean()


def divergence(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[|grad f(u)|^6], u drawn uniformly between a real and a fake image (1712.01026, section 3, with p = 6).

    When to use it: with the Wasserstein loss, weight 2: no particular norm is required, large ones cost much.
    """
    return _squared_gradient_norm(critic, _between(real, fake, generator)).pow(POWER / 2).mean()


def dragan(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[(|grad D(x + d)| - 1)^2] with d from N(0, c I) around real images x (1705.07215, section 2.3).

    The square root of c is half the standard deviation of the batch, which needs no tuning: the scale of the authors'
    code (whose noise is uniform, unlike the paper's).

    When to use it: with the standard loss, against mode collapse; only gradients around real images are penalised.
    """
    noise = normal(real.shape, generator).to(real.device)
    return (_gradient_norm(critic, real + 0.5 * batch_deviation(real) * noise) - 1).square().mean()


def r1(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[|grad D(x)|^2] / 2 at real images (1801.04406, equation 9, without its weight gamma).

    When to use it: the first remedy to try, with any loss; weight 0.1 to 10.
    """
    return 0.5 * _squared_gradient_norm(critic, real).mean()


def r2(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[|grad D(G(z))|^2] / 2 at generated images (1801.04406, equation 10).

    When to use it: instead of R1, if the discriminator's gradient is large at fakes.
    """
    return 0.5 * _squared_gradient_norm(critic, fake).mean()


penalties: dict[str, Penalty] = {
    "gradient_penalty": gradient_penalty,
    "one_sided_gradient_penalty": one_sided_gradient_penalty,
    "divergence": divergence,
    "r1": r1,
    "r2": r2,
    "dragan": dragan,
}
STEP = 0.01  # s: standard deviation of the step at each pixel; images lie in [-1, 1]


def _finite_difference(critic: Critic, points: Tensor, context: StepContext[Any]) -> Tensor:
    """E[((D(x + s e) - D(x)) / s)^2] / 2 with e from N(0, I): on average |grad D(x)|^2 / 2 for small s.

    Needs no second derivatives; its gradient is noisier (2509.24935, section 3; 2511.22475).
    """
    noise = normal(points.shape, context.generator).to(points.device)
    states = context.random_states()
    moved = critic(points + STEP * noise)
    context.set_random_states(states)  # random layers use the same random numbers for both points
    still = critic(points)
    change = (moved - still).reshape(len(points), -1).sum(1)  # (B,) or (B, L) -> (B,)
    return 0.5 * (change / STEP).square().mean()


def finite_r1(critic: Critic, real: Tensor, fake: Tensor, context: StepContext[Any]) -> Tensor:
    """R1 by finite differences: see `_finite_difference`.

    When to use it: instead of R1, if its second derivatives take most of the time.
    """
    return _finite_difference(critic, real.detach(), context)


def finite_r2(critic: Critic, real: Tensor, fake: Tensor, context: StepContext[Any]) -> Tensor:
    """R2 by finite differences: see `_finite_difference`.

    When to use it: with `finite_r1`.
    """
    return _finite_difference(critic, fake.detach(), context)


finite_differences: dict[str, FiniteDifference] = {"r1": finite_r1, "r2": finite_r2}
COMBINED = {"r1_r2": ("r1", "r2")}  # penalties that are added up (2501.05441, section 2)
NEED_FAKES = ("gradient_penalty", "one_sided_gradient_penalty", "divergence", "r2", "r1_r2")


TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)  # convolutions whose weights have the outputs second
MATRICES = (nn.Linear, nn.Conv1d, nn.Conv2d, *TRANSPOSED)


def orthogonality(network: nn.Module) -> Tensor:
    """The sum over weight matrices W (rows: outputs) of |W W^T off the diagonal|_F^2 (1809.11096, equation 3).

    When to use it: in large conditional generators that will be sampled with truncation; weight 1e-4.
    """
    total = torch.zeros((), device=next(network.parameters()).device)
    for layer in network.modules():
        # a weight is read once, because spectral normalisation iterates each time
        if isinstance(getattr(layer, "scale", None), float):
            weight = equalised(layer)
        elif isinstance(layer, MATRICES):
            weight = layer.weight
        else:
            continue
        if isinstance(layer, TRANSPOSED):
            weight = weight.transpose(0, 1)
        rows = weight.flatten(1)  # (O, I, H, W) -> (O, I * H * W)
        # W W^T and W^T W have the same norm; the smaller one is much faster in wide stems
        products = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
        total = total + products.square().sum() - rows.square().sum(1).square().sum()
    return total
