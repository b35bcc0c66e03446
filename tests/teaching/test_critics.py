"""The critics of the lesson on slopes: the stored ones equal those from training, and the bounds hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm, wasserstein_distance
from torch import nn

from gan_core.objectives import penalties
from gan_core.teaching import critics

KEPT = [(way, strength) for way, strengths in critics.LIMITS.items() for strength in strengths]


@pytest.mark.parametrize(("way", "strength"), KEPT)
def test_every_critic_is_kept(way: str, strength: float) -> None:
    critic = critics.kept(way, strength)
    assert critic.values.shape == critics.PLACES.shape
    assert np.isfinite(critic.values).all()
    assert critic.values[80] == 0


@pytest.mark.parametrize(("way", "strength"), [("clipping", 0.1), ("spectral_norm", 0.0)])
def test_a_critic_is_what_training_gives(way: str, strength: float) -> None:
    trained, kept = critics.train(way, strength), critics.kept(way, strength)
    np.testing.assert_allclose(trained.values, kept.values, atol=0.02 * np.abs(kept.values).max())


def test_w_of_the_two_bells() -> None:
    quantiles = (np.arange(20_000) + 0.5) / 20_000
    samples = [norm.ppf(quantiles, *bell) for bell in (critics.REAL, critics.FAKE)]
    assert critics.wasserstein() == pytest.approx(wasserstein_distance(*samples), abs=2e-3)


@pytest.mark.parametrize("limit", critics.LIMITS["clipping"])
def test_the_bound_of_clipping_holds(limit: float) -> None:
    steepest = np.abs(critics.kept("clipping", limit).slopes).max()
    assert 0.5 * critics.clipped_bound(limit) < steepest <= critics.clipped_bound(limit) * 1.01
    weights = [np.full((64, 1), limit), np.full((64, 64), limit), np.full((1, 64), limit)]
    assert critics.lipschitz_bound(weights) == pytest.approx(critics.clipped_bound(limit))


@pytest.mark.parametrize("weight", critics.LIMITS["gradient_penalty"])
def test_a_penalised_critic_is_as_steep_as_the_formula_says(weight: float) -> None:
    slopes = np.abs(critics.kept("gradient_penalty", weight).slopes[60:111])  # between the centres
    assert slopes.mean() == pytest.approx(critics.penalised_slope(critics.wasserstein(), weight), rel=0.15)


def test_the_formula_is_a_minimum() -> None:
    slopes = np.linspace(0, 5, 50_001)
    costs = -slopes * 2.5 + 10 * (slopes - 1) ** 2
    assert slopes[costs.argmin()] == pytest.approx(critics.penalised_slope(2.5, 10), abs=1e-4) == 1.125


def test_spectral_norm_limits_the_slope_to_1() -> None:
    weights = np.random.default_rng(0).normal(size=(5, 7))
    assert np.linalg.svd(critics.spectral_norm(weights), compute_uv=False)[0] == pytest.approx(1)
    assert np.abs(critics.kept("spectral_norm", 0.0).slopes).max() <= 1.01
    assert np.abs(critics.kept("none", 0.0).slopes).max() > 1000


def test_no_slope_is_steeper_than_the_product_of_the_stretches() -> None:
    network = nn.Sequential(nn.Linear(1, 9), nn.LeakyReLU(0.2), nn.Linear(9, 1)).double()
    bound = critics.lipschitz_bound([layer.weight.detach().numpy() for layer in (network[0], network[2])])  # type: ignore[union-attr, operator]
    places = torch.linspace(-3, 3, 400, dtype=torch.float64)[:, None].requires_grad_()
    (slopes,) = torch.autograd.grad(network(places).sum(), places)
    assert 0 < slopes.abs().max().item() <= bound


def test_penalty_and_clipping_are_those_of_the_trainer() -> None:
    network, points = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)), torch.randn(8, 1)
    same = penalties.gradient_penalty(lambda x: network(x)[:, 0], points, points, torch.Generator())
    assert critics.gradient_penalty(network, points).item() == pytest.approx(same.item(), abs=1e-6)
    critics.clip(network, 0.05)
    assert max(weight.abs().max().item() for weight in network.parameters()) == pytest.approx(0.05)
