"""`ganscope eval` on a run and on a folder, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from gan_core import data
from gan_core.checkpoint import read_checkpoint, write_checkpoint
from gan_core.cli import app
from gan_core.evaluation import results
from gan_core.metrics import general_nets
from gan_core.models.card import WEIGHTS, Card, write_card
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunStore

NET = ("channels=4", "max_channels=8", "features=6", "batch_size=32", "rate=0.01")
GAN = ("batch_size=4", "latent_size=4", "generator_widths=8", "discriminator_widths=8")


def ganscope(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: object) -> str:
    result = ganscope(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """The message of a command that must fail for its input: no traceback, nothing on stdout."""
    result = ganscope(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.split())


def train(recipe: str, steps: int, settings: tuple[str, ...], *more: object) -> str:
    words = [word for setting in settings for word in ("--set", setting)]
    run: str = json.loads(ok("train", recipe, "--steps", steps, *words, *more, "--json"))["run"]
    return run


def save_digits(folder: Path, count: int, size: int = 8) -> Path:
    folder.mkdir()
    for place, image in enumerate(data.load("digits", size).arrays["real"][:count, 0]):
        Image.fromarray(image).save(folder / f"{place}.png")
    return folder


def put_on_shelf(home: Path, run_id: str, name: str) -> None:
    """The newest checkpoint of a run on digits, as a model of the user's."""
    store = RunStore()
    run = store.get(run_id)
    state = read_checkpoint(store.checkpoints(run_id)[-1].path)
    store.close()
    folder = home / "models" / name
    folder.mkdir(parents=True)
    sha256, size = write_checkpoint(folder / WEIGHTS, {"average": state["average"], "networks": {}})
    write_card(
        folder,
        Card(
            name=name, title=name, recipe=run.spec.recipe, data=run.spec.data, size=run.spec.size, steps=run.step,
            images=run.images_seen, seed=0, licence="CC0-1.0", origin="", cost="", limits="", sha256=sha256,
            bytes=size, parameters={}, hparams=run.spec.hparams, fields=state["spec"]["fields"],
            class_names=tuple("0123456789"),
        ),
    )  # fmt: skip


@pytest.fixture
def no_imagenet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if its packages weren't installed."""
    monkeypatch.setattr(general_nets, "PACKAGES", {"imagenet": ("nobodys_package",), "inception": ("nobodys_package",)})


@pytest.mark.usefixtures("no_imagenet")
def test_a_model_is_judged_by_the_net_of_the_shelf(home: Path, tmp_path: Path) -> None:
    net = train("feature_net", 30, NET, "--data", "digits")
    gan = train("mlp_gan", 3, GAN)
    own = json.loads(ok("eval", gan, "--samples", "100", "--metric", "fd", "--json"))
    assert own["net_from"] == f"run {net}"
    put_on_shelf(home, gan, "mlp_gan.digits")
    put_on_shelf(home, net, "features.digits")
    put_on_shelf(home, net, "other.net")

    shelved = json.loads(ok("eval", "mlp_gan.digits", "--samples", "100", "--metric", "fd", "--json"))
    assert (shelved["against"], shelved["net_from"]) == ("digits", "model features.digits")
    assert shelved["metrics"] == own["metrics"]  # the same weights, the same net
    named = json.loads(ok("eval", gan, "--net", "other.net", "--samples", "100", "--metric", "fd", "--json"))
    assert (named["net_from"], named["metrics"]) == ("model other.net", own["metrics"])
    assert "by digitsnet (model features.digits)" in ok("eval", gan, "--samples", "100", "--metric", "fd")

    # the shelf's net has another size: only a run can judge
    larger = train("mlp_gan", 1, GAN, "--size", 16)
    message = refused("eval", larger)
    assert "there is none for digits at 16 px" in message
    assert "features.digits" not in message  # a net of another size would be refused
    assert "1 x 8 x 8" in refused("eval", larger, "--net", "features.digits")
    assert "doesn't generate images" in refused("eval", "features.digits")
    assert "not a feature net" in ganscope("eval", gan, "--net", "mlp_gan.digits").stderr
    unknown = refused("eval", "mlp_gan.digit")
    assert "model, run or folder of images" in unknown
    assert "mlp_gan.digits" in unknown
    weights = home / "models" / "mlp_gan.digits" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    assert ganscope("eval", "mlp_gan.digits").exit_code == 1


