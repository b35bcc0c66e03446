"""Layers, shapes and parameters of every recipe."""

from __future__ import annotations

import pytest

from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.gans.describe import describe
from tests.conftest import example


@pytest.mark.parametrize("name", recipes.names())
def test_every_network_is_described(name: str) -> None:
    recipe = recipes.get(name)
    spec = example(recipe).spec
    found = describe(recipe, recipe.tiny, spec)
    networks = recipe.build(recipe.tiny, spec)
    assert found.keys() == networks.keys()
    for network, layers in found.items():
        weights = networks[network].parameters()
        assert sum(layer.parameters for layer in layers) == sum(weight.numel() for weight in weights)
        assert all(layer.shape != () or layer.kind for layer in layers)
        assert layers[0].name


def test_hand_counted_layers() -> None:
    recipe = recipes.get("mlp_gan")
    spec = DataSpec({"real": (1, 8, 8)}, 10)
    hparams = recipe.settings({"latent_size": 4, "generator_widths": (3,), "discriminator_widths": (2,)})
    generator = describe(recipe, hparams, spec)["generator"]
    assert [(layer.kind, layer.shape, layer.parameters) for layer in generator] == [
        ("Linear", (3,), 15), ("LeakyReLU", (3,), 0), ("Linear", (64,), 256), ("Tanh", (64,), 0),
    ]  # fmt: skip


def test_normalised_layers_are_described_by_their_own_name() -> None:
    recipe = recipes.get("mlp_gan")
    hparams = recipe.settings({"discriminator_widths": (2,), "spectral_norm": "discriminator"})
    layers = describe(recipe, hparams, DataSpec({"real": (1, 8, 8)}, 0))["discriminator"]
    found = [(layer.kind, layer.shape, layer.parameters) for layer in layers]
    assert found == [("Linear", (2,), 130), ("LeakyReLU", (2,), 0), ("Linear", (1,), 3)]
