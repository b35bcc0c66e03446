"""The duality gap: both sides against known values, and no side effects."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.metrics.density import centres, draw, js, yardstick
from gan_core.metrics.duality import LOG4, check, duality_gap

KNOWN = yardstick("two_blobs")  # Gaussians around (-1.5, 0) and (1.5, 0), standard deviation 0.3


class Blobs(nn.Module):
    """(B, 3) -> the data's own distribution, shifted; `spread` of 0.3 is the data's."""

    def __init__(self, apart: float = 1.5, spread: float = 0.3) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))
        self.apart, self.spread = apart, spread

    def forward(self, latents: Tensor) -> Tensor:
        sides = torch.stack([self.apart * latents[:, 0].sign(), torch.zeros(len(latents))], 1)
        return sides + self.spread * latents[:, 1:] + self.shift


class Slope(nn.Module):
    """The logit `steepness` x."""

    def __init__(self, steepness: float) -> None:
        super().__init__()
        self.steepness = nn.Parameter(torch.tensor(steepness))

    def forward(self, points: Tensor) -> Tensor:
        return self.steepness * points[:, 0]


def test_an_undecided_discriminator_against_the_data_itself_is_an_equilibrium() -> None:
    found = duality_gap(Blobs(), Slope(0.0), 3, 1e-2, 64, KNOWN)
    assert found.value == pytest.approx(-LOG4, abs=1e-3)
    assert found.lowest == pytest.approx(-LOG4, abs=1e-3)
    assert 0 <= found.gap < 0.02  # the floor of JS
    assert found.most == pytest.approx(found.gap, abs=1e-3)


def test_the_best_discriminator_is_exact_and_the_generators_side_lies_between_its_bounds() -> None:
    generator, judge = Blobs(apart=0.0, spread=0.1), Slope(2.0)
    found = duality_gap(generator, judge, 3, 1e-2, 64, KNOWN)
    random = np.random.default_rng(0)
    real = -np.logaddexp(0, -2 * draw(KNOWN.known, random, 200_000)[:, 0]).mean()
    fake = -np.logaddexp(0, 2 * 0.1 * random.standard_normal(200_000)).mean()
    assert found.value == pytest.approx(real + fake, abs=0.02)
    q = KNOWN.density(0.1 * random.standard_normal((200_000, 2)))
    best = -LOG4 + 2 * math.log(2) * js(KNOWN.real.flat(), q.flat())
    assert found.best_discriminator == pytest.approx(best, abs=0.02)
    edge = centres(KNOWN.half, KNOWN.side)[-1, 0]
    assert found.lowest == pytest.approx(real - np.logaddexp(0, 2 * edge), abs=0.02)
    assert found.lowest < found.best_generator < found.value  # Adam moves at most 0.01 per step
    assert real - np.logaddexp(0, 2 * 1.0) < found.best_generator < real - np.logaddexp(0, 2 * 0.6)
    assert found.gap < found.most


def test_measuring_leaves_no_trace() -> None:
    generator, judge = Blobs(), Slope(1.0)
    before = torch.get_rng_state()
    assert duality_gap(generator, judge, 3, 0.1, 16, KNOWN) == duality_gap(generator, judge, 3, 0.1, 16, KNOWN)
    assert torch.equal(torch.get_rng_state(), before)
    assert not generator.shift.any()
    assert generator.shift.grad is None
    assert judge.steepness.grad is None
    assert judge.steepness.requires_grad


@pytest.mark.parametrize("changes", [{"loss": "hinge"}, {"relativistic": "average"}, {"minibatch": "discrimination"}])
def test_another_game_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(BadValue, match="non_saturating, logistic, minimax"):
        check(recipes.get("points").settings(changes))
    check(recipes.get("points").settings({"loss": "minimax"}))
