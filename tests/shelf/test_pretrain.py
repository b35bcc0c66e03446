"""The models' table, and the runner that stops, continues and publishes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import gan_core
from gan_core import data
from gan_core.checkpoint import read_checkpoint, same_state
from gan_core.data.parts import kind_of
from gan_core.data.sets import avatars
from gan_core.errors import BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models import listing, loading
from gan_core.models.card import SAMPLE, WEIGHTS, read_card
from gan_core.models.plans import Plan
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.shelf import pretrain
from gan_core.training.previews import LINES, ROWS, SIDE
from gan_core.training.watching import items_of

TINY = Plan(
    recipe="mlp_gan", data="digits", size=8, steps=12, title="Tiny", limits="Everything.",
    hparams={"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4, "latent_size": 4},
)  # fmt: skip


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(pretrain.plans, "mlp_gan.tiny", TINY)
    return "mlp_gan.tiny"


@pytest.mark.parametrize("name", pretrain.plans)
def test_every_plan_can_be_begun(name: str) -> None:
    plan = pretrain.plan(name)
    recipe = recipes.get(plan.recipe)
    if recipe.task == "supervised" or recipe.draws:
        learnt_from = kind_of(plan.data)
        for kind in ("_captions", "_pictures", "_expert"):
            learnt_from = learnt_from.removesuffix(kind)
        assert name == f"{plan.recipe if recipe.draws else 'features'}.{learnt_from}"
    assert not plan.start or plan.start in pretrain.plans
    recipe.check_data(data.source(plan.data).spec(plan.size))
    hparams = recipe.settings(plan.hparams)
    assert hparams.schedule == "constant" or hparams.decay_steps >= plan.steps
    assert plan.limits.endswith(".")


def test_a_budget_stops_and_the_next_call_continues(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = Plan(**{**vars(TINY), "steps": 1_000_000})
    monkeypatch.setitem(pretrain.plans, "mlp_gan.long", long)
    folder = str(tmp_path / "long")
    store = RunStore()
    assert pretrain.make(store, "mlp_gan.long", budget=0.005, folder=tmp_path / "long") == 0
    first = store.runs()[0]
    assert first.state is RunState.STOPPED
    assert 0 < first.step < 1_000_000
    assert pretrain.main(["mlp_gan.long", "--budget", "0.005", "--folder", folder]) == 0
    log = capsys.readouterr().err
    assert "images/s · discriminator" in log  # its progress
    assert "stopped at step" in log
    assert len(store.runs()) == 1
    assert read_card(Path(folder)).steps > first.step


def test_the_cards_of_the_shelf_have_the_words_of_their_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words changed in a plan alone would stay as they were on the card, without their translation."""
    monkeypatch.setattr(listing, "BUNDLED", Path(gan_core.__file__).parents[1] / "pretrained")
    cards = {name: card for name, card in listing.survey()[0].items() if name in pretrain.plans}
    assert len(cards) > 30
    for name, card in cards.items():
        assert (card.title, card.limits) == (pretrain.plans[name].title, pretrain.plans[name].limits), name


def test_a_budget_is_a_number_of_minutes(tiny: str) -> None:
    store = RunStore()
    for minutes in (math.nan, -1.0):
        with pytest.raises(BadValue, match="0 minutes or more"):
            pretrain.make(store, tiny, budget=minutes)
        assert pretrain.main([tiny, "--budget", str(minutes)]) == 2
    assert store.runs() == []


