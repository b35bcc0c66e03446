"""The tutorials' scripts: they run unchanged, and the presets of the same names are equivalent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.layers.blocks import Dropout
from gan_core.teaching import blogs
from gan_core.training.trainer import Trainer

STEPS = 4
PRESETS = [(recipe.name, preset.name) for recipe in recipes for preset in recipe.presets if blogs.code(preset.name)]
BEGINS = {  # the line of a script that the test shortens
    "mlp_gan": "BATCH, STEPS, EVERY = 128, 20_000, 100",
    "dcgan": "BATCH, CHANNELS, STEPS, EVERY = 128, 64, 6_000, 100",
}
SHORT = {
    "mlp_gan": f"BATCH, STEPS, EVERY = 128, {STEPS}, 1",
    "dcgan": f"BATCH, CHANNELS, STEPS, EVERY = 8, 4, {STEPS}, 1",
}
SMALL = {"mlp_gan": {}, "dcgan": {"batch_size": 8, "channels": 4, "max_channels": 32}}


def thinned(rate: float, inputs: torch.Tensor) -> torch.Tensor:
    """Dropout that drops the same units each time, since the two draw from different generators."""
    kept = torch.arange(inputs.shape[1]) % 10 >= 10 * rate
    return inputs * kept / (1 - rate)


@pytest.fixture
def same_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.Dropout, "forward", lambda layer, inputs: thinned(layer.p, inputs))
    monkeypatch.setattr(Dropout, "forward", lambda layer, inputs: thinned(layer.rate, inputs))


def test_every_script_has_a_preset() -> None:
    assert sorted(name for _, name in PRESETS) == blogs.names()
    assert len(PRESETS) == 5
    assert blogs.code("digits_30s") == ""


@pytest.mark.usefixtures("same_dropout")
@pytest.mark.parametrize(("recipe_name", "name"), PRESETS)
def test_the_preset_has_the_losses_of_the_script(
    recipe_name: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipes.get(recipe_name)
    preset = recipe.preset(name)
    shape = (1, 28, 28) if recipe_name == "mlp_gan" else (3, 64, 64)
    # fewer images than the steps use, so that a new epoch begins
    images = np.random.default_rng(0).integers(0, 256, (400 if recipe_name == "mlp_gan" else 20, *shape), np.uint8)
    known = DataSet(preset.data, {"real": images})
    monkeypatch.setattr(data, "load", served(known, preset.data, preset.size))

    source = blogs.code(name)
    assert BEGINS[recipe_name] in source
    exec(compile(source.replace(BEGINS[recipe_name], SHORT[recipe_name]), name, "exec"), {})
    printed = [[float(word) for word in line.split()[1:]] for line in capsys.readouterr().out.splitlines()]

    trainer = Trainer(recipe, recipe.settings({**preset.hparams, **SMALL[recipe_name], "seed": 0}), known)
    ours = []
    for _ in range(STEPS):
        terms = trainer.train_step().terms
        ours.append([float(terms["discriminator/loss"]), float(terms["generator/loss"])])
    np.testing.assert_allclose(ours, printed, rtol=2e-3)
    assert len({loss for pair in printed for loss in pair}) == 2 * STEPS


def served(known: DataSet, name: str, size: int) -> Callable[[str, int], Any]:
    """Replaces `data.load`; the script must load the preset's data."""

    def load(asked: str, pixels: int) -> DataSet:
        assert (asked, pixels) == (name, size)
        return known

    return load
