"""The whole evaluation with a real feature net: names, what each number sees, what is refused, memory."""

from __future__ import annotations

import copy
import math
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.checkpoint import write_checkpoint
from gan_core.data.base import DataSet
from gan_core.errors import BadCheckpoint, BadData, UnknownName
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.metrics import evaluate as evaluation
from gan_core.metrics import feature_net, kid
from gan_core.metrics.evaluate import Report, count_text, evaluate
from gan_core.metrics.feature_net import FeatureNet, plain_name
from gan_core.metrics.fid import frechet_distance, gaussian
from gan_core.metrics.memorisation import memorisation
from gan_core.metrics.streams import Stream, of_data, of_model
from gan_core.models.sampler import Sampler
from gan_core.models.weights import read_weights
from gan_core.training.trainer import Trainer
from tests.metrics.conftest import stripes

REAL = stripes(400, 1)


def of_images(images: np.ndarray) -> Stream:
    return of_data(DataSet("made", {"real": images}), len(images), 0)


def test_the_net_knows_the_classes_and_gives_features(net: FeatureNet) -> None:
    images, labels = REAL.arrays["real"], REAL.arrays["label"]
    assert net.accuracy(images, labels) > 0.95
    parts = list(net.predict(images))
    assert [len(features) for features, _ in parts] == [250, 150]
    assert parts[0][0].shape == (250, 6)
    np.testing.assert_allclose(np.concatenate([rows for _, rows in parts]).sum(1), 1, rtol=1e-5)


def test_batches_do_not_change_what_the_net_says(net: FeatureNet, monkeypatch: pytest.MonkeyPatch) -> None:
    images = REAL.arrays["real"][:30]
    whole = next(net.predict(images))[0]
    monkeypatch.setattr(feature_net, "BATCH", 7)
    np.testing.assert_allclose(np.concatenate([rows for rows, _ in net.predict(images)]), whole, atol=1e-5)


@pytest.fixture(scope="module")
def fresh(net: FeatureNet) -> Report:
    """Of samples as good as real images: another 400 of the same kind."""
    return evaluate(of_images(stripes(400, 2).arrays["real"]), REAL, net)


def test_fresh_samples_are_as_good_as_real_ones(fresh: Report) -> None:
    report, values = fresh, fresh.values
    assert list(values) == [
        "fd400_stripesnet", "kid400_stripesnet", "precision400_stripesnet", "recall400_stripesnet",
        "density400_stripesnet", "coverage400_stripesnet", "confidence400_stripesnet", "sure400_stripesnet",
        "inception_score400_stripesnet", "mode_score400_stripesnet", "class_divergence400_stripesnet",
        "nearest400_pixels", "copied400_pixels",
    ]  # fmt: skip
    assert report.notes == (
        "The standard error of KID needs 2 blocks of 1,000, so 2,000 samples and as many real images, and there are "
        "400.",
    )
    assert all(map(math.isfinite, values.values()))
    assert report.pictures == "8 bits"
    assert values["fd400_stripesnet"] < 0.01
    assert abs(values["kid400_stripesnet"]) < 0.2
    assert values["precision400_stripesnet"] > 0.8
    assert values["coverage400_stripesnet"] > 0.8
    assert values["inception_score400_stripesnet"] > 1.7
    assert values["nearest400_pixels"] == pytest.approx(1, abs=0.1)
    assert values["copied400_pixels"] < 0.05
    assert report.histogram["top"] == (pytest.approx(134 / 400, abs=0.03), 134 / 400)
    assert sum(share for share, _ in report.histogram.values()) == pytest.approx(1)
    assert {"sampling", "judging", "fd", "kid", "prdc", "nearest"} <= report.seconds.keys()


