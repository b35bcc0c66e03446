"""What a run's picture shows, by task."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.training.previews import JUDGED, ROWS, by_class, previewer
from gan_core.training.trainer import Trainer
from tests.conftest import example, images


def test_images_stand_in_the_column_of_their_class() -> None:
    levels = torch.tensor([-1.0, 0.0, 1.0, 0.5]).reshape(4, 1, 1, 1).expand(4, 1, 3, 3)  # (B,) -> (B, C, H, W)
    picture = np.asarray(by_class(levels, torch.tensor([1, 0, 1, 1]), 3))
    assert picture.shape == (2 * ROWS * 4 - 1, 11)
    cells = picture[1::4, 1::4]  # the middle of each
    np.testing.assert_array_equal(cells[:4], [[128, 0, 255], [255, 255, 255], [255, 191, 255], [255, 255, 255]])


def test_a_classifiers_preview_sorts_real_images_and_draws_nothing(labelled: DataSet) -> None:
    recipe = recipes.get("feature_net")
    trainer = Trainer(recipe, recipe.tiny, labelled)
    state = trainer.generator.get_state()
    with Image.open(io.BytesIO(previewer(trainer)())) as picture:
        assert picture.size == (3 * 9 - 1, 2 * ROWS * 9 - 1)
    assert torch.equal(trainer.generator.get_state(), state)
    assert len(trainer.batches.first(JUDGED)["real"]) == JUDGED


def test_a_net_that_learnt_attributes_sorts_by_the_one_with_most_values() -> None:
    recipe = recipes.get("feature_net")
    attributes = {"hat": ("none", "cap"), "hair": ("bald", "long", "bob", "bun")}
    rows = np.arange(24)[:, None] % (2, 4)  # (N, K)
    data = DataSet("faces", {"real": images(), "attributes": rows}, attributes=attributes)
    with Image.open(io.BytesIO(previewer(Trainer(recipe, recipe.tiny, data))())) as picture:
        assert picture.size == (4 * 9 - 1, 2 * ROWS * 9 - 1)


def test_samples_and_points_are_shown() -> None:
    for name, size in (
        ("mlp_gan", (8 * 9 - 1, ROWS * 9 - 1)),
        ("points", (320, 320)),
        ("cgan", (3 * 9 - 1, ROWS * 9 - 1)),
    ):
        recipe = recipes.get(name)
        with Image.open(io.BytesIO(previewer(Trainer(recipe, recipe.tiny, example(recipe)))())) as picture:
            assert picture.size == size
