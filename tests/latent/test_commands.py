"""`ganscope directions` and `ganscope interpolate` on a model of the shelf."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from gan_core.cli import app
from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.knobs import changed, to_dict
from gan_core.latent.explorer import Explorer
from gan_core.latent.files import read_directions
from gan_core.models import loading, publishing
from gan_core.runs.store import RunStore
from tests.cli.commands import make_run, refused


def ganscope(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def publish(
    folder: Path, recipe_name: str, spec: DataSpec, names: Mapping[str, tuple[str, ...]], seen: str = "stylegan2.noise"
) -> None:
    """A model with random weights on the user's shelf; `seen` is the model whose samples a feature net has seen."""
    recipe = recipes.get(recipe_name)
    hparams = changed(recipe.tiny, {"w_size": 8} if recipe_name == "stylegan2" else {})
    networks = recipe.build(hparams, spec)
    if "features" in networks:  # its answers must differ from picture to picture
        for _ in range(40):
            networks["features"](loading.load(seen).sample(64))
    weights = {name: network.state_dict() for name, network in networks.items()}
    state = {
        "recipe": recipe_name, "hparams": to_dict(hparams), "spec": spec.to_state(), "step": 1, "images_seen": 4,
        "average": {name: weights[name] for name in recipe.ema_networks}, "networks": weights,
    }  # fmt: skip
    words = publishing.Words("Noise", "CC0", "numbers", "nothing", "nothing")
    nothing = {} if recipe.draws else {"show": lambda model: publishing.Shown(b"")}
    publishing.publish(state, folder.name, words, (), "noise", folder, half=False, attributes=names, **nothing)


@pytest.fixture
def model(home: Path) -> Path:
    folder = home / "models" / "stylegan2.noise"
    publish(folder, "stylegan2", DataSpec({"real": (3, 16, 16)}), {})
    return folder


def test_directions_are_stored_beside_their_model(model: Path) -> None:
    for method in ("pca", "sefa"):
        result = ganscope("directions", "stylegan2.noise", "--method", method, "-n", 3, "--json")
        assert result.exit_code == 0, result.output
        summary = json.loads(result.stdout)
        assert summary["file"] == str(model / "directions.safetensors")
        found = read_directions(model / "directions.safetensors", Explorer(loading.load("stylegan2.noise")))
        assert [one["name"] for one in summary["directions"]] == [one.name for one in found]
    table = ganscope("directions", "stylegan2.noise", "-n", 2)
    assert "PCA 1" in table.stdout
    assert "2 directions" in table.stderr