def test_kids_error_is_there_once_there_are_two_blocks(net: FeatureNet, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (evaluation, kid):
        monkeypatch.setattr(module, "BLOCK", 200)
    monkeypatch.setattr(evaluation, "kid", partial(kid.kid, block=200))
    report = evaluate(of_images(stripes(400, 2).arrays["real"]), REAL, net, ["kid"])
    assert report.values["kid400_stripesnet_error"] > 0
    assert report.notes == ()


def test_a_class_that_no_real_image_has_is_said(net: FeatureNet) -> None:
    label = REAL.arrays["label"]
    some = DataSet("some", {"real": REAL.arrays["real"][label > 0], "label": label[label > 0]}, REAL.class_names)
    report = evaluate(of_images(stripes(400, 2).arrays["real"]), some, net, ["classes"])
    assert list(report.values) == [f"{name}400_stripesnet" for name in ("confidence", "sure", "inception_score")]
    assert report.notes == (
        "No mode_score400_stripesnet and class_divergence400_stripesnet: samples show a class that no real image has.",
    )


def test_figures_of_floats_are_refused(net: FeatureNet) -> None:
    """They would differ by 10 to 31 %, and nothing of the number would show it."""
    floats = stripes(400, 2).arrays["real"].astype(np.float32) / 127.5 - 1
    with pytest.raises(BadData, match="made are images of type float32, and metrics on them can't be compared"):
        evaluate(of_images(floats), REAL, net)
    with pytest.raises(BadData, match="of type float32"):
        evaluate(of_images(stripes(400, 2).arrays["real"]), DataSet("real", {"real": floats}), net)
    with pytest.raises(BadData, match="of type float32"):
        next(net.predict(floats))


def test_the_frechet_distance_is_that_of_the_nets_features(net: FeatureNet) -> None:
    made = stripes(300, 3).arrays["real"] // 2
    clouds = [np.concatenate([rows for rows, _ in net.predict(images)]) for images in (REAL.arrays["real"], made)]
    report = evaluate(of_images(made), DataSet("real", {"real": REAL.arrays["real"][:300]}), net, ["fd"])
    expected = frechet_distance(gaussian(clouds[0][:300]), gaussian(clouds[1]))
    assert report.values == {"fd300_stripesnet": pytest.approx(expected, rel=1e-4)}


def test_each_metric_sees_its_own_fault(net: FeatureNet, fresh: Report) -> None:
    one_class = REAL.arrays["real"][REAL.arrays["label"] == 0]
    missing = evaluate(of_images(stripes(1200, 4).arrays["real"][::3]), REAL, net).values
    assert missing["precision400_stripesnet"] > 0.8
    assert missing["coverage400_stripesnet"] == pytest.approx(1 / 3, abs=0.1)
    assert missing["inception_score400_stripesnet"] < 1.3
    assert missing["class_divergence400_stripesnet"] > 0.8
    copies = evaluate(of_images(np.repeat(one_class, 3, 0)[:400]), REAL, net).values
    assert copies["nearest400_pixels"] == pytest.approx(0, abs=0.01)
    assert copies["copied400_pixels"] == 1
    noise = np.random.default_rng(5).integers(0, 256, (400, 1, 8, 8)).astype(np.uint8)
    ugly = evaluate(of_images(noise), REAL, net).values
    assert ugly["precision400_stripesnet"] < 0.5
    assert ugly["fd400_stripesnet"] > 10 * fresh.values["fd400_stripesnet"]
    assert ugly["kid400_stripesnet"] > 10 * abs(fresh.values["kid400_stripesnet"])
    assert ugly["nearest400_pixels"] > 1.5


def test_the_closest_training_image_is_named() -> None:
    images = REAL.arrays["real"].copy()
    found = memorisation(images[[5, 77]] ^ 1, REAL)
    np.testing.assert_array_equal(found.places, [5, 77])
    np.testing.assert_allclose(found.distances, 8, rtol=1e-6)  # 64 pixels that are off by one
    large = np.repeat(np.repeat(images, 8, 2), 8, 3)  # 64 pixels: averaged to 32, which changes nothing here
    again = memorisation(large[[5, 77]] ^ 1, DataSet("large", {"real": large}))
    np.testing.assert_array_equal(again.places, [5, 77])
    np.testing.assert_allclose(again.distances, 32, rtol=1e-6)


def test_samples_of_a_model_have_every_class_and_repeat_by_seed() -> None:
    recipe = recipes.get("cgan")
    networks = recipe.build(recipe.tiny, REAL.spec)
    sampler = Sampler(recipe, recipe.tiny, REAL.spec, {"generator": networks["generator"].eval()})
    first, again, other = (np.concatenate(list(of_model(sampler, 600, seed, "x").batches())) for seed in (1, 1, 2))
    assert first.shape == (600, 1, 8, 8)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:249], first[249:498])  # each batch has latents of its own


