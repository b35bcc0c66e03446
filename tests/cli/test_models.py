"""`ganscope models` and `ganscope pretrain`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from gan_core.runs.store import RunStore
from tests.cli.commands import ganscope, ok, refused
from tests.made_models import make_model


def test_a_model_is_made_listed_shown_and_drawn_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gan_core.models import listing
    from gan_core.models.plans import Plan
    from gan_core.shelf import pretrain

    changes = {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4, "latent_size": 4}
    plan = Plan(recipe="mlp_gan", data="digits", size=8, steps=5, title="Tiny digits", limits="All.", hparams=changes)
    monkeypatch.setitem(pretrain.plans, "mlp_gan.tiny", plan)
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "pretrained")
    assert "0 minutes or more" in refused(2, "pretrain", "mlp_gan.tiny", "--budget", "-1")
    assert RunStore().runs() == []  # a refused command leaves none
    ok("pretrain", "mlp_gan.tiny", "--cost", "a blink")
    assert "Tiny digits" in ok("models")
    assert json.loads(ok("models", "list", "--json"))[0]["name"] == "mlp_gan.tiny"
    assert "a blink" in ok("models", "show", "mlp_gan.tiny")
    picture = tmp_path / "grid.png"
    ok("sample", "mlp_gan.tiny", "-n", "4", "-o", picture)
    with Image.open(picture) as image:
        assert image.width >= 512
    assert "mlp_gan.tiny" in refused(2, "models", "show", "mlp_gan.tin")
    assert "Valid" in refused(2, "pretrain", "no.model")


def test_own_models_are_removed_and_bundled_ones_stay(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gan_core.models import listing

    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "pretrained")
    make_model("mlp_gan.bundled", folder=tmp_path / "pretrained" / "mlp_gan.bundled")
    for name in ("mlp_gan.one", "mlp_gan.two"):
        make_model(name)
    said = refused(2, "models", "remove", "mlp_gan.one", "mlp_gan.bundled")
    assert "mlp_gan.bundled comes with GANscope and can't be removed." in said
    for wrong in ("nobody", "../models/mlp_gan.one", str(home / "models" / "mlp_gan.one"), "hf://ada/noise"):
        said = refused(2, "models", "remove", "mlp_gan.two", wrong)
        assert f"There is no model named '{wrong}'." in said
        assert "mlp_gan.one" in said
    assert listing.names() == ["mlp_gan.bundled", "mlp_gan.one", "mlp_gan.two"]
    size = sum(file.stat().st_size for file in (home / "models" / "mlp_gan.one").iterdir())
    (home / "models" / ".mlp_gan.one-removed" / "x").mkdir(parents=True)  # of a process that was killed
    answer = json.loads(ok("models", "remove", "mlp_gan.one", "--json"))
    assert answer == {"removed": ["mlp_gan.one"], "bytes": size}
    assert "Removed mlp_gan.two: 0.0 MB freed." in ok("models", "remove", "mlp_gan.two", "mlp_gan.two")
    assert listing.names() == ["mlp_gan.bundled"]
    assert list((home / "models").iterdir()) == []


LONG = "a" * 300  # no file can be called so


@pytest.mark.parametrize(
    "words",
    [
        "sample LONG -o x.png", "translate LONG in.png -o y.png", "upscale mlp_gan.digits LONG -o y.png",
        "attribute LONG -o x.png", "directions LONG -o x.safetensors", "export LONG -o x.onnx", "demo LONG -o x",
        "models show LONG", "push LONG me/it", "import LONG.pth --name x", "import LONG.keras --name x",
        "eval LONG", "eval mlp_gan.digits --net LONG", "eval mlp_gan.digits --against LONG", "sample LONG.pth -o x.png",
        "data load LONG", "data load test:LONG", "data load folder:LONG", "data load shards:LONG",
        "train dcgan --data LONG", "search dcgan --data LONG",
    ],
)  # fmt: skip
def test_a_name_that_no_file_can_have_is_unknown(words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8)).save("in.png")
    make_model("mlp_gan.digits")
    assert LONG in refused(1 if words.startswith("import") else 2, *words.replace("LONG", LONG).split())


def test_training_starts_from_a_model(home: Path) -> None:
    described = make_model("infogan.tiny")
    line = json.loads(ok("train", "--from", "infogan.tiny", "--steps", "3", "--seed", "5", "--json"))
    run = RunStore().get(line["run"])
    assert (run.step, run.spec.recipe, run.spec.hparams["seed"], run.name) == (3, "infogan", 5, described.title)
    trained = 3 * described.hparams["batch_size"]
    assert run.images_seen == described.images + trained
    assert line["images_per_second"] == pytest.approx(trained / line["seconds"], rel=0.05)
    made = RunStore()
    assert "so --size can't be given" in refused(2, "train", "--from", "infogan.tiny", "--size", "8")
    assert "RECIPE, --preset" in refused(2, "train", "dcgan", "--from", "infogan.tiny", "--preset", "x")
    assert "--from can't be given with --resume" in refused(2, "train", "--resume", "latest", "--from", "infogan.tiny")
    assert "latent_size can't be changed" in refused(2, "train", "--from", "infogan.tiny", "--set", "latent_size=9")
    assert "Valid: infogan.tiny" in refused(2, "train", "--from", "infogan.tin")
    assert len(made.runs()) == 1


def test_networks_that_are_reinitialised_are_named(home: Path) -> None:
    make_model("infogan.tiny")
    result = ganscope("train", "--from", "infogan.tiny", "--steps", "1")
    assert result.exit_code == 0
    assert "start from random weights: recogniser" in result.stderr


def test_a_damaged_model_is_named_and_the_others_are_listed(home: Path) -> None:
    make_model("mlp_gan.good")
    make_model("mlp_gan.bad")
    card = home / "models" / "mlp_gan.bad" / "card.toml"
    card.write_text(card.read_text().replace("licence", "license"))
    result = ganscope("models")
    assert "mlp_gan.good" in result.stdout
    assert "The model card in mlp_gan.bad lacks licence" in result.stderr
