"""The content of a run's picture, by task."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.objectives.translation import ReplayPool
from gan_core.pictures.grids import to_uint8
from gan_core.training.previews import JUDGED, POOLED, ROWS, by_class, pool_previewer, pooled, previewer
from gan_core.training.trainer import Trainer
from tests.conftest import example, images


@pytest.mark.parametrize(
    ("classes", "beside", "expected"),
    [
        (5, 1, [[128, 0, 255, 255, 255], [255, 255, 255, 255, 255], [255, 191, 255, 255, 255]]),
        (3, 2, [[128, 255, 0, 255, 255, 255], [255, 255, 191, 255, 255, 255]]),
        (2, 4, [[128, 255, 255, 255, 0, 255, 191, 255], [255] * 8]),
    ],
)
def test_images_are_placed_in_the_columns_of_their_class(classes: int, beside: int, expected: list[list[int]]) -> None:
    levels = torch.tensor([-1.0, 0.0, 1.0, 0.5]).reshape(4, 1, 1, 1).expand(4, 1, 3, 3)  # (B,) -> (B, C, H, W)
    picture = np.asarray(by_class(levels, torch.tensor([1, 0, 1, 1]), classes))
    assert picture.shape == (2 * ROWS // beside * 4 - 1, classes * beside * 4 - 1)
    cells = picture[1::4, 1::4]  # the middle of each
    np.testing.assert_array_equal(cells[: len(expected)], expected)


def test_a_classifiers_preview_sorts_real_images_and_draws_nothing(labelled: DataSet) -> None:
    recipe = recipes.get("feature_net")
    trainer = Trainer(recipe, recipe.tiny, labelled)
    state = trainer.generator.get_state()
    with Image.open(io.BytesIO(previewer(trainer)())) as picture:
        assert picture.size == (6 * 9 - 1, ROWS * 9 - 1)  # three classes of two columns each
    assert torch.equal(trainer.generator.get_state(), state)
    assert len(trainer.batches.first(JUDGED)["real"]) == JUDGED


def test_a_net_that_learnt_attributes_sorts_by_the_one_with_most_values() -> None:
    recipe = recipes.get("feature_net")
    attributes = {"hat": ("none", "cap"), "hair": ("bald", "long", "bob", "bun")}
    rows = np.arange(24)[:, None] % (2, 4)  # (N, K)
    data = DataSet("faces", {"real": images(), "attributes": rows}, attributes=attributes)
    with Image.open(io.BytesIO(previewer(Trainer(recipe, recipe.tiny, data))())) as picture:
        assert picture.size == (8 * 9 - 1, ROWS * 9 - 1)


def test_samples_and_points_are_shown() -> None:
    for name, size in (
        ("mlp_gan", (8 * 9 - 1, ROWS * 9 - 1)),
        ("points", (320, 320)),
        ("cgan", (6 * 9 - 1, ROWS * 9 - 1)),  # each of three classes twice
    ):
        recipe = recipes.get(name)
        with Image.open(io.BytesIO(previewer(Trainer(recipe, recipe.tiny, example(recipe)))())) as picture:
            assert picture.size == size


def test_the_pool_of_a_cyclegan_is_shown_as_it_fills_the_oldest_first() -> None:
    recipe = recipes.get("cyclegan")
    trainer = Trainer(recipe, replace(recipe.tiny, pool_size=14), example(recipe))
    draw = pool_previewer(trainer)
    assert draw is not None
    trainer.train_step()
    with Image.open(io.BytesIO(draw())) as picture:
        assert picture.size == (10 * 9 - 1, 4 * 9 - 1)  # two rows as b, two as a
        cells = np.asarray(picture)[:17].reshape(-1)
    half = trainer.objective.pools()["b"]
    assert np.array_equal(pooled(half, 1)[:4], to_uint8(half.images[:4]))
    assert (pooled(half, 1)[4:] == 255).all()  # places that are empty
    assert (cells != 255).any()
    for _ in range(30):
        trainer.train_step()
    ages = half.ages(31)
    assert len(ages.unique()) > 3
    shown = pooled(half, 31)
    assert len(shown) == 20
    order = [
        next(place for place in range(14) if np.array_equal(one, to_uint8(half.images)[place])) for one in shown[:14]
    ]
    assert ages[order].tolist() == sorted(ages.tolist(), reverse=True)


def test_looking_into_the_pool_changes_nothing_and_other_recipes_have_none() -> None:
    recipe = recipes.get("cyclegan")
    trainers = [Trainer(recipe, recipe.tiny, example(recipe)) for _ in range(2)]
    draw = pool_previewer(trainers[0])
    assert draw is not None
    for _ in range(4):
        draw()
        for trainer in trainers:
            trainer.train_step()
    assert same_state(trainers[0].state_dict(), trainers[1].state_dict())
    assert pool_previewer(Trainer(recipe, replace(recipe.tiny, pool_size=0), example(recipe))) is None
    other = recipes.get("cut")
    assert pool_previewer(Trainer(other, other.tiny, example(other))) is None


def test_of_a_large_pool_every_nth_image_is_shown_made_smaller() -> None:
    pool = ReplayPool(120, (3, 128, 128))
    pool.made.copy_(torch.arange(120).flip(0))
    pool.images.copy_((torch.arange(120).flip(0) / 60 - 1)[:, None, None, None].expand_as(pool.images))
    pool.filled.fill_(120)
    shown = pooled(pool, 120)
    assert shown.shape == (POOLED, 64, 64, 3)
    levels = shown[:, 0, 0, 0].astype(int)
    assert (levels[0], levels[-1]) == (0, 253)  # the oldest and the newest are among them
    assert (np.diff(levels) > 0).all()