def test_what_cannot_be_judged_is_refused_before_it_starts(net: FeatureNet) -> None:
    def never() -> Iterator[np.ndarray]:
        raise AssertionError("nothing heavy may start")

    with pytest.raises(UnknownName, match=r"'fid'\. Valid: fd"):
        evaluate(Stream("x", 400, (1, 8, 8), never), REAL, net, ["fid"])
    with pytest.raises(BadData, match=r"\('fd'\) needs at least 7 samples.* only 6.*kid, prdc, classes, nearest"):
        evaluate(Stream("x", 6, (1, 8, 8), never), REAL, net)
    with pytest.raises(BadData, match="1 x 8 x 8, but x has 1 x 9 x 9"):
        evaluate(Stream("x", 400, (3, 9, 9), never), REAL, net)
    wide = DataSet("wide", {"real": np.zeros((400, 1, 16, 16), np.uint8)})
    with pytest.raises(BadData, match="wide has 1 x 16 x 16"):
        evaluate(Stream("x", 400, (1, 8, 8), never), wide, net)
    recipe = recipes.get("points")
    with pytest.raises(BadData, match="doesn't generate images"):
        of_model(Sampler(recipe, recipe.tiny, DataSet("p", {"real": np.zeros((2, 2))}).spec, {}), 10, 0, "x")


def test_a_net_from_a_file(trained: Trainer, net: FeatureNet, tmp_path: Path) -> None:
    path = tmp_path / "Stripes Net.safetensors"
    fields = {name: list(shape) for name, shape in trained.spec.fields.items()}
    rest = {"recipe": "feature_net", "hparams": to_dict(trained.hparams), "spec": {"fields": fields, "classes": 3}}
    write_checkpoint(path, trained.state_dict() | rest)
    loaded = FeatureNet.from_file(path)
    assert loaded.name == "stripesnet"
    images = REAL.arrays["real"][:40]
    np.testing.assert_array_equal(next(loaded.predict(images))[0], next(net.predict(images))[0])
    state = copy.deepcopy(trained.state_dict()) | rest
    layer, weights = next(iter(state["average"]["features"].items()))
    weights.fill_(torch.nan)
    write_checkpoint(path, state)
    with pytest.raises(BadCheckpoint, match=rf"corrupt: (\d+) of \1 values of features\.{layer} are NaN"):
        FeatureNet.from_file(path)
    state["average"]["features"][layer] = torch.zeros(*weights.shape, 1)
    write_checkpoint(path, state)
    with pytest.raises(BadCheckpoint, match=rf"belong to another network: features\.{layer} is of shape"):
        FeatureNet.from_file(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadCheckpoint, match="Stripes Net"):
        FeatureNet.from_file(path)
    with pytest.raises(BadCheckpoint, match="The weights file"):
        read_weights(tmp_path / "missing")
    dcgan = recipes.get("dcgan")
    with pytest.raises(BadCheckpoint, match="DCGAN is not a feature net"):
        FeatureNet("x", Sampler(dcgan, dcgan.tiny, REAL.spec, {}))


def test_memory_does_not_grow_with_the_samples(net: FeatureNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is kept, four times the samples take the same."""
    monkeypatch.setattr(evaluation, "KEPT", 500)

    def peak(count: int) -> int:
        random = np.random.default_rng(0)
        stream = Stream(
            "noise", count, (1, 8, 8),
            lambda: (random.integers(0, 256, (250, 1, 8, 8)).astype(np.uint8) for _ in range(count // 250)),
        )  # fmt: skip
        tracemalloc.start()
        assert evaluate(stream, REAL, net).samples == count
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    peak(500)
    small, large = peak(2000), peak(8000)
    assert large < 1.05 * small


def test_names_say_how_many() -> None:
    assert [count_text(count) for count in (10_000, 2_000, 2_500, 400)] == ["10k", "2k", "2500", "400"]
    assert plain_name("My Net_3!") == "mynet3"
