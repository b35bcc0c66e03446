"""Losses and penalties against values worked by hand and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gan_core.objectives import losses
from gan_core.objectives.penalties import gradient_penalty, r1

# logits whose sigmoids are 3/4 and 1/4: log 3 and -log 3
REAL = torch.tensor([math.log(3), -math.log(3)])
FAKE = torch.tensor([0.0, math.log(3)])


def terms(values: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


def test_non_saturating() -> None:
    # real: -(log 3/4 + log 1/4) / 2; fake: -(log 1/2 + log 1/4) / 2
    expected = {"real": -(math.log(3 / 4) + math.log(1 / 4)) / 2, "fake": (math.log(2) + math.log(4)) / 2}
    assert terms(losses.non_saturating_discriminator(REAL, FAKE)) == pytest.approx(expected)
    # generator: -(log 1/2 + log 3/4) / 2
    expected = {"adversarial": -(math.log(1 / 2) + math.log(3 / 4)) / 2}
    assert terms(losses.non_saturating_generator(FAKE)) == pytest.approx(expected)


def test_label_smoothing_is_cross_entropy_with_a_softer_label() -> None:
    smoothed = losses.non_saturating_discriminator(REAL, FAKE, 0.1)["real"]
    by_hand = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4) + 0.9 * math.log(1 / 4) + 0.1 * math.log(3 / 4)) / 2
    assert float(smoothed) == pytest.approx(by_hand)
    # least squares: ((log 3 - 0.9)^2 + (-log 3 - 0.9)^2) / 4
    smoothed = losses.least_squares_discriminator(REAL, FAKE, 0.1)["real"]
    assert float(smoothed) == pytest.approx(((math.log(3) - 0.9) ** 2 + (math.log(3) + 0.9) ** 2) / 4)


def test_minimax_is_the_negative_of_what_the_discriminator_minimises_on_fakes() -> None:
    assert terms(losses.minimax_generator(FAKE)) == pytest.approx({"adversarial": -(math.log(2) + math.log(4)) / 2})


def test_least_squares() -> None:
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([0.5, -1.0])
    assert terms(losses.least_squares_discriminator(real, fake)) == pytest.approx({"real": 0.5, "fake": 0.3125})
    assert terms(losses.least_squares_generator(fake)) == pytest.approx({"adversarial": (0.25 + 4) / 4})


def test_wasserstein_and_hinge() -> None:
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([0.5, -2.0])
    assert terms(losses.wasserstein_discriminator(real, fake)) == pytest.approx({"real": -1.0, "fake": -0.75})
    assert terms(losses.hinge_discriminator(real, fake)) == pytest.approx({"real": 0.5, "fake": 0.75})
    assert terms(losses.linear_generator(fake)) == pytest.approx({"adversarial": 0.75})


@pytest.mark.parametrize("name", losses.losses)
def test_large_logits_stay_finite_and_push_the_right_way(name: str) -> None:
    loss = losses.losses[name]
    real = torch.tensor([-1e4, 1e4], requires_grad=True)
    fake = torch.tensor([-1e4, 1e4], requires_grad=True)
    total = sum(loss.discriminator(real, fake, 0.0).values())
    slope_real, slope_fake = torch.autograd.grad(total, (real, fake))
    assert total.isfinite()
    assert slope_real[0] < 0 < slope_fake[1]  # up on a real that is taken for fake, down on a fake taken for real
    (slope,) = torch.autograd.grad(loss.generator(fake)["adversarial"], fake)
    assert (slope <= 0).any()
    if name == "least_squares":
        assert slope[0] < 0
    else:
        assert (slope <= 0).all()


def test_gradient_penalty_of_a_linear_critic() -> None:
    # f(x) = w.x has slope |w| = 5 everywhere: (5 - 1)^2
    weights = torch.tensor([3.0, 4.0])
    value = gradient_penalty(lambda x: x @ weights, torch.randn(6, 2), torch.randn(6, 2), torch.Generator())
    assert_close(value, torch.tensor(16.0))


def test_gradient_penalty_looks_between_real_and_fake() -> None:
    # f(x) = x^2 / 2 has slope x: between 3 and 3 the penalty is (3 - 1)^2
    same = torch.full((4, 1), 3.0)
    value = gradient_penalty(lambda x: x[:, 0].square() / 2, same, same.clone(), torch.Generator())
    assert_close(value, torch.tensor(4.0))
    seen: list[torch.Tensor] = []

    def critic(points: torch.Tensor) -> torch.Tensor:
        seen.append(points.detach())
        return points.sum((1, 2, 3))

    gradient_penalty(critic, torch.zeros(500, 1, 2, 2), torch.ones(500, 1, 2, 2), torch.Generator().manual_seed(0))
    share = seen[0].flatten(1)
    assert (share == share[:, :1]).all()  # one share an image, not one a pixel
    assert float(share.min()) < 0.05
    assert float(share.max()) > 0.95
    assert float(share.mean()) == pytest.approx(0.5, abs=0.05)


def test_r1_of_a_quadratic() -> None:
    # D(x) = |x|^2 has gradient 2x: E|2x|^2 / 2 = 2 E|x|^2 = 2 * (25 + 1) / 2
    real = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    assert_close(r1(lambda x: x.square().sum(1), real, real, torch.Generator()), torch.tensor(26.0))


def test_penalties_reach_the_critics_weights() -> None:
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    (slope,) = torch.autograd.grad(
        r1(lambda x: x @ weights, torch.randn(5, 2), torch.randn(5, 2), torch.Generator()), weights
    )
    assert_close(slope, torch.tensor([3.0, 4.0]))  # d(|w|^2 / 2)/dw = w
