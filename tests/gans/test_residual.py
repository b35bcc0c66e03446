"""SNGAN, SAGAN and BigGAN: their layers against numpy, published sizes, truncation, standing statistics, blends."""

from __future__ import annotations

import copy
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate
from torch.nn.utils.parametrize import is_parametrized
from torch.testing import assert_close

from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.biggan import BigganGenerator, BigganHParams, standing_statistics, truncated
from gan_core.gans.sagan import SaganHParams
from gan_core.gans.sngan import SIZES
from gan_core.knobs import changed
from gan_core.layers.classes import ClassEmbedding, blended
from gan_core.layers.residual import (
    ConditionalBatchNorm,
    DiscriminatorBlock,
    GeneratorBlock,
    ResidualDiscriminator,
    SelfAttention,
)
from gan_core.models.sampler import Sampler
from gan_core.training.trainer import Trainer


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def test_attention_is_the_papers() -> None:
    layer = SelfAttention(16).double()
    with torch.no_grad():
        layer.gamma.fill_(0.7)
    features = random(2, 16, 3, 4)
    matrix = {name: conv.weight.detach().numpy()[:, :, 0, 0] for name, conv in layer.named_children()}
    assert matrix["query"].shape == matrix["key"].shape == matrix["value"].shape == (2, 16)
    for item, attended in zip(features.numpy(), layer(features).detach().numpy(), strict=True):
        x = item.reshape(16, 12)  # (C, H, W) -> (C, N)
        scores = (matrix["key"] @ x).T @ (matrix["query"] @ x)  # s_ij: i is looked at by j; not scaled
        beta = softmax(scores.T)  # beta_ji
        taken = matrix["out"] @ (matrix["value"] @ x) @ beta.T
        np.testing.assert_allclose(attended.reshape(16, 12), x + 0.7 * taken, rtol=0, atol=1e-12)


def test_attention_starts_as_if_it_was_not_there() -> None:
    features = random(2, 16, 4, 4)
    assert torch.equal(SelfAttention(16).double()(features), features)


def test_pooled_attention_looks_at_maxima() -> None:
    layer = SelfAttention(8, value_share=2, pool=True).double()
    features = random(1, 8, 4, 4)
    keys = conv2d(features, layer.key.weight).detach().numpy().reshape(1, 2, 2, 2, 2).max((2, 4))  # (c, h, 2, w, 2)
    queries = conv2d(features, layer.query.weight).detach().numpy().reshape(1, 16)
    expected = softmax(queries.T @ keys.reshape(1, 4))
    np.testing.assert_allclose(layer.maps(features)[0].detach().numpy(), expected, rtol=0, atol=1e-12)


def test_attention_maps_can_be_asked_for() -> None:
    hparams = SaganHParams(latent_size=4, channels=8, max_channels=16, attention_size=8)
    networks = recipes.get("sagan").build(hparams, DataSpec({"real": (1, 16, 16)}))
    before = copy.deepcopy(networks["generator"].state_dict())
    asked = (
        networks["generator"].attention_maps(torch.randn(2, 4)),
        networks["discriminator"].attention_maps(torch.randn(2, 1, 16, 16)),
    )
    for maps in asked:
        assert list(maps) == ["attention"]
        assert maps["attention"].shape == (2, 8, 8, 8, 8)
        assert_close(maps["attention"].sum((3, 4)), torch.ones(2, 8, 8))
    assert networks["generator"].training
    assert same_state(before, networks["generator"].state_dict())


