"""The whole evaluation with a real feature net: names, the fault that each number detects, refusals, memory."""

from __future__ import annotations

import copy
import math
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gan_core.checkpoint import write_checkpoint
from gan_core.data.base import OF_PICTURES, DataSet
from gan_core.errors import BadCheckpoint, BadData, UnknownName
from gan_core.gans import Recipe, recipes
from gan_core.knobs import to_dict
from gan_core.metrics import collecting, comparisons, feature_net
from gan_core.metrics.evaluate import Report, chosen_metrics, count_text, evaluate
from gan_core.metrics.feature_net import FeatureNet, plain_name
from gan_core.metrics.fid import frechet_distance, gaussian
from gan_core.metrics.general_nets import Inception
from gan_core.metrics.memorisation import memorisation
from gan_core.metrics.streams import Stream, of_data, of_model
from gan_core.models.sampler import Sampler
from gan_core.models.weights import read_weights
from gan_core.training.trainer import Trainer
from tests.conftest import example
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
    """Evaluation of samples as good as real images: another 400 of the same kind."""
    return evaluate(of_images(stripes(400, 2).arrays["real"]), REAL, net)


def test_fresh_samples_are_as_good_as_real_ones(fresh: Report) -> None:
    report, values = fresh, fresh.values
    names = [name.replace("400_stripesnet", "") for name in values if not name.startswith("fd_class")]
    assert names == [
        "fd", "fd_infinity", "kid", "sliced", "precision", "recall", "density", "coverage", "confidence", "sure",
        "inception_score", "mode_score", "tutorial_mode_score", "class_divergence", "ndb", "ndb_js", "vendi",
        "msssim500_pixels", "nearest400_pixels", "copied400_pixels", "authentic", "mifid",
    ]  # fmt: skip
    assert [name.rpartition("_")[2] for name in values if name.startswith("fd_class")] == ["top", "middle", "bottom"]
    assert [str(note).split(":")[0] for note in report.notes] == [
        "Sliced Wasserstein distance", "Precision and recall", "Classes", "Bins that differ (NDB)", "Vendi score",
        "MS-SSIM of pairs", "Closest training images", "Evidence of copying",
        "No C_T",
    ]  # fmt: skip
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


def test_every_figure_has_an_interval_and_a_floor(fresh: Report) -> None:
    """Samples as good as real images score what halves of the real images do, within a little more than intervals."""
    for figure in fresh.figures:
        assert figure.low <= figure.value <= figure.high, figure
        assert math.isfinite(figure.floor), figure
        assert figure.floor_n > 0
        assert (figure.n, figure.pixels) == (figure.n, 8)
    by_kind = {figure.kind: figure for figure in fresh.figures if not figure.of}
    for kind in ("precision", "coverage", "vendi", "ndb_js"):
        figure = by_kind[kind]
        assert figure.floor == pytest.approx(figure.value, abs=0.15 + 0.2 * figure.value), kind
    assert by_kind["fd"].floor_n == 200


def test_identical_folders_have_a_distance_of_0_and_are_named_so(net: FeatureNet) -> None:
    same = REAL.arrays["real"][:100]
    report = evaluate(of_images(same[::-1].copy()), DataSet("real", {"real": same}), net)
    zero = {figure.kind: (figure.value, *figure.interval) for figure in report.figures}
    for kind in ("fd", "fd_infinity", "kid", "sliced", "ndb", "ndb_js", "mifid"):
        assert zero[kind] == (0, 0, 0), kind
    assert report.same_images
    assert str(report.notes[0]) == "The samples are the very same images as the real ones, so their distance is 0."
    assert zero["copied"][0] == 1
    assert zero["authentic"][0] == 0


def test_names_state_whether_the_model_has_learnt_from_the_images(net: FeatureNet) -> None:
    """With images that it hasn't seen there is also a C_T."""
    copies = of_images(REAL.arrays["real"][:200])
    unseen = stripes(300, 9)
    report = evaluate(copies, REAL, net, ["copying", "fd"], side="train", unseen=unseen)
    assert list(report.values) == [
        "fd200_stripesnet_train", "authentic200_stripesnet_train", "mifid200_stripesnet_train",
        "copy_test200_stripesnet_train",
    ]  # fmt: skip
    assert report.values["copy_test200_stripesnet_train"] < -3
    fine = evaluate(of_images(stripes(200, 2).arrays["real"]), REAL, net, ["copying"], side="train", unseen=unseen)
    assert abs(fine.values["copy_test200_stripesnet_train"]) < 3


