"""DANN: the reversed gradient, its growth, MNIST-M as published, and that it helps on unlabelled data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import adaptation
from gan_core import data
from gan_core.checkpoint import same_state
from gan_core.data.base import DataSet
from gan_core.data.batches import Batches
from gan_core.data.sets.mnist_m import blended
from gan_core.errors import BadData
from gan_core.gans import recipes
from gan_core.metrics.domains import apart, measured, plane
from gan_core.objectives.adaptation import reverse, strength
from gan_core.training.previews import previewer
from gan_core.training.trainer import Trainer
from tests.conftest import example


def test_the_gradient_is_reversed_and_scaled() -> None:
    features = torch.tensor([1.0, -2.0], requires_grad=True)
    made = reverse(features, 0.25)
    torch.testing.assert_close(made, features)
    (3 * made).sum().backward()
    torch.testing.assert_close(features.grad, torch.tensor([-0.75, -0.75]))


def test_the_weight_grows_as_published() -> None:
    assert strength(0) == 0
    assert strength(0.1) == pytest.approx(2 / (1 + np.exp(-1)) - 1)  # 0.462
    assert strength(1) == strength(7) == pytest.approx(0.99991, abs=1e-5)


def test_a_digit_on_a_photo_is_their_difference() -> None:
    digit = np.array([[0, 1], [128, 255]], np.uint8)
    patch = np.array([[[10, 20], [30, 255]]] * 3, np.uint8)
    np.testing.assert_array_equal(blended(digit, patch)[0], [[10, 235], [225, 0]])


def test_labels_follow_the_first_domain_and_the_second_has_its_own_order() -> None:
    numbers = np.arange(24, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (24, 1, 4, 4)).copy()
    both = DataSet("numbers", {"a": images, "b": images, "label": numbers.astype(np.int64)}, ("x",) * 24, unpaired=True)
    batches = Batches(both, 0, torch.device("cpu"))
    batch = batches.next(20)
    read = {name: torch.round((batch[name][:, 0, 0, 0] + 1) * 127.5).long() for name in ("a", "b")}
    assert torch.equal(read["a"], batch["label"])
    assert not torch.equal(read["b"], batch["label"])


def test_without_adaptation_nothing_is_learnt_about_the_second_domain() -> None:
    recipe = recipes.get("dann")
    both = example(recipe)
    trained = []
    for second in (both.arrays["b"], 255 - both.arrays["b"]):
        trainer = Trainer(
            recipe, replace(recipe.tiny, adaptation=0.0), replace(both, arrays=both.arrays | {"b": second})
        )
        for _ in range(3):
            trainer.train_step()
        trained.append(trainer.networks["features"].state_dict())
    assert same_state(*trained)


def test_domains_without_labels_are_refused(tmp_path: Path) -> None:
    for domain in ("trainA", "trainB"):
        for number in range(3):
            (tmp_path / domain).mkdir(exist_ok=True)
            Image.new("RGB", (28, 28), (number * 40, 0, 0)).save(tmp_path / domain / f"{number}.png")
    folders = data.load(f"unpaired:{tmp_path}", 28)
    with pytest.raises(BadData, match="needs a labelled data set"):
        recipes.get("dann").check_data(folders.spec)
    with pytest.raises(BadData, match="needs two sets of images"):
        recipes.get("dann").check_data(DataSet("x", {"real": np.zeros((2, 1, 8, 8), np.uint8)}).spec)


def test_own_folders_with_classes_in_the_first_are_adapted(tmp_path: Path) -> None:
    for place in ("trainA/one", "trainA/two", "trainB"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 8), (number * 40, len(place) * 10, 0)).save(tmp_path / place / f"{number}.png")
    recipe, mine = recipes.get("dann"), data.load(f"unpaired:{tmp_path}", 8)
    recipe.check_data(mine.spec)
    result = Trainer(recipe, recipe.tiny, mine).train_step()
    assert result.terms["adaptation/cross_entropy"].isfinite()


def test_translated_pictures_keep_their_labels() -> None:
    known = example(recipes.get("dann"))
    for name, ways in (("cyclegan", 1), ("munit", 4)):
        recipe = recipes.get(name)
        made, seconds = adaptation.translated(recipe, recipe.tiny, known, 2)
        assert seconds > 0
        assert made.arrays["a"].shape == known.arrays["a"].shape
        assert made.arrays["a"].dtype == np.uint8
        assert not np.array_equal(made.arrays["a"], known.arrays["a"])
        for kept in ("b", "label"):
            assert made.arrays[kept] is known.arrays[kept]
        assert len([way for way in recipe.translations if not way.startswith("b_")]) == ways
    with pytest.raises(SystemExit):
        adaptation.main(["--translator", "dann"])


def test_clothes_on_photos_keep_their_grey_levels() -> None:
    from gan_core.data.sets import fashion_mnist_m

    picture = np.array([[0, 100], [128, 255]], np.uint8)
    patch = np.array([[[10, 20], [30, 255]]] * 3, np.uint8)
    np.testing.assert_array_equal(fashion_mnist_m.blended(picture, patch)[1], [[10, 80], [98, 0]])
    source = data.source("fashion_mnist_m")
    assert source.spec(28).fields == {"a": (3, 28, 28), "b": (3, 28, 28)}
    if not source.available():
        with pytest.raises(BadData, match="fashion_mnist_m"):
            data.load("fashion_mnist_m")


def test_features_that_are_apart_are_told_apart() -> None:
    random = np.random.default_rng(0)
    one, same = random.standard_normal((2, 200, 4))
    assert apart(one, same) == pytest.approx(0.5, abs=0.12)
    assert apart(one, same + 6) > 0.98
    first, second = plane(one, same + 6)
    assert abs(first[:, 0].mean() - second[:, 0].mean()) > 0.5  # along the axis of the largest variance
    assert max(np.abs(first).max(), np.abs(second).max()) == 1


def test_the_preview_is_a_map_of_features() -> None:
    recipe = recipes.get("dann")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    trainer.train_step()
    assert previewer(trainer)().startswith(b"\x89PNG")
    assert not recipe.draws
    assert recipe.labelled


@pytest.mark.release
def test_adaptation_helps_on_digits_on_photos() -> None:
    if not data.source("mnist_m").available():
        pytest.skip("GANSCOPE_DATA holds no MNIST or no BSDS500")
    recipe, known, test = recipes.get("dann"), data.load("mnist_m"), data.load("test:mnist_m")
    test = replace(test, arrays={name: array[:1500] for name, array in test.arrays.items()})
    found = {}
    for weight in (0.0, 1.0):
        hparams = recipe.settings({"channels": 12, "adaptation": weight, "adaptation_steps": 200})
        trainer = Trainer(recipe, hparams, known)
        for _ in range(250):
            trainer.train_step()
        trainer.ema.refresh()
        network = trainer.ema.networks["features"].eval()
        found[weight] = measured(network, *(test.arrays[name] for name in ("a", "b", "label")))
    assert found[0.0].source > 0.9
    assert found[1.0].source > 0.9
    assert found[1.0].target > found[0.0].target + 0.04