def test_conditional_batch_norm_is_numpys() -> None:
    layer = ConditionalBatchNorm(3, nn.Linear(5, 3, bias=False), nn.Linear(5, 3, bias=False)).double()
    features, condition = random(4, 3, 2, 2), random(4, 5, seed=1)
    x, c = features.numpy(), condition.numpy()
    gain, bias = (part.weight.detach().numpy() for part in (layer.gain, layer.bias))
    normed = (x - x.mean((0, 2, 3), keepdims=True)) / np.sqrt(x.var((0, 2, 3), keepdims=True) + 1e-5)
    expected = normed * (1 + c @ gain.T)[:, :, None, None] + (c @ bias.T)[:, :, None, None]
    np.testing.assert_allclose(layer(features, condition).detach().numpy(), expected, rtol=0, atol=1e-12)


def test_the_verdict_is_a_projection() -> None:
    network = ResidualDiscriminator(1, 8, (4, 6), downs=1, classes=3).double()
    images, labels = random(5, 1, 8, 8), torch.tensor([0, 1, 2, 1, 0])
    found: list[torch.Tensor] = []
    network.head.register_forward_pre_hook(lambda layer, inputs: found.append(inputs[0]))
    logits = network(images, labels).detach().numpy()
    pooled = found[0].detach().numpy()
    head, table = network.head.weight.detach().numpy(), network.projection.weight.detach().numpy()
    expected = [(head[0] + table[label]) @ row for label, row in zip(labels, pooled, strict=True)]
    np.testing.assert_allclose(logits, expected + network.head.bias.detach().numpy(), rtol=0, atol=1e-12)
    last = network.blocks[1](network.blocks[0](images)).detach().numpy()
    np.testing.assert_allclose(pooled, last.clip(0).sum((2, 3)), rtol=0, atol=1e-12)


def test_shortcuts_give_what_the_papers_order_gives() -> None:
    up, down = GeneratorBlock(3, 5, nn.BatchNorm2d).double(), DiscriminatorBlock(3, 5, down=True).double()
    features = random(2, 3, 4, 4)
    for block in (up, down):
        nn.init.zeros_(block.conv2.weight)
        nn.init.zeros_(block.conv2.bias)
    assert_close(up(features), up.shortcut(interpolate(features, scale_factor=2)))
    assert_close(down(features), avg_pool2d(down.shortcut(features), 2))


def built(name: str, hparams: object, spec: DataSpec) -> dict[str, nn.Module]:
    with torch.device("meta"):
        return recipes.get(name).networks(hparams, spec)


def test_sngan_has_its_published_size() -> None:
    # table 4, every convolution with a bias: 128 -> 4096 dense, three blocks of 256 channels, batch-norm, 3x3 to RGB
    networks = built(
        "sngan",
        replace(recipes.get("sngan").hparams, channels=256, max_channels=256, discriminator_channels=128),
        DataSpec({"real": (3, 32, 32)}),
    )
    block = 2 * (256 * 256 * 9 + 256) + (256 * 256 + 256) + 2 * 2 * 256
    stem, last = 128 * 4096 + 4096, 2 * 256 + 256 * 3 * 9 + 3
    assert parameters(networks["generator"]) == stem + 3 * block + last == 4_276_739
    # blocks 3 -> 128 and 128 -> 128 halve, with a 1x1 shortcut; two more don't, and have none; then a sum, dense to 1
    convolution = 128 * 128 * 9 + 128
    first = (3 * 128 * 9 + 128) + convolution + (3 * 128 + 128)
    expected = first + 2 * convolution + (128 * 128 + 128) + 4 * convolution + 129
    assert parameters(networks["discriminator"]) == expected == 1_053_825


def test_biggan_has_its_published_size() -> None:
    # BigGAN-128: all parameters, of stem, blocks, shared class embedding, attention and last layers
    hparams = BigganHParams(channels=96, max_channels=1536, latent_size=120, embedding=128, attention_size=64)
    networks = built("biggan", hparams, DataSpec({"real": (3, 128, 128)}, 1000))
    # published as 70.4 M; to the last one in the authors' PyTorch code: 70,433,988 and 87,982,370
    assert parameters(networks["generator"]) == 70_433_988
    assert parameters(networks["discriminator"]) == 87_982_370


