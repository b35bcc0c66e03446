"""The networks of translation: published sizes, shapes, directions, pictures."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import interpolate, pad

from gan_core.data import load
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadData, BadValue
from gan_core.gans import Recipe, recipes
from gan_core.gans.cut import places
from gan_core.layers.translation import (
    BLURS,
    BlurredDoubling,
    BlurredHalving,
    Framing,
    PatchDiscriminator,
    ResnetGenerator,
    UnetGenerator,
    fitting_layers,
)
from gan_core.models.sampler import Sampler
from gan_core.objectives.inpainting import random_holes
from gan_core.training.previews import previewer, side_by_side
from gan_core.training.trainer import Trainer
from tests.conftest import assert_same_pictures, example

TRANSLATORS = [pytest.param(recipe, id=recipe.name) for recipe in recipes if recipe.translations]


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_published_sizes() -> None:
    """As printed by the authors' code: 11.378 M, 2.765 M (6 channels: 2.769 M), 54.414 M."""
    assert count(ResnetGenerator(3, 64, 9)) == 11_378_179
    assert count(PatchDiscriminator(3, 64, 3)) == 2_764_737
    assert count(PatchDiscriminator(6, 64, 3, "batch")) == 2_768_705
    assert count(UnetGenerator(3, 64, 8)) == 54_413_955


