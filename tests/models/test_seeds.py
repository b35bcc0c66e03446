"""A seed is the same picture alone and in a batch of any size, to one level; with larger differences it isn't."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.gans import Recipe, recipes
from gan_core.layers.style import PyramidHParams
from gan_core.models.sampler import Sampler
from tests.conftest import assert_same_pictures, example

DRAWING = [pytest.param(recipe, id=recipe.name) for recipe in recipes if recipe.draws and recipe.task == "images"]


@pytest.mark.parametrize("recipe", DRAWING)
def test_a_picture_alone_and_in_a_batch(recipe: Recipe) -> None:
    spec = example(recipe).spec
    networks = recipe.build(recipe.tiny, spec)
    if not issubclass(recipe.hparams.__class__, PyramidHParams):
        for weight in (weight for network in networks.values() for weight in network.parameters() if weight.ndim > 1):
            torch.nn.init.kaiming_normal_(weight)  # new ones would draw nearly the same grey for every seed
    labels = torch.arange(16) % max(1, spec.classes) if recipe.conditional else None
    for _ in range(30):  # so that batch-norm knows these networks
        recipe.draw(networks, recipe.tiny, torch.randn(16, recipe.tiny.latent_size), labels)  # type: ignore[attr-defined]
    sampler = Sampler(recipe, recipe.tiny, spec, {name: networks[name].eval() for name in recipe.ema_networks})
    label = 1 if recipe.conditional else None
    psi = None if recipe.truncate is None else 0.7
    alone = sampler.sample(1, 5, label, psi)
    for count in (2, 15, 16, 17, 33):  # random numbers come in blocks of 16
        assert_same_pictures(sampler.sample(count, 5, label, psi)[:1], alone)
    assert not torch.equal(sampler.sample(1, 6, label, psi), alone)
    assert float(alone.std()) > 1e-3


def test_one_level_is_the_limit() -> None:
    picture = torch.zeros(1, 1, 2, 2)
    assert_same_pictures(picture, picture + 2 / 255)
    with pytest.raises(AssertionError):
        assert_same_pictures(picture, picture + 4 / 255)
    with pytest.raises(AssertionError):
        assert_same_pictures(np.zeros((1, 2), np.uint8), np.zeros((2, 1), np.uint8))