@pytest.mark.parametrize("name", ["sngan", "sagan", "biggan"])
def test_default_networks_are_small(name: str) -> None:
    recipe = recipes.get(name)
    networks = built(name, recipe.hparams, DataSpec({"real": (3, 32, 32)}, 10))
    assert all(parameters(network) < 1_000_000 for network in networks.values())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["sngan", "sagan", "biggan"])
def test_every_size_can_be_made(name: str, size: int) -> None:
    hparams = changed(recipes.get(name).tiny, {"latent_size": 8})
    networks = recipes.get(name).build(hparams, DataSpec({"real": (3, size, size)}, 3))
    labels = [torch.tensor([0, 2])] if name == "biggan" else []
    images = networks["generator"](torch.randn(2, 8), *labels)
    assert images.shape == (2, 3, size, size)
    assert networks["discriminator"](images, *labels).shape == (2,)


def test_spectral_norm_reaches_what_the_papers_say() -> None:
    def normalised(network: nn.Module) -> set[str]:
        return {
            type(layer).__name__.removeprefix("Parametrized") for layer in network.modules() if is_parametrized(layer)
        }

    spec = DataSpec({"real": (1, 8, 8)}, 3)
    for name, both in (("sngan", False), ("sagan", True), ("biggan", True)):
        networks = recipes.get(name).build(recipes.get(name).tiny, spec)
        assert {"Conv2d", "Linear"} <= normalised(networks["discriminator"])
        assert normalised(networks["generator"]) == ({"Conv2d", "Linear"} if both else set())
        # and the largest singular value of a layer is about 1
        weight = networks["discriminator"].eval().blocks[0].conv2.weight.detach().flatten(1)
        assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1, abs=0.05)


# --- BigGAN ---


def test_latents_steer_the_stem_and_every_block() -> None:
    network = BigganGenerator(3, 1, 16, BigganHParams(latent_size=8, channels=8, max_channels=8, embedding=3))
    assert network.chunks == [4, 2, 2]
    network.eval()
    latents, labels = torch.randn(1, 8), torch.tensor([1])
    image = network(latents, labels)
    for place in range(8):
        moved = latents.clone()
        moved[0, place] += 1
        assert not torch.equal(network(moved, labels), image), place
    with pytest.raises(BadValue, match="at least 3"):
        BigganGenerator(3, 1, 16, BigganHParams(latent_size=2))


@pytest.mark.parametrize("psi", [0.25, 0.5, 1.0])
def test_truncation_draws_again_what_lies_beyond(psi: float) -> None:
    latents = torch.randn(200_000, 1, generator=torch.Generator().manual_seed(0))
    made = truncated(latents, psi)
    inside = latents.abs() <= 2 * psi
    assert torch.equal(made[inside], latents[inside])
    assert float(made.abs().max()) <= 2 * psi
    assert torch.equal(made, truncated(latents, psi))
    # all of them, and also only those drawn again, follow the normal distribution truncated at 2 psi
    normal = NormalDist()
    tail = normal.cdf(-2 * psi)
    for values in (made.flatten(), made[~inside]):
        for share in (0.1, 0.3, 0.5, 0.8):
            quantile = normal.inv_cdf(tail + share * (1 - 2 * tail))
            error = 4 * (share * (1 - share) / len(values)) ** 0.5
            assert float((values < quantile).double().mean()) == pytest.approx(share, abs=error)


def test_full_truncation_leaves_the_classes_alone() -> None:
    assert torch.equal(truncated(torch.randn(3, 4), 0.0), torch.zeros(3, 4))
    for psi in (-0.1, 1.6):
        with pytest.raises(BadValue, match=r"between 0 and 1\.5"):
            truncated(torch.randn(3, 4), psi)


def trained_biggan(labelled: DataSet) -> Trainer:
    trainer = Trainer(recipes.get("biggan"), recipes.get("biggan").tiny, labelled)
    for _ in range(3):
        trainer.train_step()
    return trainer


