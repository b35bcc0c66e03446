"""The unrolled discriminator (1611.02163): the generator looks k discriminator updates ahead.

    theta_D^0 = theta_D;   theta_D^(i+1) = update(theta_D^i, grad f(theta_G, theta_D^i));
    L_G = l_G(theta_G, theta_D^k)                                                           (equations 7 to 10)

The updates are those of the discriminator's optimiser, starting from its current moments and including gradient
clipping, and gradients flow through them. They are discarded afterwards: the discriminator itself takes its usual
single step.

When to use it: against mode collapse in small networks; k steps cost about k discriminator updates with second
derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gan_core.ranks import current

EPSILON = 1e-16  # inside the square root, whose derivative at 0 is infinite


class UnrolledDiscriminator(nn.Module):
    """The discriminator with replaced weights; called like the network."""

    def __init__(self, network: nn.Module, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.network = network
        self.weights = dict(weights)

    def forward(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.network, self.weights, inputs)
        return logits


def unrolled(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
    loss: Callable[[nn.Module], Tensor],
    clip: float = 0.0,
) -> UnrolledDiscriminator:
    """The discriminator after `steps` updates that minimise `loss(network)`.

    `clip`: largest norm of the gradient; 0 is off.
    """
    parameters = dict(network.named_parameters())
    weights = {name: weight.detach().requires_grad_() for name, weight in parameters.items()}
    states = {name: _Moments(optimizer, weight) for name, weight in parameters.items()}
    ahead = UnrolledDiscriminator(network, weights)
    for _ in range(steps):
        gradients = torch.autograd.grad(
            loss(ahead), list(ahead.weights.values()), create_graph=True, materialize_grads=True
        )
        gradients = mean_gradients(gradients)
        if clip:
            length = torch.stack([gradient.square().sum() for gradient in gradients]).sum().clamp(min=clip**2).sqrt()
            gradients = tuple(gradient * (clip / length) for gradient in gradients)
        moved = zip(ahead.weights.items(), gradients, strict=True)
        ahead = UnrolledDiscriminator(
            network, {name: states[name].step(weight, gradient) for (name, weight), gradient in moved}
        )
    return ahead


def mean_gradients(gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Gradients averaged over the ranks in one call, differentiable."""
    if current().size == 1:
        return gradients
    flat = current().mean(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    return tuple(part.reshape(like.shape) for part, like in zip(parts, gradients, strict=True))


class _Moments:
    """The optimiser state of one weight, as tensors that gradients flow through."""

    def __init__(self, optimizer: torch.optim.Optimizer, weight: nn.Parameter) -> None:
        self.settings: dict[str, Any] = next(
            group for group in optimizer.param_groups if any(weight is other for other in group["params"])
        )
        state = optimizer.state.get(weight, {})
        self.kind = type(optimizer)
        self.mean: Tensor | None = state.get("exp_avg", state.get("momentum_buffer"))
        self.square: Tensor | None = state.get("exp_avg_sq", state.get("square_avg"))
        self.count = float(state.get("step", 0))

    def step(self, weight: Tensor, gradient: Tensor) -> Tensor:
        """The weight after one update."""
        rate: float = self.settings["lr"]
        eps: float = self.settings.get("eps", 0.0)
        self.count += 1
        if self.kind is torch.optim.SGD:
            momentum = self.settings["momentum"]
            self.mean = gradient if self.mean is None or not momentum else momentum * self.mean + gradient
            return weight - rate * self.mean
        if self.kind is torch.optim.RMSprop:
            alpha = self.settings["alpha"]
            self.square = (1 - alpha) * gradient.square() + (0 if self.square is None else alpha * self.square)
            return weight - rate * gradient / ((self.square + EPSILON).sqrt() + eps)
        first, second = self.settings["betas"]
        self.mean = (1 - first) * gradient + (0 if self.mean is None else first * self.mean)
        self.square = (1 - second) * gradient.square() + (0 if self.square is None else second * self.square)
        mean = self.mean / (1 - first**self.count)
        square = self.square / (1 - second**self.count)
        moved: Tensor = weight - rate * mean / ((square + EPSILON).sqrt() + eps)
        return moved