@pytest.mark.usefixtures("no_imagenet")
def test_a_run_and_a_folder_are_judged(tmp_path: Path) -> None:
    net = train("feature_net", 30, NET, "--data", "digits", "--name", "judge")
    gan = train("mlp_gan", 3, GAN)
    made = json.loads(ok("eval", gan, "--samples", "300", "--json"))
    assert (made["against"], made["net"], made["samples"], made["references"]) == ("digits", "digitsnet", 300, 300)
    assert made["metrics"]["fd300_digitsnet_train"] > 0
    assert 0 <= made["metrics"]["precision300_digitsnet_train"] <= 1
    figure = made["figures"]["kid300_digitsnet_train"]
    assert figure["low"] <= figure["value"] <= figure["high"]
    assert abs(figure["floor"]) < 0.05
    assert (figure["floor_n"], figure["side"], figure["pixels"]) == (150, "train", 8)
    assert any("Fréchet distance of each class: 300 images are few" in note for note in made["notes"])
    assert set(made["class_shares"]) == set("0123456789")
    assert json.loads(ok("eval", gan, "--samples", "300", "--json"))["metrics"] == made["metrics"]

    folder = save_digits(tmp_path / "digits", 200)
    (folder / "notes.txt").write_text("no image")
    real = json.loads(ok("eval", folder, "--against", "digits", "--net", net, "--json"))
    assert real["samples"] == 200
    assert real["metrics"]["nearest200_pixels"] == 0.0  # they are the training images
    assert real["metrics"]["copied200_pixels"] == 1.0
    assert real["metrics"]["fd200_digitsnet"] < made["metrics"]["fd300_digitsnet_train"]

    test = json.loads(ok("eval", gan, "--against", "test:digits", "--samples", "179", "--metric", "fd", "--json"))
    assert (test["against"], test["net"], test["references"]) == ("test:digits", "digitsnet", 179)
    assert list(test["metrics"]) == ["fd179_digitsnet"]
    assert "Valid: digits" in refused("eval", gan, "--against", "test:digitz")

    text = ok("eval", "latest", "--samples", "100", "--metric", "fd", "--metric", "classes")
    assert "100 samples of latest against 100 images of digits" in text
    assert "fd100_digitsnet" in text
    assert "kid" not in text
    assert "CLASS" in text

    # unsuitable input, once there is a net
    large = save_digits(tmp_path / "large", 20, 16)
    assert "takes images of 8 x 8" in refused("eval", large, "--against", "digits", "--net", net)
    assert "ganscope train feature_net --data digits --size 16" in refused("eval", large, "--against", "digits")
    other = train("mlp_gan", 1, GAN, "--size", 16)
    assert "ganscope train feature_net --data digits --size 16" in refused("eval", other)
    assert "1 x 8 x 8" in refused("eval", other, "--net", "judge")
    assert "needs at least 6 samples" in refused("eval", gan, "--samples", 5, "--metric", "prdc")
    assert "200 images, but 300 were requested" in refused("eval", folder, "--against", "digits", "--samples", 300)
    assert "doesn't generate images" in refused("eval", net)
    assert "classifies images" in refused("sample", net, "-o", tmp_path / "x.png")
    assert "not a feature net" in ganscope("eval", gan, "--net", gan).stderr


def test_a_result_carries_the_step_of_the_checkpoint_that_was_loaded(tmp_path: Path) -> None:
    """And not that of the run, which has gone on since."""
    net, gan = train("feature_net", 2, NET, "--data", "digits"), train("mlp_gan", 3, GAN)
    store = RunStore()
    token = store.claim(gan)
    rest = Metrics(np.arange(4, 10), {"generator/loss": np.ones(6)})
    store.log(gan, token, rest, images_seen=36, seconds=1.0, images_per_second=36)
    store.release(gan, token)
    checkpoint = store.checkpoints(gan)[-1]
    assert (store.get(gan).step, checkpoint.step) == (9, 3)
    ok("eval", gan, "--net", net, "--samples", "20", "--metric", "kid")
    (kept,) = results.found()
    assert (kept.step, kept.weights) == (3, checkpoint.sha256)
    sampled = json.loads(ok("sample", gan, "-n", "1", "-o", tmp_path / "one.png", "--json"))
    assert sampled["steps"] == 3
    store.close()