def test_the_sampler_truncates(labelled: DataSet) -> None:
    trainer = trained_biggan(labelled)
    sampler = Sampler(trainer.recipe, trainer.hparams, trainer.spec, trainer.ema.refresh())
    images = sampler.sample(6, psi=0.0)
    assert_close(images[:3], images[3:])  # one image for each class
    assert float((images - sampler.sample(6)).abs().max()) > 0.01


def test_standing_statistics_are_those_of_many_batches(labelled: DataSet) -> None:
    generator = trained_biggan(labelled).ema.networks["generator"]
    standing_statistics(generator, 400, seed=1)
    assert bool(generator.standing)
    assert not any(layer.training for layer in generator.modules())
    # the first norm sees the stem's output, of latents of which it takes the first two
    latents = random(20_000, 2, seed=5).float()
    features = generator.body.stem(latents).unflatten(1, generator.body.base)
    norm = generator.body.blocks[0].norm1.norm
    assert_close(norm.running_mean, features.mean((0, 2, 3)), rtol=0, atol=0.05)
    assert_close(norm.running_var, features.var((0, 2, 3)), rtol=0.06, atol=0.0)


def test_looking_estimates_once_and_never_moves_the_training(labelled: DataSet) -> None:
    watched, alone = trained_biggan(labelled), trained_biggan(labelled)
    sampler = Sampler(watched.recipe, watched.hparams, watched.spec, watched.ema.networks)
    for _ in range(2):
        average = watched.ema.refresh()["generator"]
        assert not bool(average.standing)
        first = sampler.sample(3)
        assert bool(average.standing)
        assert first.equal(sampler.sample(3))
        watched.train_step()
        alone.train_step()
    for trainer in (watched, alone):
        trainer.ema.refresh()
    assert same_state(watched.state_dict(), alone.state_dict())


def test_virtual_batch_norm_is_refused() -> None:
    with pytest.raises(BadValue, match="class-conditional"):
        recipes.get("biggan").settings({"virtual_batch_norm": True})


# --- blends of classes ---


@pytest.mark.parametrize("name", ["biggan", "acgan", "cgan"])
def test_classes_can_be_blended(name: str, labelled: DataSet) -> None:
    recipe = recipes.get(name)
    networks = {key: network.eval() for key, network in recipe.build(recipe.tiny, labelled.spec).items()}
    sampler = Sampler(recipe, recipe.tiny, labelled.spec, networks)
    latents, labels = sampler.latents(3, seed=0, label=1)
    whole = sampler.draw(latents, labels)
    assert_close(sampler.draw(latents, blended({1: 5}, 3, 3)), whole)
    half = sampler.draw(latents, blended({1: 1, 2: 1}, 3, 3))
    assert not torch.equal(half, whole)
    assert not torch.equal(half, sampler.draw(latents, torch.full((3,), 2)))


def test_a_blend_is_a_mean_of_embeddings() -> None:
    embedding = ClassEmbedding(4, 3)
    expected = 0.25 * embedding.weight[0] + 0.75 * embedding.weight[3]
    assert_close(embedding(blended({0: 1, 3: 3}, 4, 2)), expected.expand(2, 3))
    assert torch.equal(embedding(torch.tensor([2])), embedding.weight[2:3])


def test_blends_that_make_no_sense_are_refused() -> None:
    with pytest.raises(BadValue, match="between 0 and 2, got 3"):
        blended({3: 1.0}, 3, 1)
    with pytest.raises(BadValue, match="negative"):
        blended({0: -1.0, 1: 2.0}, 3, 1)
    with pytest.raises(BadValue, match="not all 0"):
        blended({0: 0.0}, 3, 1)
    with pytest.raises(BadValue, match="each of the 3 classes"):
        ClassEmbedding(3, 2)(torch.ones(1, 4))