def test_a_finished_plan_is_published_once(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "shelf" / tiny
    for _ in range(2):
        assert pretrain.main([tiny, "--cost", "a blink", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.steps == 12
    assert described.cost == "a blink"
    assert described.data == "digits"
    assert loading.load(str(folder)).sample(3).shape == (3, 1, 8, 8)
    assert len(RunStore().runs()) == 1


def test_ctrl_c_ends_with_a_checkpoint_and_leaves_the_shelf_as_it_was(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(pretrain.plans, "mlp_gan.long", Plan(**{**vars(TINY), "steps": 1_000_000}))
    store = RunStore()

    def interrupt(run: Run) -> None:
        if run.step and not sent:
            sent.append(run.step)
            os.kill(os.getpid(), signal.SIGINT)

    sent: list[int] = []
    assert pretrain.make(store, "mlp_gan.long", folder=tmp_path / "long", show=interrupt) == 130
    assert "Run the same command again" in capsys.readouterr().err
    run = store.runs()[0]
    assert run.state is RunState.STOPPED
    assert store.checkpoints(run.id)[-1].step == run.step >= sent[0]
    assert not (tmp_path / "long").exists()


def test_a_loss_that_is_not_finite_ends_it_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hparams = {
        **TINY.hparams,
        "optimizer": "sgd",
        "generator_rate": 0.1,
        "discriminator_rate": 0.1,
        "loss": "wasserstein",
    }
    wild = Plan(**{**vars(TINY), "steps": 100_000, "hparams": hparams})
    monkeypatch.setitem(pretrain.plans, "mlp_gan.wild", wild)
    assert pretrain.main(["mlp_gan.wild", "--folder", str(tmp_path / "wild")]) == 1
    assert "Go back to the last good checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "wild").exists()


def test_a_device_that_is_not_here_is_refused(tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert pretrain.main([tiny, "--device", "abacus"]) == 2
    assert "Valid: cpu" in capsys.readouterr().err
    assert pretrain.main([tiny, "--precision", "fp8"]) == 2
    assert "Valid: fp32, bf16, fp16, auto" in capsys.readouterr().err
    assert not RunStore().runs()


def test_why_a_run_failed_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(
        recipe="encoder",
        data="digits",
        size=8,
        steps=5,
        title="Lost",
        limits="All.",
        hparams={"generator": "stylegan2.gone"},
    )
    monkeypatch.setitem(pretrain.plans, "encoder.digits", plan)
    assert pretrain.main(["encoder.digits"]) == 1
    assert "There is no model named 'stylegan2.gone'" in capsys.readouterr().err


NET = {"channels": 4, "max_channels": 8, "features": 6, "batch_size": 16, "ema": 0.9}


def test_a_judge_is_published_with_its_accuracy_on_unseen_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(recipe="feature_net", data="train:digits", size=8, steps=120, title="Judge", limits="All.", hparams=NET)
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
    assert weights["networks"] == {}  # only the averaged net is kept
    assert described.parameters == {"features": sum(w.numel() for w in weights["average"]["features"].values())}
    with Image.open(folder / SAMPLE) as picture:
        assert picture.size == (10 * 9 - 1, 2 * ROWS * 9 - 1)  # a column for each class


def test_a_judge_of_attributes_reports_errors_for_visible_and_hidden_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avatars, "COUNT", 60)
    monkeypatch.setattr(avatars, "TEST_COUNT", 150)
    plan = Plan(recipe="feature_net", data="avatars", size=8, steps=3, title="Judge", limits="All.", hparams=NET)
    monkeypatch.setitem(pretrain.plans, "features.tiny", plan)
    folder = tmp_path / "features.tiny"
    assert pretrain.main(["features.tiny", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert described.attributes == avatars.ATTRIBUTES
    errors = described.metrics
    hidden = {"hair", "hair_colour", "eyes", "eye_colour", "gaze", "earrings"}
    assert {name for name in avatars.ATTRIBUTES if f"error150_{name}_hidden" in errors} == hidden
    shown = [errors[f"error150_{name}"] for name in avatars.ATTRIBUTES]
    assert errors["error150"] == pytest.approx(sum(shown) / len(shown))
    net, test = FeatureNet.from_shelf(str(folder)), data.load("test:avatars", 8)
    wrong = net.answers(test.arrays["real"])[:, 1] != test.arrays["attributes"][:, 1]
    assert errors["error150_face"] == pytest.approx(wrong.mean())
    with Image.open(folder / SAMPLE) as picture:
        assert picture.width == 11 * 9 - 1  # a column for each style of hair


TRANSLATORS = {
    "pix2pix": ("train:digits_coloured", {"batch_size": 4}, {"fields": ("source", "target"), "kinds": 3}),
    "cyclegan": ("train:digits_coloured_unpaired", {"batch_size": 2}, {"fields": ("a", "b"), "kinds": 6}),
    "cut": ("digits_coloured_unpaired", {"batch_size": 2}, {"fields": ("a", "b"), "kinds": 4}),
    "srgan": ("digits", {"batch_size": 4}, {"fields": ("real",), "kinds": 4}),
    "esrgan": ("train:digits", {"batch_size": 4}, {"fields": ("real",), "kinds": 4}),
    "context_encoder": ("digits", {"batch_size": 4}, {"fields": ("real",), "kinds": 3}),
}


@pytest.mark.parametrize("recipe", TRANSLATORS)
def test_a_translator_is_published_with_its_outputs_for_unseen_items(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, changes, expected = TRANSLATORS[recipe]
    tiny = to_dict(recipes.get(recipe).tiny) | changes
    monkeypatch.setitem(
        pretrain.plans,
        "x.tiny",
        Plan(recipe=recipe, data=reference, size=16, steps=2, title="Tiny", limits="All.", hparams=tiny, half=True),
    )
    folder = tmp_path / "x.tiny"
    assert pretrain.main(["x.tiny", "--folder", str(folder)]) == 0
    described = read_card(folder)
    assert tuple(described.fields) == expected["fields"]
    assert described.compared == recipes.get(recipe).compared
    assert len(described.compared) == expected["kinds"]
    with Image.open(folder / SAMPLE) as picture:
        columns = expected["kinds"] * max(1, SIDE // expected["kinds"])
        assert picture.size == (columns * 17 - 1, LINES * 17 - 1)
        assert picture.getextrema() != ((0, 0),)
    model = gan_core.load(folder)
    weights = read_checkpoint(folder / WEIGHTS)
    assert set(weights["average"]) == set(recipes.get(recipe).ema_networks) == set(model.networks)
    assert weights["networks"]
    assert all(name.startswith("discriminator") for name in weights["networks"])
    images = torch.zeros(2, *model.spec.shape)
    for direction in recipes.get(recipe).translations:
        assert model.translate(images, direction).shape[:2] == images.shape[:2]
    if described.task == "super_resolution":
        assert model.upscale(images[0, :, :5, :7]).shape == (1, 10, 14)


def test_an_unused_or_too_large_discriminator_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = to_dict(recipes.get("srgan").tiny)
    for name, changes in {"warm": {"adversarial_weight": 0.0}, "wide": {"discriminator_channels": 64}}.items():
        plan = Plan(
            recipe="srgan",
            data="digits",
            size=64,
            steps=1,
            title="Tiny",
            limits="All.",
            hparams=tiny | changes | {"crop": 64},
            half=True,
        )
        monkeypatch.setitem(pretrain.plans, "x.tiny", plan)
        folder = tmp_path / name
        assert pretrain.main(["x.tiny", "--folder", str(folder)]) == 0
        assert read_checkpoint(folder / WEIGHTS)["networks"] == {}
        described = read_card(folder)
        assert described.bytes < 100_000
        assert ("discriminator" in described.parameters) == (name == "wide")


def test_a_plan_can_start_from_another_models_weights(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "BUNDLED", home / "models")
    tiny = to_dict(recipes.get("srgan").tiny)
    first = Plan(
        recipe="srgan",
        data="digits",
        size=8,
        steps=3,
        title="First",
        limits="All.",
        hparams=tiny | {"adversarial_weight": 0.0},
    )
    then = Plan(
        recipe="srgan", data="digits", size=8, steps=2, title="Then", limits="All.", hparams=tiny, start="first.tiny"
    )
    monkeypatch.setitem(pretrain.plans, "first.tiny", first)
    monkeypatch.setitem(pretrain.plans, "then.tiny", then)
    store = RunStore()
    with pytest.raises(UnknownName, match="first"):
        pretrain.run_of(store, "then.tiny")
    assert pretrain.main(["first.tiny"]) == 0
    begun = pretrain.run_of(store, "then.tiny")
    assert begun == pretrain.run_of(store, "then.tiny")
    state = read_checkpoint(store.checkpoints(begun.id)[-1].path)
    learnt = read_checkpoint(home / "models" / "first.tiny" / WEIGHTS)["average"]
    assert same_state(state["average"], learnt)
    assert begun.images_seen == 12
    assert pretrain.main(["then.tiny"]) == 0
    assert len(store.runs()) == 2
    described = listing.card("then.tiny")
    assert described.steps == 2
    assert described.cost.endswith("20 images; started from first.tiny")
    other = Plan(
        recipe="srgan", data="digits", size=16, steps=2, title="Then", limits="All.", hparams=tiny, start="first.tiny"
    )
    monkeypatch.setitem(pretrain.plans, "then.tiny", other)
    with pytest.raises(BadValue, match=r"can't start from first\.tiny, a SRGAN at 8 pixels"):
        pretrain.run_of(store, "then.tiny")


def test_an_unknown_model_is_reported_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
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
from gan_core.shelf import pretrain
from gan_core.models.plans import Plan
pretrain.plans["mlp_gan.tiny"] = Plan(
    recipe="mlp_gan", data="digits", size=8, steps=5, title="Tiny", limits="All.", hparams={"batch_size": 4}
)
sys.exit(pretrain.main(["mlp_gan.tiny", "--folder", sys.argv[1]]))
"""


def test_it_runs_without_the_front_ends_packages(tmp_path: Path) -> None:
    environment = {**os.environ, "GANSCOPE_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", BARE, str(tmp_path / "model")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "weights.safetensors").is_file()


def test_a_cost_names_the_items_seen() -> None:
    assert [items_of(name) for name in ("digits", "cartpole_expert", "spoken_digits", "ring8")] == [
        "images", "episodes", "recordings", "points",
    ]  # fmt: skip
    assert [pretrain.duration(seconds) for seconds in (53, 119, 120, 3600)] == [
        "53 seconds", "119 seconds", "2 minutes", "1.0 hours",
    ]  # fmt: skip
