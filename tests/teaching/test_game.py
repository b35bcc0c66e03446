"""The smallest game, against autograd and the lesson's statements."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from gan_core.teaching import game
from gan_core.teaching.game import Position

AWAY = Position(weight=0.7, bias=-0.4, mean=-0.3)


def value_in_torch(weight: torch.Tensor, bias: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """V by integration over z, so that the generator's gradient passes through the discriminator."""
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    real, fake = game.REAL + game.SPREAD * z, mean + game.SPREAD * z
    terms = logsigmoid(weight * real + bias) + logsigmoid(-(weight * fake + bias))
    return (density * terms).sum()


def test_steps_follow_the_gradient_of_the_value() -> None:
    numbers = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in vars(AWAY).values()]
    value = value_in_torch(*numbers)
    value.backward()
    assert game.value(AWAY) == pytest.approx(value.item(), abs=1e-9)
    by_weight, by_bias, by_mean = (float(number.grad) for number in numbers if number.grad is not None)
    taught, moved = game.discriminator_step(AWAY), game.generator_step(AWAY)
    assert (taught.weight - AWAY.weight) / game.DISCRIMINATOR_RATE == pytest.approx(by_weight, abs=1e-9)
    assert (taught.bias - AWAY.bias) / game.DISCRIMINATOR_RATE == pytest.approx(by_bias, abs=1e-9)
    assert (moved.mean - AWAY.mean) / game.GENERATOR_RATE == pytest.approx(-by_mean, abs=1e-9)
    assert replace(taught, weight=AWAY.weight, bias=AWAY.bias) == AWAY


def test_the_game_begins_and_ends_at_minus_log_4() -> None:
    positions = game.play(40)
    assert game.value(positions[0]) == pytest.approx(-math.log(4), abs=1e-6)
    assert game.value(positions[-1]) == pytest.approx(-math.log(4), abs=2e-3)
    assert positions[-1].mean == pytest.approx(game.REAL, abs=0.1)
    assert np.abs(game.judged(positions[-1])[game.within(-2, 6)] - 0.5).max() < 0.05


def test_the_discriminator_raises_and_the_generator_lowers() -> None:
    positions = game.play(24)
    for move, (before, after) in enumerate(itertools.pairwise(positions)):
        change = game.value(after) - game.value(before)
        assert change > 0 if move % 2 == 0 else change < 0, move


def test_the_generator_passes_the_data_and_turns_round() -> None:
    means = [position.mean for position in game.play(16)]
    assert means[8] < game.REAL < means[12] < means[14]
    assert means[16] < means[14]