def test_directions_of_attributes_are_learnt_with_the_shelfs_net(model: Path, tmp_path: Path) -> None:
    attributes = {"hat": ("none", "cap"), "hair": ("bob", "bun", "long")}
    spec = DataSpec({"real": (3, 16, 16)}, 0, {name: len(values) for name, values in attributes.items()})
    publish(model.parent / "features.noise", "feature_net", spec, attributes)
    file = tmp_path / "mine.safetensors"
    result = ganscope("directions", "stylegan2.noise", "--method", "attributes", "-o", file, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["directions"]
    assert {one["name"].split(": ")[0] for one in summary} <= {"hat", "hair"}
    assert all({"share", "moves", "leaks"} <= one.keys() for one in summary)
    assert len(read_directions(file, Explorer(loading.load("stylegan2.noise")))) == len(summary)
    assert (tmp_path / "measured.json").is_file()


def test_directions_stored_beside_a_model_are_measured_again(model: Path) -> None:
    advised = "`ganscope directions stylegan2.noise --method attributes`"
    assert advised in ganscope("measure", "stylegan2.noise").stderr
    assert ganscope("directions", "stylegan2.noise", "-n", 2).exit_code == 0
    assert advised in ganscope("measure", "stylegan2.noise").stderr  # PCA's directions aren't named after features
    attributes = {"hat": ("none", "cap"), "hair": ("bob", "bun", "long")}
    spec = DataSpec({"real": (3, 16, 16)}, 0, {name: len(values) for name, values in attributes.items()})
    publish(model.parent / "features.noise", "feature_net", spec, attributes)
    assert ganscope("directions", "stylegan2.noise", "--method", "attributes").exit_code == 0
    first = (model / "measured.json").read_bytes()
    (model / "measured.json").unlink()
    result = ganscope("measure", "stylegan2.noise", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["file"] == str(model / "measured.json")
    assert {"moves", "leaks"} == next(iter(summary["directions"].values())).keys()
    assert set(summary["bands"]) == {"coarse", "middle"}
    assert (model / "measured.json").read_bytes() == first
    assert "coarse: " in ganscope("measure", "stylegan2.noise").stdout


def test_a_run_is_not_measured(home: Path) -> None:
    store = RunStore()
    run = make_run(store, "mine")
    store.close()
    for name in (run, "mine"):
        assert f"{name} is a run, and only models can be measured" in refused(2, "measure", name)


@pytest.mark.parametrize("command", ["sample", "interpolate", "attribute", "directions"])
def test_help_says_that_a_model_can_be_given(command: str) -> None:
    assert "hf://owner/name" in re.sub(r"[\s│]+", " ", ganscope(command, "--help").stdout)


def test_a_film_of_the_latent_space(model: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.gif"
    arguments = ("interpolate", "stylegan2.noise", "-o", film, "-n", 3, "--seconds", 1, "--rate", 10, "--size", 64)
    result = ganscope(*arguments, "--truncation", 0.7, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frames"] == 10
    with Image.open(film) as image:
        assert (image.n_frames, image.size) == (10, (64, 64))
    assert "10 frames in 1.0 s" in ganscope(*arguments, "--interpolation", "spherical").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("directions", "stylegan2.noise", "--method", "magic"),
            "'magic'. Valid: pca, sefa, attributes",
        ),
        (("directions", "nobody"), "There is no model or run named 'nobody'"),
        (("directions", "stylegan2.noise", "-n", "99"), "directions must be between 1 and 8"),
        (("directions", "stylegan2.noise", "--method", "attributes"), "no model named 'features.noise'"),
        (("interpolate", "stylegan2.noise", "-o", "film.avi"), "Valid file extensions"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "-n", "1"), "2 to 64 keyframes"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--way", "x"), "Unknown interpolation 'x'"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--seconds", "100", "--rate", "50"), "3000"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--seconds", "0.1"), "between 0.5 and 120.0, got 0.1"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--seconds", "nan"), "between 0.5 and 120.0, got nan"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--seconds", "inf"), "between 0.5 and 120.0, got inf"),
        (("interpolate", "stylegan2.noise", "-o", "film.gif", "--truncation", "2"), "0 and 1.5"),
    ],
)
def test_bad_input_is_reported_in_a_sentence(model: Path, arguments: tuple[str, ...], said: str) -> None:
    result = ganscope(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_what_the_discriminator_looks_at_comes_with_its_error(model: Path, tmp_path: Path) -> None:
    answer = ganscope("attribute", "stylegan2.noise", "-o", tmp_path / "maps.png", "-n", 2, "--steps", 20)
    assert answer.exit_code == 0, answer.output
    assert "COMPLETENESS ERROR" in answer.stdout
    assert len(re.findall(r"\d+\.\d+ %", answer.stdout)) == 2
    with Image.open(tmp_path / "maps.png") as picture:
        assert picture.width == picture.height >= 512  # two samples, and a map below each
        assert len(picture.getcolors(2**20) or ()) > 10
    found = json.loads(ganscope("attribute", "stylegan2.noise", "-o", tmp_path / "maps.png", "-n", 1, "--json").stdout)
    assert found["integration_steps"] == 200
    assert 0 <= found["samples"][0]["completeness_error"] < 0.05
    for wrong, said in (
        (("-o", tmp_path / "maps.txt"), "Valid file extensions"),
        (("-o", tmp_path / "maps.png", "--steps", 0), "The number of steps must be between 1"),
        (("-o", tmp_path / "maps.png", "--width", -5), "The width must be between 1 and 8192 pixels, got -5."),
        (("-o", tmp_path / "maps.png", "--width", 1_000_000), "between 1 and 8192 pixels, got 1000000."),
        (("-o", tmp_path / "maps.png", "-n", 99), "The number of samples must be between 1"),
    ):
        answer = ganscope("attribute", "stylegan2.noise", *wrong)
        assert answer.exit_code == 2
        assert said in answer.output