def test_too_few_unseen_images_for_a_copy_test_are_noted(net: FeatureNet) -> None:
    """All other figures are there."""
    report = evaluate(of_images(REAL.arrays["real"][:200]), REAL, net, side="train", unseen=stripes(6, 9))
    assert "fd200_stripesnet_train" in report.values
    assert "copy_test200_stripesnet_train" not in report.values
    assert "C_T needs at least 10 unseen images" in str(report.notes[-1])


def test_no_more_samples_are_compared_than_there_are_real_images(net: FeatureNet) -> None:
    few = DataSet("few", {"real": REAL.arrays["real"][:150]})
    report = evaluate(of_images(stripes(400, 2).arrays["real"]), few, net, ["fd", "sliced", "prdc", "vendi"])
    assert {figure.n for figure in report.figures} == {report.samples} == {report.references} == {150}
    assert str(report.notes[0]).startswith("Only 150 of 400 samples are evaluated")
    same = evaluate(of_images(stripes(400, 2).arrays["real"]), REAL, net, ["fd"])
    assert not any("of 400 samples" in str(note) for note in same.notes)


def test_a_net_without_a_perceptual_distance_takes_no_paths(net: FeatureNet, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.get("stylegan2")
    spec = DataSet("x", {"real": np.zeros((4, 1, 8, 8), np.uint8)}).spec
    networks = {name: network.eval() for name, network in recipe.build(recipe.tiny, spec).items()}
    stream = of_model(Sampler(recipe, recipe.tiny, spec, networks), 8, 0, "x")
    assert "ppl" in chosen_metrics([], net, 8, stream)
    monkeypatch.setattr(net, "perceives", Inception.perceives, raising=False)
    assert "ppl" not in chosen_metrics([], net, 8, stream)
    with pytest.raises(BadData, match=r"\('ppl'\) needs a feature net with a perceptual distance"):
        evaluate(stream, REAL, net, ["ppl"])


def test_one_class_has_no_score(net: FeatureNet) -> None:
    """A net of one class gives no score; among other metrics it is left out, requested alone it is refused."""
    recipe = recipes.get("feature_net")
    data = DataSet("one", {"real": REAL.arrays["real"][:60], "label": np.zeros(60, np.int64)}, ("only",))
    networks = {name: network.eval() for name, network in recipe.build(recipe.tiny, data.spec).items()}
    single = FeatureNet("onenet", Sampler(recipe, recipe.tiny, data.spec, networks))
    for name in ("classes", "fd_class"):
        with pytest.raises(BadData, match="needs a feature net with at least two classes"):
            evaluate(of_images(data.arrays["real"]), data, single, [name])
    kinds = {figure.kind for figure in evaluate(of_images(REAL.arrays["real"][60:120]), data, single).figures}
    assert "sliced" in kinds
    assert "inception_score" not in kinds


def test_nan_in_features_is_named(net: FeatureNet, trained: Trainer) -> None:
    networks = copy.deepcopy(trained.ema.networks)
    networks["features"].norm.weight.data.fill_(torch.nan)
    broken = FeatureNet("brokennet", Sampler(trained.recipe, trained.hparams, trained.spec, networks))
    with pytest.raises(BadData, match=r"features of some images are NaN or infinite.*brokennet"):
        evaluate(of_images(REAL.arrays["real"][:50]), REAL, broken, ["fd"])


def test_a_conditional_model_is_asked_whether_it_obeys(net: FeatureNet) -> None:
    """A stand-in that draws real images of the requested class, and one that draws those of the next class."""
    places = [np.flatnonzero(REAL.arrays["label"] == label)[:40] for label in range(3)]
    images = [REAL.arrays["real"][one] for one in places]

    def stream(shift: int) -> Stream:
        drawn = np.stack([images[(place + shift) % 3][place // 3] for place in range(120)])
        return Stream("x", 120, (1, 8, 8), lambda: iter([drawn]), REAL.class_names)

    good, wrong = (evaluate(stream(shift), REAL, net, ["obedience"]) for shift in (0, 1))
    assert good.values["obedience120_stripesnet"] > 0.9
    assert wrong.values["obedience120_stripesnet"] < 0.1
    assert good.figures[0].floor > 0.9  # the net's accuracy
    assert good.obedience is not None
    assert good.obedience.shares.shape == (3, 3)
    with pytest.raises(BadData, match="needs a conditional model"):
        evaluate(of_images(REAL.arrays["real"][:50]), REAL, net, ["obedience"])


def test_a_class_without_real_images_is_reported(net: FeatureNet) -> None:
    label = REAL.arrays["label"]
    some = DataSet("some", {"real": REAL.arrays["real"][label > 0], "label": label[label > 0]}, REAL.class_names)
    report = evaluate(of_images(stripes(266, 2).arrays["real"]), some, net, ["classes"])
    kinds = ("confidence", "sure", "inception_score", "tutorial_mode_score")
    assert list(report.values) == [f"{kind}266_stripesnet" for kind in kinds]
    assert report.values["tutorial_mode_score266_stripesnet"] == 0  # its divergence is infinite
    assert str(report.notes[-1]) == (
        "No mode_score266_stripesnet, class_divergence266_stripesnet: samples show a class that no real image has."
    )


def test_figures_of_floats_are_refused(net: FeatureNet) -> None:
    """They would differ by 10 to 31 %, and the number wouldn't show it."""
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
    assert not np.array_equal(first[:249], first[249:498])  # each batch has its own latents


def test_evaluations_that_cannot_work_are_refused_before_they_start(net: FeatureNet) -> None:
    def never() -> Iterator[np.ndarray]:
        raise AssertionError("nothing heavy may start")

    with pytest.raises(UnknownName, match=r"'fid'\. Valid: fd"):
        evaluate(Stream("x", 400, (1, 8, 8), never), REAL, net, ["fid"])
    with pytest.raises(BadData, match=r"\('prdc'\) needs at least 6 samples.* only 5.*fd, .*kid, sliced, classes"):
        evaluate(Stream("x", 5, (1, 8, 8), never), REAL, net, ["prdc"])
    with pytest.raises(BadData, match="No metric can be computed of 0 images"):
        evaluate(Stream("x", 0, (1, 8, 8), never), REAL, net)
    with pytest.raises(BadData, match="1 x 8 x 8, but x has 1 x 9 x 9"):
        evaluate(Stream("x", 400, (3, 9, 9), never), REAL, net)
    wide = DataSet("wide", {"real": np.zeros((400, 1, 16, 16), np.uint8)})
    with pytest.raises(BadData, match="wide has 1 x 16 x 16"):
        evaluate(Stream("x", 400, (1, 8, 8), never), wide, net)
    recipe = recipes.get("points")
    with pytest.raises(BadData, match="doesn't generate images"):
        of_model(Sampler(recipe, recipe.tiny, DataSet("p", {"real": np.zeros((2, 2))}).spec, {}), 10, 0, "x")


@pytest.mark.parametrize("recipe", [one for one in recipes if one.task not in OF_PICTURES], ids=lambda one: one.name)
def test_models_of_other_media_are_refused(recipe: Recipe) -> None:
    """They have no field of images at all, or one of another shape."""
    sampler = Sampler(recipe, recipe.tiny, example(recipe).spec, {})
    with pytest.raises(BadData, match="doesn't generate images"):
        of_model(sampler, 10, 0, "x")


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
    for damaged in ({"hparams": "[]", "fields": "{}"}, {"hparams": "{}", "fields": "3"}):
        card = {"format": "ganscope.weights.1", "recipe": "feature_net", "classes": "3", **damaged}
        save_file({}, path, metadata=card)
        with pytest.raises(BadCheckpoint, match="can't be used"):
            read_weights(path)
    dcgan = recipes.get("dcgan")
    with pytest.raises(BadCheckpoint, match="DCGAN is not a feature net"):
        FeatureNet("x", Sampler(dcgan, dcgan.tiny, REAL.spec, {}))


def test_memory_does_not_grow_with_the_samples(net: FeatureNet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart from stored features, four times as many samples need the same memory."""
    for module in (collecting, comparisons):
        monkeypatch.setattr(module, "KEPT", 500)
    real = stripes(8000, 1)

    def peak(count: int) -> int:
        random = np.random.default_rng(0)
        stream = Stream(
            "noise", count, (1, 8, 8),
            lambda: (random.integers(0, 256, (250, 1, 8, 8)).astype(np.uint8) for _ in range(count // 250)),
        )  # fmt: skip
        tracemalloc.start()
        assert evaluate(stream, real, net, ["fd", "kid", "classes", "prdc"]).samples == count
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return high

    peak(500)
    small, large = peak(2000), peak(8000)
    assert large < 1.05 * small


def test_names_say_how_many() -> None:
    assert [count_text(count) for count in (10_000, 2_000, 2_500, 400)] == ["10k", "2k", "2500", "400"]
    assert plain_name("My Net_3!") == "mynet3"