def test_references_follow_the_rule_of_samples(tmp_path: Path) -> None:
    """Neither is resized, but training data are prepared as in training, and that is reported."""
    net = train("feature_net", 2, NET, "--data", "digits", "--name", "judge")
    small, large = save_digits(tmp_path / "small", 20), save_digits(tmp_path / "large", 20, 16)
    for one, other in ((small, large), (large, small)):
        message = refused("eval", one, "--against", other, "--net", net)
        assert "0.png has 16 x 16 pixels" in message
        assert "digitsnet takes images of 8 x 8" in message
    assert "pass images of that size" in refused("eval", small, "--against", large, "--net", net)
    (large / "._0.png").write_bytes((large / "1.png").read_bytes())  # their size doesn't matter
    (small / "._0.png").write_bytes((large / "1.png").read_bytes())
    assert "20 images" in ok("eval", small, "--against", f"folder:{small}", "--net", net, "--metric", "kid")

    gan = train("mlp_gan", 1, GAN, "--data", f"folder:{large}", "--size", "8")
    result = ganscope("eval", gan, "--net", net, "--samples", "20", "--metric", "kid")
    assert result.exit_code == 0, result.output
    assert f"The images of folder:{large} are resized to 8 x 8 pixels, as they were for training." in result.stderr
    assert "avatars has 64 x 64 pixels" in refused("eval", small, "--against", "avatars", "--net", net)


def test_broken_references_are_reported_like_samples(tmp_path: Path) -> None:
    net = train("feature_net", 2, NET, "--data", "digits")
    folders = [save_digits(tmp_path / name, 20) for name in ("one", "other")]
    for folder in folders:
        (folder / "broken.png").write_bytes(b"no picture")
    result = ganscope("eval", folders[0], "--against", folders[1], "--net", net, "--metric", "kid")
    assert result.exit_code == 0, result.output
    for folder in folders:
        assert f"1 files of folder:{folder} can't be used." in result.stderr


