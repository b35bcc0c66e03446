"""A tiny feature net and a data set for it."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models.sampler import Sampler
from gan_core.training.trainer import Trainer


def stripes(count: int, seed: int) -> DataSet:
    """Images (count, 1, 8, 8) of three classes that differ in the place of a bright stripe; each has its own noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = random.integers(0, 100, (count, 1, 8, 8))
    for label in range(3):
        images[labels == label, :, 1 + 2 * label : 3 + 2 * label] += 150
    return DataSet("stripes", {"real": images.astype(np.uint8), "label": labels}, ("top", "middle", "bottom"))


@pytest.fixture(scope="session")
def trained() -> Trainer:
    """A tiny net trained to classify the stripes."""
    recipe = recipes.get("feature_net")
    trainer = Trainer(recipe, recipe.settings(CHANGES), stripes(300, 0))
    for _ in range(60):
        trainer.train_step()
    trainer.ema.refresh()
    return trainer


CHANGES = {
    "channels": 4,
    "max_channels": 8,
    "features": 6,
    "batch_size": 32,
    "decay_steps": 60,
    "rate": 0.01,
}


@pytest.fixture(scope="session")
def net(trained: Trainer) -> FeatureNet:
    return FeatureNet("stripesnet", Sampler(trained.recipe, trained.hparams, trained.spec, trained.ema.networks))
