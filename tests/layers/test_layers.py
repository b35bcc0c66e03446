"""Shared blocks against torch's own layers, and the memory that is kept between steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.layers import palette
from gan_core.layers.blocks import GlobalConv2d, LatentStem, logit_head
from gan_core.training.allocator import keep_freed_memory

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("bias", [False, True])
def test_the_stem_is_a_transposed_convolution(bias: bool) -> None:
    stem, theirs = LatentStem(5, 6, 4, bias), nn.ConvTranspose2d(5, 6, 4, bias=bias)
    theirs.load_state_dict(stem.state_dict())
    latents = torch.randn(3, 5)
    features = stem(latents)
    assert features.is_contiguous(memory_format=torch.channels_last)
    assert_close(features, theirs(latents[:, :, None, None]))


@pytest.mark.parametrize("bias", [False, True])
def test_the_head_is_a_convolution_as_large_as_the_image(bias: bool) -> None:
    head, theirs = GlobalConv2d(5, 2, 4, bias), nn.Conv2d(5, 2, 4, bias=bias)
    theirs.load_state_dict(head.state_dict())
    features = torch.randn(3, 5, 4, 4)
    assert_close(head(features), theirs(features).flatten(1))


@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("minibatch", ["none", "discrimination", "standard_deviation"])
def test_heads_give_one_logit_each(size: int, minibatch: str) -> None:
    features = torch.randn(6, 5, size, size) if size else torch.randn(6, 5)
    assert logit_head(5, size, minibatch)(features).shape == (6, 1)


PAGE_FAULTS = """
import resource, sys
from gan_core.data import load
from gan_core.gans import recipes
from gan_core.training import trainer

if sys.argv[1] == "given back":
    trainer.keep_freed_memory = lambda: False
recipe = recipes.get("dcgan")
training = trainer.Trainer(recipe, recipe.settings({"batch_size": 32}), load("digits", 64))
for _ in range(5):  # the first steps take what the others need
    training.train_step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    training.train_step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux") or not keep_freed_memory(), reason="another C library")
def test_steps_keep_their_memory() -> None:
    faults = {}
    for memory in ("kept", "given back"):
        command = [sys.executable, "-c", PAGE_FAULTS, memory]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        faults[memory] = int(done.stdout)
    assert faults["kept"] < faults["given back"] / 5


def test_pixels_of_a_palette_are_mixtures_of_the_colours_of_w() -> None:
    layer, w, logits = palette.Palette(3, 2, 5), torch.randn(4, 5), torch.zeros(4, 3, 2, 2)
    logits[:, 1, 0, 1] = 50  # the upper right pixel is all of colour 1
    drawn, colours = layer(logits, w), layer.colours(w).view(4, 3, 2)
    assert_close(drawn[:, :, 0, 1], colours[:, 1])
    assert_close(drawn[:, :, 1, 0], colours.mean(1))  # equal logits: equal shares


@pytest.mark.parametrize("name", ["stylegan2", "projected_gan", "stackgan"])
def test_a_sharp_palette_leaves_only_its_colours(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.get(name)
    changes = {"palette": 3, **({"judge": ""} if name == "projected_gan" else {})}
    hparams = changed(recipe.tiny, changes)
    spec = DataSpec({"real": (3, 32, 32), **({"caption": (2, 6)} if name == "stackgan" else {})})
    networks = recipe.build(hparams, spec)
    latents = torch.randn(2, hparams.latent_size)
    labels = torch.tensor([[3, 4, 0, 0, 0, 0], [5, 2, 1, 0, 0, 0]]) if name == "stackgan" else None
    networks["generator"].eval()
    assert recipe.draw is not None
    mixed = recipe.draw(networks, hparams, latents, labels)
    assert mixed.shape == (2, 3, 32, 32)
    monkeypatch.setattr(palette, "LOGIT_GAIN", 1e8)
    for image, smooth in zip(recipe.draw(networks, hparams, latents, labels), mixed, strict=True):
        assert len(smooth.flatten(1).T.unique(dim=0)) > 3
        colours = (image * 255).round().flatten(1).T.unique(dim=0)
        assert 2 <= len(colours) <= 3
