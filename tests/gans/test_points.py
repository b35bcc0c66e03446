"""The recipe for points: networks, refusals, its presets, the command line, and exact optimal transport."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from benchmarks.points import cases, objectives, remedied, remedies, train, transport
from gan_core.cli import app
from gan_core.data import source
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.runs.store import RunStore

POINTS = recipes.get("points")


def test_networks_have_the_asked_layers() -> None:
    hparams = POINTS.settings({"latent_size": 3, "generator_widths": "16,8", "discriminator_widths": "4"})
    networks = POINTS.networks(hparams, source("ring8").load(None, lambda done, total: None).spec)
    shapes = {
        name: [tuple(layer.weight.shape) for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
        for name, network in networks.items()
    }
    assert shapes == {"generator": [(16, 3), (8, 16), (2, 8)], "discriminator": [(4, 2), (1, 4)]}
    assert networks["discriminator"](torch.randn(5, 2)).shape == (5,)


def test_settings_that_points_cant_have_are_refused() -> None:
    with pytest.raises(BadValue, match="applies to images, not to points"):
        POINTS.settings({"augment": "diffaugment"})


def test_remedies_change_their_own_knobs_alone() -> None:
    collapses = POINTS.preset("collapses")
    for name, changes in remedies.items():
        assert not set(changes) & {
            "generator_rate", "discriminator_rate", "batch_size", "latent_size", "activation", "optimizer", "beta1",
            "generator_widths", "discriminator_widths", "seed", "schedule", "decay_steps", "ema",
        }, name  # fmt: skip
        POINTS.settings({**collapses.hparams, **changes})
    for changes in objectives.values():
        POINTS.settings({**POINTS.preset("ring8").hparams, **changes})
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names)
    assert {remedied(name) for name in remedies} < set(names)


def test_the_critics_estimate_is_the_exact_distance() -> None:
    # 1704.00028: a converged critic's E f(x) - E f(G(z)) is the Wasserstein distance
    estimate, exact = transport(count=1000)
    assert estimate == pytest.approx(exact, rel=0.1)


@pytest.mark.slow
def test_the_ring_preset_finds_all_modes() -> None:
    """Training ends as soon as it has found them."""
    data = source("ring8").load(None, lambda done, total: None)
    outcome = train("ring8", {}, 0, data, lambda counted: counted.covered == 8 and counted.quality >= 0.85)
    assert outcome.counted.covered == 8
    assert outcome.counted.quality >= 0.85


@pytest.mark.slow
def test_noise_cures_the_collapse() -> None:
    """tests/training/test_variety.py shows that the preset collapses without it, with the same seed."""
    data = source("ring8").load(None, lambda done, total: None)
    outcome = train("collapses", remedies["instance noise"], 0, data, lambda counted: counted.covered >= 7)
    assert outcome.counted.covered >= 7


def test_trains_from_the_command_line(home: Path) -> None:
    given = ["train", "points", "--data", "ring8", "--set", "loss=hinge", "--steps", "50", "--json"]
    answer = CliRunner().invoke(app, given)
    assert answer.exit_code == 0, answer.output
    summary = json.loads(answer.stdout)
    assert (summary["state"], summary["steps"]) == ("finished", 50)
    store = RunStore()
    run = store.get(summary["run"])
    assert (run.spec.data, run.spec.hparams["loss"]) == ("ring8", "hinge")
    with Image.open(store.previews(run.id)[-1].path) as picture:
        assert picture.size == (320, 320)
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 16)}
    assert {(200, 200, 205), (109, 60, 220)} <= colours  # real points in grey, generated ones in violet


@pytest.mark.parametrize(
    ("recipe", "data", "reason"), [("dcgan", "ring8", "needs images"), ("points", "digits", "needs points")]
)
def test_images_and_points_are_not_confused(recipe: str, data: str, reason: str) -> None:
    answer = CliRunner().invoke(app, ["train", recipe, "--data", data, "--steps", "5"])
    assert answer.exit_code != 0
    assert reason in f"{answer.output} {answer.exception}"
    assert not list(RunStore().runs())
