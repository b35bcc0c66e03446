"""The unrolled discriminator against a closed form, and against real copies trained by torch's own optimisers."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gan_core.objectives.unrolling import unrolled

Loss = Callable[[nn.Module], Tensor]


class Scale(nn.Module):
    """D(x) = w x."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.weight * inputs


def test_one_step_of_sgd_in_closed_form() -> None:
    # the discriminator minimises (w x - 1)^2, whose slope is 2 x (w x - 1); one step gives w' = w - 2 a x (w x - 1).
    # The generator's D(x) = w' x then has the slope w' + x dw'/dx, with dw'/dx = -2 a (2 w x - 1)
    weight, rate, x = 0.5, 0.1, torch.tensor(3.0, requires_grad=True)
    discriminator = Scale(weight)
    optimizer = torch.optim.SGD(discriminator.parameters(), rate)
    ahead = unrolled(discriminator, optimizer, 1, lambda discriminator: (discriminator(x) - 1).square())
    later = weight - 2 * rate * 3 * (weight * 3 - 1)
    assert_close(ahead.weights["weight"].detach(), torch.tensor(later))
    (slope,) = torch.autograd.grad(ahead(x), x)
    assert_close(slope, torch.tensor(later + 3 * (-2 * rate * (2 * weight * 3 - 1))))


def test_clipping_is_included_in_the_unrolling() -> None:
    # the slope 2 * 3 * (1.5 - 1) = 3 is cut to 0.5; a slope below the bound passes
    discriminator, x = Scale(0.5), torch.tensor(3.0)
    optimizer = torch.optim.SGD(discriminator.parameters(), 0.1)
    for clip, moved in ((0.5, 0.05), (5.0, 0.3)):
        ahead = unrolled(discriminator, optimizer, 1, lambda discriminator: (discriminator(x) - 1).square(), clip)
        assert_close(ahead.weights["weight"].detach(), torch.tensor(0.5 - moved))


def discriminator_and_loss() -> tuple[nn.Module, Tensor, Loss]:
    random = torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=random))
    real, fake = (torch.randn(16, 2, generator=random) for _ in range(2))
    fake.requires_grad_()

    def loss(discriminator: nn.Module) -> Tensor:
        return nn.functional.softplus(-discriminator(real)).mean() + nn.functional.softplus(discriminator(fake)).mean()

    return network, fake, loss


OPTIMISERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "adam": lambda weights: torch.optim.Adam(weights, 0.01, (0.5, 0.9), fused=True),
    "adam without momentum": lambda weights: torch.optim.Adam(weights, 0.01, (0.0, 0.99), fused=True),
    "rmsprop": lambda weights: torch.optim.RMSprop(weights, 0.01, alpha=0.9),
    "sgd": lambda weights: torch.optim.SGD(weights, 0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.5),
}


@pytest.mark.parametrize("warm", [0, 3], ids=["fresh", "with moments"])
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_the_weights_ahead_are_those_of_a_copy_trained_as_long(kind: str, warm: int) -> None:
    network, _, loss = discriminator_and_loss()
    optimizer = OPTIMISERS[kind](list(network.parameters()))
    train(network, optimizer, loss, warm)
    before = copy.deepcopy(network.state_dict())
    ahead = unrolled(network, optimizer, 4, loss)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
    train(network, optimizer, loss, 4)
    for name, weight in network.named_parameters():
        assert_close(ahead.weights[name].detach(), weight.detach(), rtol=1e-4, atol=1e-5)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss(network).backward()
        optimizer.step()


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_the_slope_through_the_looking_ahead_is_that_of_finite_differences(kind: str) -> None:
    network, fake, _ = discriminator_and_loss()
    network.double()
    random = torch.Generator().manual_seed(1)
    real = torch.randn(16, 2, generator=random, dtype=torch.float64)
    optimizer = OPTIMISERS[kind](list(network.parameters()))
    train(network, optimizer, lambda discriminator: discriminator(real).square().mean(), 2)

    def objective(samples: Tensor) -> Tensor:
        def game(discriminator: nn.Module) -> Tensor:
            return (
                nn.functional.softplus(-discriminator(real)).mean()
                + nn.functional.softplus(discriminator(samples)).mean()
            )

        return nn.functional.softplus(-unrolled(network, optimizer, 2, game)(samples)).mean()

    samples = fake.detach().double().requires_grad_()
    direction = torch.randn(samples.shape, generator=random, dtype=torch.float64)
    (slope,) = torch.autograd.grad(objective(samples), samples)
    reach = 1e-5
    difference = (objective(samples + reach * direction) - objective(samples - reach * direction)) / (2 * reach)
    assert_close((slope * direction).sum(), difference.detach(), rtol=1e-4, atol=1e-8)


def test_frozen_weights_are_looked_ahead_as_well() -> None:
    network, fake, loss = discriminator_and_loss()
    optimizer = OPTIMISERS["adam"](list(network.parameters()))
    network.requires_grad_(False)  # as in the generator's phase
    (slope,) = torch.autograd.grad(unrolled(network, optimizer, 2, loss)(fake).sum(), fake)
    (without,) = torch.autograd.grad(network(fake).sum(), fake)
    assert slope.isfinite().all()
    assert not torch.allclose(slope, without, rtol=1e-3)
