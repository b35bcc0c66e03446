"""ProGAN, StyleGAN, StyleGAN2: their blocks against a few lines of numpy, published sizes, and what sliders need."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate
from torch.testing import assert_close

from gan_core.checkpoint import read_checkpoint, write_checkpoint
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadValue
from gan_core.gans import Recipe, progan, recipes, stylegan, stylegan2
from gan_core.gans.stabilised import apply_spectral_norm
from gan_core.knobs import changed
from gan_core.layers.style import Blur, Epilogue, EqualisedConv2d, EqualisedLinear, PixelNorm, equalised
from gan_core.layers.style_generator import Noise, StyleGenerator, StyleMixing
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.objectives.path_length import PathLength
from gan_core.objectives.penalties import orthogonality
from gan_core.training.trainer import Trainer
from tests.conftest import example

STYLED = [pytest.param(recipes.get(name), id=name) for name in ("stylegan", "stylegan2")]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def as_float64(values: Tensor) -> np.ndarray:
    return values.detach().numpy().astype(np.float64)


def generator_of(recipe: Recipe) -> StyleGenerator:
    generator = recipe.build(recipe.tiny, example(recipe).spec)["generator"]
    assert isinstance(generator, StyleGenerator)
    return generator


# --- blocks ----------------------------------------------------------------------------------------------------------


def test_pixel_norm() -> None:
    features = random(2, 3, 4, 5)
    x = as_float64(features)
    assert_close(
        as_float64(PixelNorm()(features)), x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-8), atol=1e-6, rtol=0
    )


def test_adain_sets_the_mean_and_the_scale_of_each_map() -> None:
    layer, features, w = stylegan.AdaIn(3, 4), 5 + 3 * random(2, 3, 6, 6), random(2, 4, seed=1)
    style = as_float64(w) @ as_float64(layer.style.weight).T / np.sqrt(4) + as_float64(layer.style.bias)
    x = as_float64(features)
    normal = (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-8)
    expected = style[:, :3, None, None] * normal + style[:, 3:, None, None]
    assert_close(as_float64(layer(features, w)), expected, atol=1e-5, rtol=0)
    assert layer.style.bias.tolist() == [1, 1, 1, 0, 0, 0]


def test_demodulation() -> None:
    layer, features, w = stylegan2.ModulatedConv2d(3, 4, 3, 5, "fused"), random(2, 3, 6, 6), random(2, 5, seed=1)
    style = as_float64(w) @ as_float64(layer.style.weight).T / np.sqrt(5) + 1
    for image in range(2):
        weight = as_float64(layer.weight) / np.sqrt(27) * style[image][None, :, None, None]
        weight *= np.sqrt(2) / np.sqrt((weight**2).sum((1, 2, 3), keepdims=True) + 1e-8)
        x = np.pad(as_float64(features[image]), ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
        expected = np.einsum("ihwkl,oikl->ohw", windows, weight)
        assert_close(as_float64(layer(features, w)[image]), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kernel", "up", "demodulate"), [(3, False, True), (3, True, True), (1, False, False)])
def test_the_fused_form_equals_the_grouped_one(kernel: int, up: bool, demodulate: bool) -> None:
    fused, grouped = (stylegan2.ModulatedConv2d(5, 3, kernel, 4, form, up, demodulate) for form in ("fused", "grouped"))
    grouped.load_state_dict(fused.state_dict())
    features, w = random(3, 5, 8, 8), random(3, 4, seed=1)
    results = [layer(features, w) for layer in (fused, grouped)]
    assert_close(results[0], results[1], atol=1e-5, rtol=0)
    assert results[0].shape == (3, 3, 16 if up else 8, 16 if up else 8)
    slopes = [torch.autograd.grad(made.square().mean(), layer.parameters()) for made, layer in
              zip(results, (fused, grouped), strict=True)]  # fmt: skip
    assert_close(slopes[0], slopes[1], atol=1e-5, rtol=1e-4)


def filtered(image: np.ndarray, taps: list[int], padding: int) -> np.ndarray:
    """One channel (H, W), filtered along both axes, zeros beyond the border."""
    row = np.array(taps, dtype=np.float64) / sum(taps)
    wide = np.pad(image, padding)
    across = np.apply_along_axis(lambda line: np.convolve(line, row, "valid"), 1, wide)
    return np.apply_along_axis(lambda line: np.convolve(line, row, "valid"), 0, across)


@pytest.mark.parametrize("taps", [(1, 2, 1), (1, 3, 3, 1)])
def test_blur(taps: tuple[int, ...]) -> None:
    features = random(2, 3, 6, 6)
    blurred = as_float64(Blur(taps)(features))
    for image, channel in np.ndindex(2, 3):
        expected = filtered(as_float64(features)[image, channel], list(taps), 1)
        assert_close(blurred[image, channel], expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [6, 7])
@pytest.mark.parametrize(("taps", "padding", "stride"), [((1, 2, 1), 1, 1), ((1, 3, 3, 1), 2, 1), ((1, 3, 3, 1), 1, 2)])
def test_the_gradient_of_a_blur_is_that_of_its_convolution(
    taps: tuple[int, ...], padding: int, stride: int, size: int
) -> None:
    blur = Blur(taps, padding, stride).double()
    features = random(2, 3, size, size + 2).double().requires_grad_()

    def plain(images: Tensor) -> Tensor:
        return conv2d(images, blur.kernel.expand(3, 1, -1, -1), stride=stride, padding=padding, groups=3)

    made = blur(features)
    upstream = random(*made.shape, seed=1).double()
    assert_close(made, plain(features))
    (slope,) = torch.autograd.grad(made, features, upstream)
    (expected,) = torch.autograd.grad(plain(features), features, upstream)
    assert_close(slope, expected)
    assert torch.autograd.gradgradcheck(blur, features)


def test_a_blur_keeps_the_precision_of_its_features() -> None:
    features = random(2, 3, 8, 8).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        assert Blur()(features).dtype == torch.float32
        low = Blur((1, 3, 3, 1), stride=2)(features.bfloat16())
    low.float().sum().backward()
    assert low.dtype == torch.bfloat16
    assert features.grad is not None
    assert_close(features.grad[0, 0, 3, 3].item(), 0.25, atol=2e-3, rtol=0)  # a quarter of the pixels remain


def test_images_are_upsampled_as_by_zeros_between_pixels_and_the_blur_1331() -> None:
    image = random(1, 1, 4, 4)
    spread = np.zeros((8, 8))
    spread[::2, ::2] = 4 * as_float64(image)[0, 0]
    made = Blur()(interpolate(image, scale_factor=2))
    expected = filtered(np.pad(spread, ((1, 0), (1, 0))), [1, 3, 3, 1], 1)
    assert_close(as_float64(made)[0, 0], expected, atol=1e-6, rtol=0)


def test_resampling_convolutions_equal_resampling_and_convolution() -> None:
    features = random(2, 3, 8, 8)
    up, down = (EqualisedConv2d(3, 5, 3, resample=resample) for resample in ("up", "down"))
    for layer, expected in (
        (up, conv2d(interpolate(features, scale_factor=2), up.weight * up.scale, up.bias, padding=1)),
        (down, avg_pool2d(conv2d(features, down.weight * down.scale, down.bias, padding=1), 2)),
    ):
        nn.init.normal_(layer.bias)
        shift = layer.bias[None, :, None, None]
        assert_close(layer(features) - shift, expected, atol=1e-5, rtol=0)


def test_the_equalised_rate_moves_wide_and_narrow_layers_at_the_same_relative_speed() -> None:
    for inputs in (8, 512):
        layer = EqualisedLinear(inputs, 256)
        start = layer.weight.detach() * layer.scale
        assert float(start.std()) == pytest.approx((2 / inputs) ** 0.5, rel=0.1)
        optimizer = torch.optim.Adam(layer.parameters(), 0.01)
        layer(random(4, inputs)).square().sum().backward()
        optimizer.step()
        moved = (layer.weight.detach() * layer.scale - start).abs()
        # Adam's first step is the rate, here in units of the weights' deviation
        assert_close(moved, torch.full_like(moved, 0.01 * (2 / inputs) ** 0.5), rtol=0.02, atol=0)
    slow = EqualisedLinear(8, 64, rate=0.01, bias=1.0)
    assert float((slow.weight.detach() * slow.scale).std()) == pytest.approx(0.5, rel=0.1)
    assert_close(slow.bias * slow.rate, torch.ones(64))


def test_spectral_norm_takes_the_place_of_hes_constant() -> None:
    recipe = recipes.get("stylegan2")
    discriminator = recipe.build(changed(recipe.tiny, {"spectral_norm": "discriminator"}), example(recipe).spec)[
        "discriminator"
    ].eval()
    layers = [layer for layer in discriminator.modules() if isinstance(layer, (EqualisedConv2d, EqualisedLinear))]
    for layer in layers:
        largest = torch.linalg.matrix_norm(equalised(layer).flatten(1), 2)
        assert float(largest.detach()) == pytest.approx(1, rel=0.05)
    assert float(discriminator(random(64, 1, 8, 8)).std().detach()) > 0.01


def test_orthogonal_regularisation_sees_weights_as_they_are_used() -> None:
    layer = EqualisedLinear(6, 4, rate=0.01)
    used = as_float64(layer.weight) * layer.scale
    products = used @ used.T
    expected = (products**2).sum() - (np.diag(products) ** 2).sum()
    assert float(orthogonality(layer).detach()) == pytest.approx(expected, rel=1e-4)


def test_orthogonal_regularisation_sees_stems_and_modulated_convolutions_as_they_are_used() -> None:
    stem = progan.EqualisedStem(64, 4)
    assert_close(stem(torch.eye(64)[:1])[0], stem.weight[0].detach() * stem.scale)
    used = as_float64(stem.weight.transpose(0, 1).flatten(1)) * stem.scale
    modulated = stylegan2.ModulatedConv2d(6, 4, 3, 5, "fused")
    modulated.style = nn.Identity()  # type: ignore[assignment]
    for layer, rows in (stem, used), (modulated, as_float64(modulated.weight.flatten(1)) * modulated.scale):
        products = rows @ rows.T
        expected = (products**2).sum() - (np.diag(products) ** 2).sum()
        assert float(orthogonality(layer).detach()) == pytest.approx(expected, rel=1e-3)


def test_a_stem_under_spectral_norm_has_no_scale_besides() -> None:
    stem = progan.EqualisedStem(8, 4)
    apply_spectral_norm(stem)
    stem.eval()
    assert_close(stem(torch.eye(8)[:1])[0], stem.weight[0].detach())


@pytest.mark.parametrize("recipe", ["progan", "stylegan", "stylegan2"])
def test_the_discriminators_slope_can_be_differentiated(recipe: str) -> None:
    found = recipes.get(recipe)
    discriminator = found.build(found.tiny, example(found).spec)["discriminator"].double()
    images = random(2, 1, 8, 8).double().requires_grad_()
    assert torch.autograd.gradgradcheck(discriminator, (images,), atol=1e-4)


# --- published sizes -------------------------------------------------------------------------------------------------


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_progan_has_the_published_parameter_counts() -> None:
    hparams = changed(progan.DEFAULTS, {"latent_size": 512, "channels": 16, "max_channels": 512})
    generator = progan.ProganGenerator(3, 1024, hparams)
    # 23.1 M each: all layers, among them the 1 x 1 convolutions of all nine resolutions (together under 0.02 M)
    assert count(generator) == 23_079_115
    assert count(generator) - count(generator.to_rgb) + count(generator.to_rgb[-1]) == 23_071_507  # fully grown
    assert count(progan.GrowingDiscriminator(3, 1024, hparams)) == 23_087_249


def test_stylegan_has_the_published_parameter_count() -> None:
    hparams = changed(
        stylegan.DEFAULTS,
        {"latent_size": 512, "w_size": 512, "mapping_layers": 8, "channels": 16, "max_channels": 512},
    )
    generator = stylegan.StyleganGenerator(3, 1024, hparams)
    # 26.2 M: mapping, constant, convolutions, styles, noise strengths, 1 x 1 convolutions of all resolutions
    assert count(generator) == 26_219_627
    assert generator.num_ws == 18


def test_stylegan2_has_the_published_parameter_counts() -> None:
    hparams = changed(
        stylegan2.DEFAULTS,
        {"latent_size": 512, "w_size": 512, "mapping_layers": 8, "channels": 32, "max_channels": 512},
    )
    generator = stylegan2.Stylegan2Generator(3, 1024, hparams)
    # in total 30.4 M and 29.0 M
    assert count(generator) == 30_370_060
    assert count(stylegan2.ResidualDiscriminator(3, 1024, hparams)) == 29_012_513
    assert generator.num_ws == 18


# --- what sliders need -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", STYLED)
def test_w_leads_to_the_same_image_as_the_latents(recipe: Recipe) -> None:
    generator, latents = generator_of(recipe).eval(), random(3, 4)
    w = generator.mapping(latents)
    assert w.shape == (3, 4)
    ws = generator.repeated(w)
    assert ws.shape == (3, generator.num_ws, 4)
    assert torch.equal(generator.synthesis(ws, "constant"), generator(latents))
    # each layer's w matters
    plain = generator.synthesis(ws, "none")
    for layer in range(generator.num_ws):
        other = ws.clone()
        other[:, layer] += 1
        assert not torch.allclose(generator.synthesis(other, "none"), plain)


@pytest.mark.parametrize("recipe", STYLED)
def test_noise_is_random_in_training_and_constant_otherwise(recipe: Recipe) -> None:
    generator, ws = generator_of(recipe), random(1, 1, 4).expand(2, generator_of(recipe).num_ws, 4)
    for layer in generator.modules():
        if isinstance(layer, Noise):
            nn.init.constant_(layer.strength, 0.5)
            layer.generator = torch.Generator().manual_seed(5)
    state = torch.get_rng_state()
    none, constant, noisy = (generator.synthesis(ws, mode) for mode in ("none", "constant", "random"))
    assert torch.equal(torch.get_rng_state(), state)
    assert_close(constant[0], constant[1])
    assert not torch.allclose(none, constant)
    assert not torch.allclose(noisy[0], noisy[1])
    assert torch.equal(generator.synthesis(ws, "constant"), constant)
    assert not torch.equal(generator.synthesis(ws, "random"), noisy)


def test_no_more_latents_can_be_binary_than_there_are() -> None:
    tiny = recipes.get("stylegan2").tiny
    with pytest.raises(BadValue, match="has 4 dimensions, so at most as many can be binary, not 5"):
        changed(tiny, {"latent_size": 4, "binary_latents": 5})


def test_only_the_signs_of_binary_latents_matter() -> None:
    recipe = recipes.get("stylegan2")
    settings = changed(recipe.tiny, {"binary_latents": 2})
    generator = recipe.build(settings, example(recipe).spec)["generator"]
    assert isinstance(generator, StyleGenerator)
    latents = random(6, settings.latent_size)
    same, other = latents.clone(), latents.clone()
    same[:, :2] *= 3
    other[:, 2:] *= 3
    w = generator.mapping(latents)
    assert torch.equal(generator.mapping(same), w)
    assert not torch.allclose(generator.mapping(other), w)
    flipped = latents.clone()
    flipped[:, 0] *= -1
    assert not torch.allclose(generator.mapping(flipped), w)


@pytest.mark.parametrize("recipe", STYLED)
def test_the_mean_of_w_moves_in_training_alone(recipe: Recipe) -> None:
    generator, latents = generator_of(recipe), random(6, 4)
    generator(latents)
    assert_close(generator.w_mean, 0.005 * generator.mapping(latents).mean(0))
    before = generator.w_mean.clone()
    generator.mapping(latents)
    generator.eval()(latents)
    assert torch.equal(generator.w_mean, before)


def test_styles_are_mixed_from_a_random_layer_on() -> None:
    layer, ws, latents = StyleMixing(0.75), torch.zeros(20_000, 6, 1), torch.zeros(20_000, 1)
    layer.generator = torch.Generator().manual_seed(0)
    mixed = layer(ws, latents, lambda fresh: torch.ones_like(fresh))[:, :, 0]
    assert bool((mixed.diff(dim=1) >= 0).all())  # coarse layers first
    taken = mixed.sum(1)
    assert float((taken == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    for layers in range(1, 6):
        assert float((taken == layers).float().mean()) == pytest.approx(0.15, abs=0.02)
    assert layer.eval()(ws, latents, torch.ones_like) is ws


@pytest.mark.parametrize("recipe", STYLED)
def test_truncation_pulls_towards_the_mean_image(recipe: Recipe, tmp_path: Path) -> None:
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    for _ in range(3):
        trainer.train_step()
    sampler = Sampler(recipe, recipe.tiny, trainer.spec, trainer.ema.refresh())
    assert_close(sampler.sample(4, 3, psi=1.0), sampler.sample(4, 3))
    mean_images = sampler.sample(4, 3, psi=0.0)
    assert_close(mean_images, mean_images[:1].expand_as(mean_images))
    spread = [float(sampler.sample(16, 3, psi=psi).std(0).mean()) for psi in (0.0, 0.5, 1.0)]
    assert spread == sorted(spread)
    for psi in (-0.1, 1.6, float("nan")):
        with pytest.raises(BadValue, match=r"between 0 and 1\.5"):
            sampler.sample(1, psi=psi)


def test_a_model_without_truncation_reports_it() -> None:
    recipe = recipes.get("progan")
    networks = recipe.build(recipe.tiny, example(recipe).spec)
    with pytest.raises(BadValue, match="ProGAN doesn't support truncation"):
        Sampler(recipe, recipe.tiny, example(recipe).spec, networks).sample(1, psi=0.5)


@pytest.mark.parametrize("module", [stylegan, stylegan2])
def test_classes_reach_both_networks(module: object) -> None:
    name = module.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    plain = recipes.get(name)
    recipe = dataclasses.replace(
        plain,
        capabilities=plain.capabilities | {"labels"},
        networks=functools.partial(module.networks, classes=3),  # type: ignore[attr-defined]
        objective=functools.partial(PathLength, conditional=True) if name == "stylegan2" else
        (lambda hparams: stylegan.Growing(hparams, conditional=True)),
    )  # fmt: skip
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    for _ in range(3):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    generator, discriminator = (trainer.networks[player].eval() for player in ("generator", "discriminator"))
    latents, images = random(1, 4), random(1, 1, 8, 8)
    blends = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.5, 0.5, 0.0]])
    assert_close(generator(latents, blends[0]), generator(latents, torch.tensor([0])))
    assert not torch.allclose(generator(latents, blends[0]), generator(latents, blends[1]))
    assert not torch.equal(discriminator(images, torch.tensor([0])), discriminator(images, torch.tensor([1])))


@pytest.mark.parametrize("minibatch", ["none", "discrimination", "standard_deviation"])
def test_the_epilogue_can_compare_the_samples_of_a_batch(minibatch: str) -> None:
    layers, features = Epilogue(4, minibatch), random(4, 4, 4, 4)
    alone = torch.cat([layers(features[:1]), layers(features[1:])])
    assert torch.allclose(alone, layers(features), atol=1e-6) == (minibatch == "none")


@pytest.mark.parametrize("size", [8, 16, 64])
@pytest.mark.parametrize("name", ["progan", "stylegan", "stylegan2"])
def test_every_size_can_be_made(name: str, size: int) -> None:
    recipe = recipes.get(name)
    spec = DataSet("x", {"real": np.zeros((1, 3, size, size), dtype=np.uint8)}).spec
    networks = recipe.build(recipe.tiny, spec)
    images = networks["generator"](random(2, 4))
    assert images.shape == (2, 3, size, size)
    assert networks["discriminator"](images).shape == (2,)
    with pytest.raises(BadValue, match="24 pixels"):
        recipe.check_data(DataSet("x", {"real": np.zeros((1, 3, 24, 24), dtype=np.uint8)}).spec)


def test_a_saved_model_draws_the_same_images(tmp_path: Path) -> None:
    recipe = recipes.get("stylegan2")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    for _ in range(3):
        trainer.train_step()
    average = trainer.ema.refresh()
    spec = {"fields": {"real": [1, 8, 8]}, "classes": 3}
    write_checkpoint(tmp_path / "x.safetensors", trainer.state_dict() | {"hparams": {}, "spec": spec})
    loaded = read_checkpoint(tmp_path / "x.safetensors")
    from gan_core.knobs import to_dict

    sampler = loading.from_state("stylegan2", {**loaded, "hparams": to_dict(recipe.tiny)})
    drawn = recipe.draw(average, recipe.tiny, sampler.latents(2, 7)[0], None)
    assert_close(sampler.sample(2, 7, psi=1.0), drawn, atol=1e-6, rtol=1e-5)


def test_positions_are_biases_of_each_pixel_up_to_a_resolution() -> None:
    hparams = changed(recipes.get("stylegan2").tiny, {"positions": 8})
    generator = recipes.get("stylegan2").build(hparams, DataSpec({"real": (3, 32, 32)}))["generator"]
    sides = [layer.bias.shape[-1] for layer in generator.modules() if isinstance(layer, stylegan2.StyledConv)]
    assert sides == [4, 8, 8, 1, 1, 1, 1]  # one layer at 4 pixels, two at 8, 16 and 32
    latents = random(2, hparams.latent_size)
    generator.eval()
    before = generator(latents)
    with torch.no_grad():
        next(layer for layer in generator.modules() if isinstance(layer, stylegan2.StyledConv)).bias[0, :, 0, 0] += 5
    moved = (generator(latents) - before).abs().amax((0, 1))  # (H, W)
    assert moved[:8, :8].max() > 10 * moved[24:, 24:].max()  # a corner's bias changes that corner
