"""The models' table, and the runner that stops, goes on and publishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gan_core import data, pretrain
from gan_core.checkpoint import read_checkpoint
from gan_core.data import drawn
from gan_core.errors import UnknownName
from gan_core.gans import recipes
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models import shelf
from gan_core.models.card import SAMPLE, WEIGHTS, read_card
from gan_core.plans import Plan
from gan_core.runs.store import RunState, RunStore
from gan_core.training.previews import ROWS

TINY = Plan(
    "mlp_gan", "digits", 8, 12, 0.1, 0.0, "Tiny", "Everything.",
    {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4, "latent_size": 4},
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(pretrain.plans, "mlp_gan.tiny", TINY)
    return "mlp_gan.tiny"


@pytest.mark.parametrize("name", pretrain.plans)
def test_every_plan_can_be_begun(name: str) -> None:
    plan = pretrain.plan(name)
    recipe = recipes.get(plan.recipe)
    assert name == f"{plan.recipe if recipe.draws else 'features'}.{plan.data.removeprefix('train:')}"
    recipe.check_data(data.source(plan.data).spec(plan.size))
    hparams = recipe.settings(plan.hparams)
    assert hparams.schedule == "constant" or hparams.decay_steps >= plan.steps
    assert plan.limits.endswith(".")


def test_a_budget_stops_and_the_next_call_goes_on(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = Plan(**{**vars(TINY), "steps": 1_000_000})
    monkeypatch.setitem(pretrain.plans, "mlp_gan.long", long)
    folder = str(tmp_path / "long")
    store = RunStore()
    first = pretrain.train(store, "mlp_gan.long", budget=0.02)
    assert first.state is RunState.STOPPED
    assert 0 < first.step < 1_000_000
    assert pretrain.main(["mlp_gan.long", "--budget", "0.02", "--folder", folder]) == 0
    assert "stopped" in capsys.readouterr().err
    assert len(store.runs()) == 1
    assert read_card(Path(folder)).steps > first.step


def test_a_finished_plan_is_published_once(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "shelf" / tiny
    for _ in range(2):
        assert pretrain.main([tiny, "--cost", "a blink", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.steps == 12
    assert described.cost == "a blink"
    assert described.data == "digits"
    assert shelf.load(str(folder)).sample(3).shape == (3, 1, 8, 8)
    assert len(RunStore().runs()) == 1


NET = {"channels": 4, "max_channels": 8, "features": 6, "batch_size": 16, "ema": 0.9}


def test_a_judge_is_published_with_what_it_gets_right_on_images_that_it_has_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan("feature_net", "train:digits", 8, 120, 0.1, 0.0, "Judge", "All.", NET)
    monkeypatch.setitem(pretrain.plans, "features.tiny", plan)
    folder = tmp_path / "features.tiny"
    assert pretrain.main(["features.tiny", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.task == "supervised"
    assert list(described.metrics) == ["accuracy179"]
    net = FeatureNet.from_shelf(str(folder))
    assert net.name == "digitsnet"
    test = data.load("test:digits", 8)
    assert net.accuracy(test.arrays["real"], test.arrays["label"]) == described.metrics["accuracy179"]
    assert described.metrics["accuracy179"] > 0.3
    weights = read_checkpoint(folder / WEIGHTS)
    assert list(weights["average"]) == ["features"]
    assert weights["networks"] == {}  # the averaged net alone is kept
    assert described.parameters == {"features": sum(w.numel() for w in weights["average"]["features"].values())}
    with Image.open(folder / SAMPLE) as picture:
        assert picture.size == (10 * 9 - 1, 2 * ROWS * 9 - 1)  # a column for each class


def test_a_judge_of_attributes_says_what_it_gets_wrong_where_it_sees_and_where_it_can_only_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "COUNT", 60)
    monkeypatch.setattr(drawn, "TEST_COUNT", 150)
    plan = Plan("feature_net", "avatars", 8, 3, 0.1, 0.0, "Judge", "All.", NET)
    monkeypatch.setitem(pretrain.plans, "features.tiny", plan)
    folder = tmp_path / "features.tiny"
    assert pretrain.main(["features.tiny", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.attributes == drawn.ATTRIBUTES
    errors = described.metrics
    hidden = {"hair", "hair_colour", "eyes", "eye_colour", "gaze", "earrings"}
    assert {name for name in drawn.ATTRIBUTES if f"error150_{name}_hidden" in errors} == hidden
    shown = [errors[f"error150_{name}"] for name in drawn.ATTRIBUTES]
    assert errors["error150"] == pytest.approx(sum(shown) / len(shown))
    net, test = FeatureNet.from_shelf(str(folder)), data.load("test:avatars", 8)
    wrong = net.answers(test.arrays["real"])[:, 1] != test.arrays["attributes"][:, 1]
    assert errors["error150_face"] == pytest.approx(wrong.mean())
    with Image.open(folder / SAMPLE) as picture:
        assert picture.width == 11 * 9 - 1  # a column for each style of hair


def test_an_unknown_model_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownName, match=r"dcgan\.digits"):
        pretrain.plan("dcgan.digit")
    assert pretrain.main(["dcgan.digit"]) == 2
    assert "Valid: dcgan.digits" in capsys.readouterr().err


BARE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"psutil", "typer", "rich", "babel", "imageio", "imageio_ffmpeg", "streamlit"}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from gan_core import pretrain
from gan_core.plans import Plan
pretrain.plans["mlp_gan.tiny"] = Plan("mlp_gan", "digits", 8, 5, 0, 0, "Tiny", "All.", {"batch_size": 4})
sys.exit(pretrain.main(["mlp_gan.tiny", "--folder", sys.argv[1]]))
"""


def test_it_runs_without_the_front_ends_packages(tmp_path: Path) -> None:
    environment = {**os.environ, "GANSCOPE_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BARE, str(tmp_path / "model")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "weights.safetensors").is_file()
