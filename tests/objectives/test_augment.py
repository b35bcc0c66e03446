"""Augmentation of what the discriminator sees: what each operation does, gradients, seeds, the adaptive strength."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.objectives.augment import (
    AdaptiveStrength,
    Random,
    adaptive,
    colour,
    cutout,
    diffaugment,
    translation,
    uniform,
    warp,
)
from gan_core.training.trainer import Trainer
from tests.conftest import images

OPERATIONS = {"colour": colour, "translation": translation, "cutout": cutout, "warp": warp}
ON = torch.ones(1, 1, 1, 1)


def draws(*values: float) -> Random:
    """Gives these numbers, one for each call, instead of random ones."""
    given = iter(values)
    return lambda *shape: torch.full(shape, next(given))


def some(count: int = 6, channels: int = 3, size: int = 16) -> Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_colour_by_hand() -> None:
    # pixels (0, 1) in one channel: + 0.3 brightness gives (0.3, 1.3); a contrast of 1.25 about the mean 0.8
    pixels = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)  # -> (B, C, H, W)
    assert_close(colour(pixels, draws(0.8, 0.75), ON).flatten(), torch.tensor([0.175, 1.425]))
    # a saturation of 0 leaves the mean of the channels
    coloured = torch.tensor([0.0, 0.2, 0.4]).reshape(1, 3, 1, 1)  # -> (B, C, H, W)
    assert_close(colour(coloured, draws(0.5, 0.0, 0.5), ON).flatten(), torch.full((3,), 0.2))


def test_translation_moves_whole_pixels_and_fills_with_zeros() -> None:
    picture = torch.arange(1.0, 65.0).reshape(1, 1, 8, 8)  # (64,) -> (B, C, H, W)
    moved = translation(picture, draws(0.99, 0.0), ON)[0, 0]  # rows from one below, columns from one to the left
    assert_close(moved[:-1, 1:], picture[0, 0, 1:, :-1])
    assert float(moved[-1].abs().sum() + moved[:, 0].abs().sum()) == 0
    assert_close(translation(picture, draws(0.5, 0.5), ON), picture)


def test_cutout_takes_a_square_of_half_the_side() -> None:
    cut = cutout(torch.ones(1, 1, 8, 8), draws(0.5, 0.5), ON)[0, 0]
    assert float(cut.sum()) == 64 - 16
    assert float(cut[2:6, 2:6].sum()) == 0
    assert float(cutout(torch.ones(1, 1, 8, 8), draws(0.0, 0.0), ON).sum()) == 64 - 4  # a corner


def test_warp_mirrors_turns_and_scales() -> None:
    picture = some(1)
    # draws: mirrored where below a half; angle; scale
    assert_close(warp(picture, draws(0.9, 0.5, 0.5), ON), picture, rtol=0, atol=1e-5)
    assert_close(warp(picture, draws(0.1, 0.5, 0.5), ON), picture.flip(3), rtol=0, atol=1e-5)
    assert_close(warp(picture, draws(0.9, 0.75, 0.5), ON), picture.rot90(1, (2, 3)), rtol=0, atol=1e-5)
    shrunk = warp(picture, draws(0.9, 0.5, 0.999999), ON)
    assert_close(shrunk[..., 0, 0], picture[..., 0, 0])  # the border is repeated


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_that_is_off_changes_nothing(name: str) -> None:
    pictures = some()
    random = uniform(torch.Generator().manual_seed(0), torch.device("cpu"))
    on = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 1.0]).reshape(-1, 1, 1, 1)  # (B,) -> (B, 1, 1, 1)
    result = OPERATIONS[name](pictures, random, on)
    assert_close(result[::2], pictures[::2], rtol=0, atol=1e-5)
    assert not torch.allclose(result[1::2], pictures[1::2], atol=0.01)


def test_probability_0_shows_the_images_as_they_are() -> None:
    random = uniform(torch.Generator().manual_seed(0), torch.device("cpu"))
    assert_close(adaptive(some(), random, torch.tensor(0.0)), some(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "augmentation", [diffaugment, lambda pictures, random: adaptive(pictures, random, torch.tensor(0.7))]
)
def test_gradients_reach_the_images_and_a_seed_repeats_the_draws(
    augmentation: Callable[[Tensor, Random], Tensor], channels: int
) -> None:
    pictures = some(channels=channels).requires_grad_()
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed + len(results))  # the global generator has no influence
        random = uniform(torch.Generator().manual_seed(seed), torch.device("cpu"))
        results.append(augmentation(pictures, random))
    assert results[0].shape == pictures.shape
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    (slope,) = torch.autograd.grad(results[0].square().sum(), pictures)
    assert slope.isfinite().all()
    assert float(slope.flatten(1).abs().sum(1).min()) > 0  # of every image


def test_the_strength_follows_how_sure_the_discriminator_is() -> None:
    # 4 steps of 50 images move p by 200 / 500,000
    strength = AdaptiveStrength()
    strength.probability.fill_(0.5)
    sure, unsure = torch.ones(50), torch.cat([torch.ones(30), -torch.ones(20)])  # r of 1 and of 0.2
    for steps, logits, expected in ((3, sure, 0.5), (1, sure, 0.5004), (4, unsure, 0.5), (4, unsure, 0.4996)):
        for _ in range(steps):
            strength.update(logits, 0.6)
        assert float(strength.probability) == pytest.approx(expected, abs=1e-7)
    strength.probability.fill_(0.0)
    for _ in range(4):
        strength.update(unsure, 0.6)
    assert float(strength.probability) == 0


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares"])
@pytest.mark.parametrize("relativistic", ["none", "average"])
def test_the_strength_rises_in_training_and_resumes(loss: str, relativistic: str) -> None:
    recipe = recipes.get("dcgan")
    changes = {"augment": "adaptive", "augment_target": 0.0, "loss": loss, "relativistic": relativistic}
    hparams = changed(recipe.tiny, changes | {"discriminator_rate": 0.01})
    data = DataSet(
        "random", {"real": np.full_like(images(), 255)}
    )  # all white: easily distinguished from the first fakes
    trainer, other = Trainer(recipe, hparams, data), Trainer(recipe, hparams, data)
    trainer.objective.strength.probability.fill_(0.2)
    for _ in range(26):
        result = trainer.train_step()
    assert float(trainer.objective.strength.probability) > 0.2
    shown = trainer.objective.summarise(hparams, {name: value[None] for name, value in result.observed.items()})
    assert float(shown["augment_probability"]) == pytest.approx(float(trainer.objective.strength.probability), abs=1e-4)
    other.load_state_dict(copy.deepcopy(trainer.state_dict()))
    for _ in range(3):
        trainer.train_step()
        other.train_step()
    assert same_state(trainer.state_dict(), other.state_dict())