@pytest.mark.parametrize(("layers", "seen"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_how_far_a_verdict_sees(layers: int, seen: int) -> None:
    """The central logit depends on this many pixels in each direction, determined by its gradient."""
    discriminator = PatchDiscriminator(1, 2, layers, "batch").eval()
    images = torch.randn(1, 1, 256, 256, requires_grad=True)
    logits = discriminator(images)
    middle = logits.shape[2] // 2
    logits[0, 0, middle, middle].backward()
    assert images.grad is not None
    rows = images.grad[0, 0].abs().sum(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == seen


@pytest.mark.parametrize("size", [8, 16, 32, 64, 256])
def test_small_images_have_room_for_fewer_halvings(size: int) -> None:
    layers = fitting_layers(3, size)
    assert layers == {8: 1, 16: 2}.get(size, 3)
    assert PatchDiscriminator(1, 2, layers)(torch.zeros(2, 1, size, size)).shape[2] >= 2


@pytest.mark.parametrize("depth", [3, 5, 8])
def test_the_unets_noise_stands_next_to_its_innermost_level(depth: int) -> None:
    network = UnetGenerator(1, 2, depth, dropout=0.5)
    noisy = [place for place, layers in enumerate(network.up) if any("Dropout" in str(layer) for layer in layers)]
    assert noisy == {3: [], 5: [2, 3], 8: [4, 5, 6]}[depth]
    images = torch.randn(2, 1, 2**depth, 2**depth)
    assert network(images).shape == images.shape


@pytest.mark.parametrize("recipe", TRANSLATORS)
def test_directions(recipe: Recipe) -> None:
    spec = example(recipe).spec
    networks = recipe.build(recipe.tiny, spec)
    sampler = Sampler(recipe, recipe.tiny, spec, {name: networks[name].eval() for name in recipe.ema_networks})
    images = torch.rand(3, *spec.shape) * 2 - 1
    for direction in recipe.translations:
        made = sampler.translate(images, direction)
        assert made.shape[:2] == images.shape[:2]
        assert made.isfinite().all()
        assert_same_pictures(sampler.translate(images[1:2], direction), made[1:2])  # the same alone and in a batch
    torch.testing.assert_close(sampler.translate(images), sampler.translate(images, next(iter(recipe.translations))))


@pytest.mark.parametrize("recipe", TRANSLATORS)
def test_pictures_show_items_that_are_held_out(recipe: Recipe) -> None:
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    state = trainer.generator.get_state()
    with Image.open(io.BytesIO(previewer(trainer)())) as picture:
        side = (picture.width + 1) / (trainer.spec.size + 1)
        assert side == int(side)
        assert side % len(recipe.compared) == 0
    assert torch.equal(trainer.generator.get_state(), state)
    assert recipe.compare is not None
    kinds = recipe.compare(trainer.ema.networks, trainer.hparams, trainer.batches.held_out())
    assert len(kinds) == len(recipe.compared)


@pytest.mark.parametrize("recipe", TRANSLATORS)
def test_unsupported_translations_are_refused(recipe: Recipe) -> None:
    spec = example(recipe).spec
    networks = recipe.build(recipe.tiny, spec)
    sampler = Sampler(recipe, recipe.tiny, spec, networks)
    with pytest.raises(BadValue, match=r"no direction 'sideways'\. Valid: "):
        sampler.translate(torch.zeros(1, *spec.shape), "sideways")
    with pytest.raises(BadValue, match="must have the shape"):
        sampler.translate(torch.zeros(1, 5, spec.size, spec.size))
    with pytest.raises(BadValue, match="must have the shape"):
        sampler.translate(torch.zeros(0, *spec.shape))
    with pytest.raises(BadValue, match="pixels"):
        sampler.translate(torch.zeros(1, spec.channels, 1, 1).expand(-1, -1, 4096, 4096))
    with pytest.raises(BadValue, match="doesn't generate them from latents"):
        sampler.sample(4)
    if "upscale" not in recipe.translations:
        with pytest.raises(BadValue, match="takes images of"):
            sampler.translate(torch.zeros(1, spec.channels, spec.size + 4, spec.size))
        with pytest.raises(BadValue, match="not a super-resolution model"):
            sampler.upscale(torch.zeros(spec.shape))
    wrong = DataSpec({"a": (1, 8, 8), "b": (1, 8, 8)}) if recipe.learns_from != "unpaired" else DataSpec({"real": (2,)})
    with pytest.raises(BadData, match=r"needs .* contains"):
        recipe.check_data(wrong)


def test_a_model_that_draws_translates_nothing() -> None:
    recipe = recipes.get("mlp_gan")
    sampler = Sampler(recipe, recipe.tiny, example(recipe).spec, {})
    with pytest.raises(BadValue, match="doesn't translate images"):
        sampler.translate(torch.zeros(1, 1, 8, 8))


def test_items_are_placed_side_by_side() -> None:
    small = torch.tensor([[[[-1.0]]], [[[1.0]]]])  # (2, 1, 1, 1)
    large = torch.zeros(2, 1, 2, 2)
    picture = np.asarray(side_by_side([small, large]))
    assert picture.tolist() == [
        [0, 0, 255, 128, 128, 255, 255, 255, 255, 128, 128], [0, 0, 255, 128, 128, 255, 255, 255, 255, 128, 128],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["unet", "resnet"])
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_pix2pix_generators(kind: str, norm: str) -> None:
    recipe = recipes.get("pix2pix")
    hparams = dataclasses.replace(recipe.tiny, generator_kind=kind, norm=norm, blocks=1)
    trainer = Trainer(recipe, hparams, example(recipe))
    for _ in range(2):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())


def test_cyclegan_decays_its_rate_over_the_second_half() -> None:
    recipe = recipes.get("cyclegan")
    hparams = dataclasses.replace(recipe.tiny, schedule="linear", decay_steps=8)
    trainer = Trainer(recipe, hparams, example(recipe))
    rates = [trainer.train_step().values["rate/generator"] / hparams.generator_rate for _ in range(8)]
    assert rates == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_a_learnt_framing_starts_without_effect() -> None:
    torch.manual_seed(0)
    framed = ResnetGenerator(3, 4, 1, framing=True)
    assert framed.framing is not None
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    torch.testing.assert_close(framed.framing(images), images)
    torch.testing.assert_close(framed(images), framed(images, framed=False))
    plain = ResnetGenerator(3, 4, 1)  # without it, official weights fit as they are
    plain.load_state_dict({name: tensor for name, tensor in framed.state_dict().items() if "framing" not in name})
    torch.testing.assert_close(plain(images), framed(images))


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_strength_shows_less_of_the_change(direction: str) -> None:
    recipe = recipes.get("cyclegan")
    hparams = dataclasses.replace(recipe.tiny, framing=True)
    networks = recipe.build(hparams, example(recipe).spec)
    with torch.no_grad():
        for network in ("generator_ab", "generator_ba"):
            networks[network].get_parameter("framing.scale").fill_(0.8)
    images = torch.rand(2, *example(recipe).spec.shape) * 2 - 1
    shown = {}
    for strength in (0.0, 0.25, 1.0):
        settings = dataclasses.replace(hparams, strength=strength)
        shown[strength] = Sampler(recipe, settings, example(recipe).spec, networks).translate(images, direction)
    framing = Framing()
    with torch.no_grad():
        framing.scale.fill_(0.8)
        torch.testing.assert_close(shown[0.0], framing(images))
    torch.testing.assert_close(shown[0.25], 0.75 * shown[0.0] + 0.25 * shown[1.0])


def test_framing_scales_and_shifts() -> None:
    square = torch.full((1, 1, 16, 16), -1.0)
    square[..., 4:12, 4:12] = 1
    framing = Framing()
    with torch.no_grad():
        framing.scale.copy_(torch.tensor([0.5, 1.0]))  # half as wide
        framing.shift.copy_(torch.tensor([0.0, 0.25]))  # two pixels down
    rows, columns = (framing(square)[0, 0] > 0).nonzero().T
    assert (int(columns.min()), int(columns.max())) == (6, 9)
    assert (int(rows.min()), int(rows.max())) == (6, 13)


@pytest.mark.slow
def test_cyclegan_learns_that_one_domain_is_smaller() -> None:
    """Digits, and other ones at three quarters of the size: after 120 steps both directions have made progress."""
    digits = load("digits", 16).arrays["real"]
    small = interpolate(torch.from_numpy(digits).float(), (12, 12), mode="bilinear", antialias=True)
    smaller = pad(small.to(torch.uint8), (2, 2, 2, 2)).numpy()
    half = len(digits) // 2
    data = DataSet("framed", {"a": digits[:half], "b": smaller[half:]}, (), "", unpaired=True)
    recipe = recipes.get("cyclegan")
    hparams = dataclasses.replace(
        recipe.tiny, framing=True, channels=8, discriminator_channels=16, batch_size=8, generator_rate=2e-3,
        discriminator_rate=1e-3,
    )  # fmt: skip
    trainer = Trainer(recipe, hparams, data)
    for _ in range(120):
        trainer.train_step()
    scales = {name: trainer.networks[f"generator_{name}"].get_parameter("framing.scale") for name in ("ab", "ba")}
    assert scales["ab"].max() < 0.99  # approaching 0.75
    assert scales["ab"].mean() < 0.96
    assert scales["ba"].min() > 1.05  # approaching 1.33


def test_holes_are_filled_and_the_rest_is_unchanged() -> None:
    recipe = recipes.get("context_encoder")
    spec = DataSpec({"real": (3, 16, 16)})
    sampler = Sampler(recipe, recipe.tiny, spec, {"generator": recipe.build(recipe.tiny, spec)["generator"].eval()})
    images = torch.rand(3, 3, 16, 16) * 2 - 1
    holes = random_holes(3, 16, torch.Generator().manual_seed(0))
    filled = sampler.fill(images, holes)
    missing = holes.expand_as(images)
    assert torch.equal(filled[~missing], images[~missing])
    assert not torch.isclose(filled[missing], images[missing]).all()
    # the previous content has no influence
    assert torch.equal(filled, sampler.fill(images.masked_fill(holes, 1.0), holes))
    with pytest.raises(BadValue, match="The mask is empty"):
        sampler.fill(images, torch.zeros_like(holes))
    with pytest.raises(BadValue, match=r"of shape \(3, 1, 16, 16\)"):
        sampler.fill(images, holes[:2])
    with pytest.raises(BadValue, match="16x16"):
        sampler.fill(images[:, :, :8], holes[:, :, :8])


def test_other_models_fill_no_holes() -> None:
    recipe = recipes.get("pix2pix")
    spec = DataSpec({"source": (3, 16, 16), "target": (3, 16, 16)})
    sampler = Sampler(recipe, recipe.tiny, spec, {"generator": recipe.build(recipe.tiny, spec)["generator"]})
    with pytest.raises(BadValue, match="doesn't do inpainting"):
        sampler.fill(torch.zeros(1, 3, 16, 16), torch.ones(1, 1, 16, 16, dtype=torch.bool))


@pytest.mark.parametrize("blur", BLURS)
def test_a_cut_that_blurs_learns_in_all_its_layers(blur: str) -> None:
    recipe = recipes.get("cut")
    trainer = Trainer(recipe, dataclasses.replace(recipe.tiny, blur=blur), example(recipe))
    before = {name: weight.clone() for name, weight in trainer.networks["generator"].named_parameters()}
    for _ in range(2):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    assert not [name for name, w in trainer.networks["generator"].named_parameters() if torch.equal(w, before[name])]
    assert places(dataclasses.replace(recipe.hparams, blocks=9, blur="both")) == (
        0,
        4,
        8,
        12,
        16,
    )  # as the paper's code


def test_blurring_keeps_what_is_even_and_takes_away_what_is_too_fine() -> None:
    even = torch.full((1, 2, 6, 8), 0.7)
    assert torch.allclose(BlurredHalving(2)(even), torch.full((1, 2, 3, 4), 0.7))
    assert torch.allclose(BlurredDoubling(2)(even), torch.full((1, 2, 12, 16), 0.7))
    stripes = (torch.arange(8) % 2 * 2.0 - 1).expand(1, 2, 6, 8)  # every other pixel -1 and 1: plain strides see -1
    assert torch.allclose(BlurredHalving(2)(stripes), torch.zeros(1, 2, 3, 4), atol=1e-6)
