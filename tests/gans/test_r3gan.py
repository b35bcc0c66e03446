"""R3GAN: its networks against the published sizes, and the burn-in against its formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate
from torch.testing import assert_close

from gan_core.data.base import DataSet
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.r3gan import R3ganDiscriminator, R3ganGenerator, ResidualBlock
from gan_core.knobs import changed
from gan_core.objectives.burn_in import progress, shortened
from gan_core.training.trainer import Trainer

RECIPE = recipes.get("r3gan")
PUBLISHED = {"channels": 384, "max_channels": 768, "blocks": 2, "latent_size": 64}  # train.py, preset FFHQ-64


def test_published_sizes() -> None:
    """The counts of the authors' Generator and Discriminator at 64 pixels, built from their code."""
    hparams = changed(RECIPE.hparams, PUBLISHED)
    with torch.device("meta"):
        networks = R3ganGenerator(3, 64, hparams), R3ganDiscriminator(3, 64, hparams)
    assert [sum(weight.numel() for weight in one.parameters()) for one in networks] == [22_429_824, 22_381_440]


def test_blocks_start_as_the_identity_and_keep_unit_variance_where_they_act() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(32, 4, RECIPE.hparams)
    features = torch.randn(4, 32, 8, 8)
    assert torch.equal(block(features), features)
    inner = block.widen(features).var().item()
    assert inner == pytest.approx(2 / (1 + 0.2**2) / math.sqrt(4), rel=0.1)  # He's gain squared, over sqrt(depth)


def test_upsampling_is_bilinear_inside() -> None:
    generator = R3ganGenerator(3, 16, RECIPE.tiny)
    features = torch.randn(1, 4, 4, 4)
    doubled = generator.smooth(features.repeat_interleave(2, 2).repeat_interleave(2, 3))
    expected = interpolate(features, scale_factor=2, mode="bilinear")
    assert_close(doubled[:, :, 1:-1, 1:-1], expected[:, :, 1:-1, 1:-1])


def test_logits_of_each_image_are_its_own() -> None:
    discriminator = R3ganDiscriminator(3, 16, RECIPE.tiny)
    for weight in discriminator.parameters():
        torch.nn.init.normal_(weight, 0, 0.3)
    images = torch.randn(3, 3, 16, 16)
    logits = discriminator(images)
    assert logits.shape == (3,)
    assert_close(discriminator(images[1:2]), logits[1:2])


def test_the_burn_in_changes_what_the_optimiser_does() -> None:
    """Half way through: gamma x 0.55, rates x 0.625, beta 2 0.945, half of the EMA's half-life."""
    half = {"burn_in_kimg": 0.016, "batch_size": 4, "beta2": 0.99, "ema": 0.99}  # 16 images: four steps
    data = DataSet("noise", {"real": torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8).numpy()}, (), "none")
    trainer = Trainer(RECIPE, changed(RECIPE.tiny, half), data)
    rates = []
    for _ in range(3):
        result = trainer.train_step()
        rates.append(result.values["rate/generator"])
    now = {name.removeprefix("schedule/"): value for name, value in result.values.items() if "schedule/" in name}
    assert now["penalty_weight"] == pytest.approx(0.55 * trainer.hparams.penalty_weight)
    assert now["beta2"] == pytest.approx(0.945)
    assert now["ema"] == pytest.approx(0.99**2)
    assert rates[0] == pytest.approx(trainer.hparams.generator_rate)
    assert rates[2] == pytest.approx(0.625 * trainer.hparams.generator_rate)
    for optimizer in trainer.optimizers.values():
        assert optimizer.param_groups[0]["betas"] == (0.0, pytest.approx(0.945))


def test_the_course_of_the_burn_in() -> None:
    assert [progress(images, 100) for images in (0, 50, 100, 1000)] == pytest.approx([0, 0.5, 1, 1])
    assert shortened(0.99, 0) == 0.0  # at first, samples are drawn from the live weights
    assert shortened(0.99, 1) == 0.99
    assert math.log(0.5) / math.log(shortened(0.99, 0.25)) == pytest.approx(0.25 * math.log(0.5) / math.log(0.99))


def test_samples_are_drawn_from_the_live_weights_at_the_beginning_of_a_long_burn_in() -> None:
    data = DataSet("noise", {"real": torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8).numpy()}, (), "none")
    trainer = Trainer(RECIPE, changed(RECIPE.tiny, {"burn_in_kimg": 20_000.0, "batch_size": 4}), data)
    for _ in range(3):
        trainer.train_step()
    drawn = trainer.sampler().networks["generator"].parameters()
    for averaged, live in zip(drawn, trainer.networks["generator"].parameters(), strict=True):
        assert torch.equal(averaged, live)


def test_augmentation_rises_with_the_burn_in() -> None:
    settings = {"burn_in_kimg": 0.008, "batch_size": 4, "augment": "adaptive", "augment_probability": 0.4}
    data = DataSet("noise", {"real": torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8).numpy()}, (), "none")
    trainer = Trainer(RECIPE, changed(RECIPE.tiny, settings), data)
    trainer.train_step()
    trainer.train_step()
    assert float(trainer.objective.strength.probability) == pytest.approx(0.2)


def test_spectral_norm_is_refused() -> None:
    with pytest.raises(BadValue, match="no normalisation layers"):
        replace(RECIPE.hparams, spectral_norm="both")
