"""Losses and penalties against values worked by hand and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gan_core.objectives import losses
from gan_core.objectives.penalties import (
    dragan,
    finite_differences,
    gradient_penalty,
    one_sided_gradient_penalty,
    orthogonality,
    penalties,
    r1,
    r2,
)

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


def test_boundary_seeking() -> None:
    # D(G(z)) of 1/2 and 3/4: (0^2 + (log 3)^2) / 4
    assert terms(losses.boundary_seeking_generator(FAKE)) == pytest.approx({"adversarial": math.log(3) ** 2 / 4})


def test_softmax_spreads_its_mass() -> None:
    # scores log 3 and -log 3 of real, 0 and log 3 of fakes: Z = 3 + 1/3 + 1 + 3 = 22/3
    found = losses.softmax_discriminator(REAL, FAKE)
    assert terms(found) == pytest.approx({"real": 0.0, "partition": math.log(22 / 3)})
    # -(E[l(x)] + E[l(G(z))]) / 2 = -(0 + log 3 / 2) / 2
    expected = {"adversarial": math.log(22 / 3) - math.log(3) / 4}
    assert terms(losses.softmax_generator(FAKE, REAL)) == pytest.approx(expected)
    # equal scores are the generator's goal: log of the number of items
    same = torch.zeros(2)
    assert terms(losses.softmax_generator(same, same)) == pytest.approx({"adversarial": math.log(4)})
    assert losses.losses["softmax"].compares
    with pytest.raises(ValueError, match="compares with the logits of real images"):
        losses.losses["softmax"].generator_terms(FAKE)


def test_energies_have_a_margin() -> None:
    real, fake = torch.tensor([-0.5, -1.5]), torch.tensor([-0.5, -3.0])
    # E[D(x)] = 1; E[max(0, 2 - D)] of 0.5 and 3: (1.5 + 0) / 2
    found = losses.energy_discriminator(real, fake, margin=2.0)
    assert terms(found) == pytest.approx({"real": 1.0, "fake": 0.75})
    # k = 0.4: -0.4 (0.5 + 3) / 2
    found = losses.equilibrium_discriminator(real, fake, share=torch.tensor(0.4))
    assert terms(found) == pytest.approx({"real": 1.0, "fake": -0.7})


def test_the_divergence_is_the_sixth_power() -> None:
    # f(x) = w.x has slope |w| = 2 everywhere: 2^6
    weights = torch.tensor([2.0, 0.0])
    value = penalties["divergence"](lambda x: x @ weights, torch.randn(6, 2), torch.randn(6, 2), torch.Generator())
    assert_close(value, torch.tensor(64.0))
    # f(x) = x^2 / 2 has slope x: between 3 and 3 it is 3^6
    same = torch.full((4, 1), 3.0)
    value = penalties["divergence"](lambda x: x[:, 0].square() / 2, same, same.clone(), torch.Generator())
    assert_close(value, torch.tensor(729.0))


@pytest.mark.parametrize("name", losses.losses)
def test_large_logits_stay_finite_and_push_the_right_way(name: str) -> None:
    loss = losses.losses[name]
    real = torch.tensor([-1e4, 1e4], requires_grad=True)
    fake = torch.tensor([-1e4, 1e4], requires_grad=True)
    total = sum(loss.discriminator(real, fake, 0.0).values())
    slope_real, slope_fake = torch.autograd.grad(total, (real, fake))
    assert total.isfinite()
    assert slope_real[0] < 0 < slope_fake[1]  # up on a real that is taken for fake, down on a fake taken for real
    (slope,) = torch.autograd.grad(loss.generator_terms(fake, real.detach())["adversarial"], fake)
    assert (slope <= 0).any()
    if name in ("least_squares", "boundary_seeking", "softmax"):
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


# pairs of logits for the relativistic forms: differences 1 and -1, means 2 and 2
ABOVE, BELOW = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 2.0])


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


def test_relativistic_standard() -> None:
    # C(x) - C(G(z)) is 1 and -1; the generator sees the same with the signs exchanged
    non_saturating = losses.losses["non_saturating"]
    by_hand = (softplus(-1) + softplus(1)) / 2
    assert terms(non_saturating.discriminator_terms(ABOVE, BELOW, 0.0, "standard")) == pytest.approx(
        {"relative": by_hand}
    )
    assert terms(non_saturating.generator_terms(BELOW, ABOVE, "standard")) == pytest.approx({"adversarial": by_hand})
    # differences 2 and 0: the discriminator's (1 + 1) / 4, the generator's ((-2 - 1)^2 + 1) / 4
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])
    least_squares = losses.losses["least_squares"]
    assert terms(least_squares.discriminator_terms(real, fake, 0.0, "standard")) == pytest.approx({"relative": 0.5})
    assert terms(least_squares.generator_terms(fake, real, "standard")) == pytest.approx({"adversarial": 2.5})
    # hinge: (0 + 1) / 2 and (3 + 1) / 2
    hinge = losses.losses["hinge"]
    assert terms(hinge.discriminator_terms(real, fake, 0.0, "standard")) == pytest.approx({"relative": 0.5})
    assert terms(hinge.generator_terms(fake, real, "standard")) == pytest.approx({"adversarial": 2.0})


def test_relativistic_average() -> None:
    real, fake = torch.tensor([3.0, 1.0]), torch.tensor([2.0, 0.0])  # means 2 and 1
    # real - E fake: 2, 0;  fake - E real: 0, -2
    non_saturating = losses.losses["non_saturating"]
    assert terms(non_saturating.discriminator_terms(real, fake, 0.0, "average")) == pytest.approx(
        {"real": (softplus(-2) + math.log(2)) / 2, "fake": (math.log(2) + softplus(-2)) / 2}
    )
    by_hand = (math.log(2) + softplus(2)) / 2 + (softplus(2) + math.log(2)) / 2
    assert terms(non_saturating.generator_terms(fake, real, "average")) == pytest.approx({"adversarial": by_hand})
    # labels 1 and -1: (1 + 1) / 4 and (1 + 1) / 4; exchanged: (1 + 9) / 4 twice
    least_squares = losses.losses["least_squares"]
    assert terms(least_squares.discriminator_terms(real, fake, 0.0, "average")) == pytest.approx(
        {"real": 0.5, "fake": 0.5}
    )
    assert terms(least_squares.generator_terms(fake, real, "average")) == pytest.approx({"adversarial": 5.0})
    # hinge: (0 + 1) / 2 twice; exchanged: (1 + 3) / 2 twice
    hinge = losses.losses["hinge"]
    assert terms(hinge.discriminator_terms(real, fake, 0.0, "average")) == pytest.approx({"real": 0.5, "fake": 0.5})
    assert terms(hinge.generator_terms(fake, real, "average")) == pytest.approx({"adversarial": 4.0})


def test_logistic_is_the_non_saturating_loss() -> None:
    logistic, other = losses.losses["logistic"], losses.losses["non_saturating"]
    for form in ("none", "standard", "average"):
        assert terms(logistic.discriminator_terms(REAL, FAKE, 0.1, form)) == terms(
            other.discriminator_terms(REAL, FAKE, 0.1, form)
        )
        assert terms(logistic.generator_terms(FAKE, REAL, form)) == terms(other.generator_terms(FAKE, REAL, form))


@pytest.mark.parametrize("name", [name for name, loss in losses.losses.items() if loss.relative])
@pytest.mark.parametrize("form", ["standard", "average"])
def test_relativistic_losses_only_see_differences(name: str, form: str) -> None:
    loss = losses.losses[name]
    for shift in (0.0, 7.0):
        discriminator = sum(loss.discriminator_terms(REAL + shift, FAKE + shift, 0.0, form).values())
        generator = loss.generator_terms(FAKE + shift, REAL + shift, form)["adversarial"]
        if not shift:
            expected = discriminator, generator
    assert_close((discriminator, generator), expected)
    assert "f_1" in loss.formula(form)
    assert "f_1" not in loss.formula()


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_losses_without_a_relativistic_form_report_it(name: str) -> None:
    with pytest.raises(ValueError, match="no relativistic form"):
        losses.losses[name].discriminator_terms(REAL, FAKE, 0.0, "average")


def test_one_sided_gradient_penalty_spares_gentle_slopes() -> None:
    # slopes 5 and 0.5 everywhere: (5 - 1)^2, and nothing
    points = torch.randn(6, 2)
    for weights, expected in ((torch.tensor([3.0, 4.0]), 16.0), (torch.tensor([0.3, 0.4]), 0.0)):
        value = one_sided_gradient_penalty(lambda x, w=weights: x @ w, points, points, torch.Generator())
        assert_close(value, torch.tensor(expected))
    gentle = gradient_penalty(lambda x: x @ torch.tensor([0.3, 0.4]), points, points, torch.Generator())
    assert_close(gentle, torch.tensor(0.25))


def test_r2_is_r1_at_the_fakes() -> None:
    # D(x) = |x|^2: 2 E|x|^2 at the fakes alone, 2 * (1 + 4) / 2
    real, fake = torch.full((2, 2), 9.0), torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    assert_close(r2(lambda x: x.square().sum(1), real, fake, torch.Generator()), torch.tensor(5.0))


def test_dragan_looks_around_real_images() -> None:
    # a linear critic has the same slope everywhere: (5 - 1)^2
    real = torch.randn(400, 2, generator=torch.Generator().manual_seed(1)) * 3 + 10
    generator = torch.Generator().manual_seed(0)
    assert_close(dragan(lambda x: x @ torch.tensor([3.0, 4.0]), real, real, generator), torch.tensor(16.0))
    seen: list[torch.Tensor] = []

    def critic(points: torch.Tensor) -> torch.Tensor:
        seen.append(points.detach())
        return points.sum(1)

    dragan(critic, real, torch.zeros(400, 2), generator)
    moved = seen[0] - real
    assert float(moved.mean()) == pytest.approx(0, abs=0.15)
    assert float(moved.std()) == pytest.approx(0.5 * float(real.std()), rel=0.1)


def test_orthogonal_regularisation() -> None:
    # rows (1, 2), (3, 4): their product is 11, twice off the diagonal; a bias does not count
    layer = torch.nn.Linear(2, 2)
    layer.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert_close(orthogonality(layer), torch.tensor(2 * 11.0**2))
    # a transposed convolution has its outputs second: filters (1, 2) and (3, 4) again
    transposed = torch.nn.ConvTranspose2d(1, 2, (1, 2))
    transposed.weight.data = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert_close(orthogonality(transposed), torch.tensor(2 * 11.0**2))
    layer.weight.data = torch.tensor([[0.6, 0.8], [-0.8, 0.6]])
    assert_close(orthogonality(layer), torch.tensor(0.0))


def test_finite_differences_see_both_points_alike() -> None:
    """With as many items as the critic has conditions, and the same draws of layers that draw at random."""
    random = torch.Generator().manual_seed(0)
    points, conditions = torch.full((8, 3), 0.5), torch.arange(8.0)

    def critic(points: torch.Tensor) -> torch.Tensor:
        return points.sum(1) + conditions + 100 * torch.rand(len(points), generator=random)

    assert float(finite_differences["r1"](critic, points, points, random)) < 10


def test_finite_differences_are_the_penalties_on_average() -> None:
    """Of a quadratic critic, whose gradient at x is 2 x; exact for linear critics up to the random direction."""
    real, fake = torch.full((20_000, 3), 0.5), torch.full((20_000, 3), -1.0)

    def critic(points: torch.Tensor) -> torch.Tensor:
        return points.square().sum(1)

    random = torch.Generator().manual_seed(0)
    for name in ("r1", "r2"):
        exact = penalties[name](critic, real, fake, random)
        estimate = finite_differences[name](critic, real, fake, random)
        assert_close(estimate, exact, rtol=0.03, atol=0)