def test_grey_and_coloured_images_are_judged_by_either_net(tmp_path: Path) -> None:
    """A grey picture in a colour file counts as one channel; a colour net accepts it anyway."""
    grey = train("feature_net", 2, NET, "--data", "digits")
    coloured = tmp_path / "coloured"
    for label, image in zip("0110" * 6, data.load("digits").arrays["real"][:24, 0], strict=True):
        (coloured / label).mkdir(parents=True, exist_ok=True)
        shown = np.stack([image, image // 2, 255 - image], 2)
        Image.fromarray(shown).save(coloured / label / f"{len(list(coloured.rglob('*.png')))}.png")
    wide = train("feature_net", 2, NET, "--data", coloured, "--size", "8")
    gan = train("mlp_gan", 1, GAN)
    as_rgb = tmp_path / "as_rgb"
    as_rgb.mkdir()
    for place, image in enumerate(data.load("digits").arrays["real"][:24, 0]):
        Image.fromarray(image).convert("RGB").save(as_rgb / f"{place}.png")
    for net in (grey, wide):
        for subject, against in ((as_rgb, coloured), (coloured, as_rgb), (gan, as_rgb), (gan, coloured)):
            line = json.loads(ok("eval", subject, "--against", against, "--net", net, "--samples", "20", "--json"))
            assert next(value for name, value in line["metrics"].items() if name.startswith("fd20_")) >= 0


def test_classes_of_another_order_are_matched_by_name(tmp_path: Path) -> None:
    """A net trained on the folders 2 and 10 judges images in folders named 10 and 2, or in others."""
    digits = data.load("digits").arrays["real"][:40, 0]
    for root, names in (("learnt", "ab"), ("turned", "ba"), ("other", "xy")):
        for place, image in enumerate(digits):
            folder = tmp_path / root / names[place % 4 == 0]  # three images of the first class for each of the second
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{place}.png")
    net = train("feature_net", 2, NET, "--data", tmp_path / "learnt", "--size", "8")

    def real(against: str) -> dict[str, float]:
        words = (
            "eval",
            tmp_path / "learnt",
            "--against",
            tmp_path / against,
            "--net",
            net,
            "--metric",
            "classes",
            "--json",
        )
        return {name: shares["real"] for name, shares in json.loads(ok(*words))["class_shares"].items()}

    assert real("learnt") == {"a": 0.75, "b": 0.25}
    assert real("turned") == {"a": 0.25, "b": 0.75}
    assert real("other").keys() == {"a", "b"}


@pytest.mark.usefixtures("no_imagenet")
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["nobody"], ["model, run or folder of images", "nobody"]),
        (["folder:/nowhere", "--against", "digits"], ["/nowhere"]),
        (["."], ["--against"]),
        ([".", "--against", "digitz"], ["digitz", "Valid: digits"]),
        (
            [".", "--against", "digits"],
            ["there is none for digits yet", "ganscope train feature_net --data digits", "ganscope[imagenet]"],
        ),
        ([".", "--against", "digits", "--net", "imagenet"], ["nobodys_package", "ganscope[imagenet]"]),
        ([".", "--against", "digits", "--net", "inception"], ["nobodys_package", "ganscope[inception]"]),
        ([".", "--against", "digits", "--size", "4"], ["between 8 and 1024", "4"]),
        ([".", "--against", "digits", "--net", "nobody"], ["nobody"]),
        ([".", "--against", "digits", "--metric", "fid"], ["fid", "Valid: fd"]),
        ([".", "--against", "digits", "--samples", "1"], ["between 2 and", "1"]),
        ([".", "--against", "digits", "--seed", "-1"], ["seed", "-1"]),
    ],
)
def test_bad_input_is_named_with_what_is_valid(
    arguments: list[str], names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused("eval", *arguments)
    for name in names:
        assert name in message


def test_a_run_without_a_checkpoint_is_reported() -> None:
    store = RunStore()
    run = store.create(RunSpec("mlp_gan", "digits", 8))
    result = ganscope("eval", run.id)
    store.close()
    assert result.exit_code == 1
    assert "no checkpoint yet" in result.stderr


def test_a_classifier_needs_labels(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    for level in range(4):
        Image.fromarray(np.full((8, 8), level * 50, np.uint8)).save(folder / f"{level}.png")
    assert "needs a labelled data set" in refused("train", "feature_net", "--data", folder, "--size", "8")


def test_a_users_folder_is_judged_by_imagenet(tmp_path: Path, home: Path) -> None:
    """Colour images of several sizes and shapes, and no other net: both sides are resized, which is reported."""
    random = np.random.default_rng(0)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for place in range(12):
            levels = random.integers(0, 256, (24 + place, 30, 3), dtype=np.uint8)
            Image.fromarray(levels).save(tmp_path / name / f"{place}.png")
    words = ("eval", tmp_path / "one", "--against", tmp_path / "other", "--size", 16)
    result = ganscope(*words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["net"], found["samples"]) == ("imagenet", 12)
    assert {"fd12_imagenet_16px", "kid12_imagenet_16px", "sliced12_imagenet_16px"} <= found["metrics"].keys()
    assert "No feature net was trained on" in result.stderr
    assert "are cropped to squares and resized to 16 x 16 pixels" in result.stderr
    assert any("trust it from 3,200 on" in note for note in found["notes"])
    same = json.loads(ok("eval", tmp_path / "one", "--against", tmp_path / "one", "--size", 16, "--json"))
    assert same["same_images"]
    assert same["metrics"]["fd12_imagenet_16px"] == 0
    assert "needs a feature net that has learnt classes" in refused(*words, "--metric", "classes")
    assert "needs at least 40 samples" in refused(*words, "--metric", "ndb")

    kept = results.found()
    assert [one.kind for one in kept] == ["images", "images"]
    assert kept[0].neighbours.is_file()
    assert {figure.name for figure in kept[1].figures} == set(found["metrics"])
    results.delete(kept[0])
    assert len(results.found()) == 1


def test_a_translator_is_measured_by_its_true_pairs(tmp_path: Path) -> None:
    """An untrained one is further from the truth than its input, if the input is the truth with a little noise."""
    random = np.random.default_rng(0)
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for place in range(6):
        levels = random.integers(0, 200, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(np.concatenate([levels, levels + 9], 1)).save(pairs / f"{place}.png")
    run = train("pix2pix", 1, ("channels=4", "discriminator_channels=4", "batch_size=2"), "--data", pairs, "--size", 32)
    found = json.loads(ok("eval", run, "--net", "imagenet", "--json"))
    assert list(found["metrics"]) == ["psnr6_pixels_train", "ssim6_pixels_train", "perceptual6_imagenet_32px_train"]
    figure = found["figures"]["psnr6_pixels_train"]
    assert figure["low"] < figure["value"] < figure["high"] < figure["floor"]
    assert figure["floor"] == pytest.approx(20 * np.log10(255 / 9), abs=0.01)
    assert "only the metric 'pairs'" in refused("eval", run, "--metric", "fd")
