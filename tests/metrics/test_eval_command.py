"""`ganscope eval` on a run and on a folder, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from gan_core import data
from gan_core.cli import app
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore

NET = ("channels=4", "max_channels=8", "features=6", "batch_size=32", "discriminator_rate=0.01")
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


def test_a_run_and_a_folder_are_judged(tmp_path: Path) -> None:
    net = train("feature_net", 30, NET, "--data", "digits", "--name", "judge")
    gan = train("mlp_gan", 3, GAN)
    made = json.loads(ok("eval", gan, "--samples", "300", "--json"))
    assert (made["against"], made["net"], made["samples"], made["references"]) == ("digits", "digitsnet", 300, 300)
    assert made["metrics"]["fd300_digitsnet"] > 0
    assert 0 <= made["metrics"]["precision300_digitsnet"] <= 1
    assert set(made["classes"]) == set("0123456789")
    assert json.loads(ok("eval", gan, "--samples", "300", "--json"))["metrics"] == made["metrics"]

    folder = save_digits(tmp_path / "digits", 200)
    (folder / "notes.txt").write_text("no image")
    real = json.loads(ok("eval", folder, "--against", "digits", "--net", net, "--json"))
    assert real["samples"] == 200
    assert real["metrics"]["nearest200_pixels"] == 0.0  # they are the training images
    assert real["metrics"]["copied200_pixels"] == 1.0
    assert real["metrics"]["fd200_digitsnet"] < made["metrics"]["fd300_digitsnet"]

    text = ok("eval", "latest", "--samples", "100", "--metric", "fd", "--metric", "classes")
    assert "100 samples of latest against 100 images of digits" in text
    assert "fd100_digitsnet" in text
    assert "kid" not in text
    assert "CLASS" in text

    # what does not fit, once there is a net
    assert "judges images of 8 x 8" in refused("eval", save_digits(tmp_path / "large", 20, 16), "--against", "digits")
    other = train("mlp_gan", 1, GAN, "--size", 16)
    assert "ganscope train feature_net --data digits --size 16" in refused("eval", other)
    assert "1 x 8 x 8" in refused("eval", other, "--net", "judge")
    assert "needs at least 7 samples" in refused("eval", gan, "--samples", 6)
    assert "200 images, and 300 were asked for" in refused("eval", folder, "--against", "digits", "--samples", 300)
    assert "makes no images" in refused("eval", net)
    assert "judges images and draws none" in refused("sample", net, "-o", tmp_path / "x.png")
    assert "no feature net" in ganscope("eval", gan, "--net", gan).stderr


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["nobody"], ["run or folder of images", "nobody"]),
        (["folder:/nowhere", "--against", "digits"], ["/nowhere"]),
        (["."], ["--against"]),
        ([".", "--against", "digitz"], ["digitz", "Valid: digits"]),
        ([".", "--against", "digits"], ["no feature net for digits yet", "ganscope train feature_net --data digits"]),
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


def test_a_run_without_a_checkpoint_is_told() -> None:
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
    assert "needs a data set with labels" in refused("train", "feature_net", "--data", folder, "--size", "8")
