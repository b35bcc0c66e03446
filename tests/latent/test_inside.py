"""A look inside: maps, switched channels, attention, what the discriminator looks at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint, BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.latent.attribution import attribution, discriminator_from, discriminator_of
from gan_core.latent.inside import attention, layer_names, maps, switched
from gan_core.models import shelf
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.latent.models import explorer

DRAWING = [recipe.name for recipe in recipes if recipe.draws and recipe.task == "images"]


@pytest.mark.parametrize("name", DRAWING)
def test_every_layer_can_be_seen_and_every_channel_switched_off(name: str) -> None:
    model = explorer(name)
    points = model.sample(2)
    before, layers = model.draw(points), layer_names(model)
    assert len(layers) >= 2
    for layer, shape in layers.items():
        assert maps(model, points, layer).shape == (2, *shape)
    changed = 0
    for layer, shape in layers.items():
        with switched(model, {layer: range(shape[0])}):
            changed += not torch.equal(model.draw(points), before)
        with switched(model, {layer: [0]}, scale=1.0):
            assert torch.equal(model.draw(points), before)
    assert changed >= len(layers) / 2
    assert torch.equal(model.draw(points), before)  # nothing is left behind


def test_a_switched_channel_is_zero_in_what_follows() -> None:
    model = explorer("dcgan")
    points, layers = model.sample(2), layer_names(model)
    layer = next(iter(layers))
    with switched(model, {layer: [1]}):
        seen = maps(model, points, layer)
    assert (seen[:, 1] == 0).all()
    assert (seen[:, 0] != 0).any()
    with pytest.raises(UnknownName, match="no layer named 'x'"), switched(model, {"x": [0]}):
        pass
    with pytest.raises(BadValue, match="has the channels 0 to"), switched(model, {layer: [999]}):
        pass
    with pytest.raises(BadValue, match="strength of a channel"), switched(model, {layer: [0]}, scale=11):
        pass


def test_noise_can_be_left_out() -> None:
    model = explorer("stylegan2")
    points = model.sample(2)
    assert not torch.equal(model.draw(points, "none"), model.draw(points))
    assert torch.equal(model.draw(points, "none"), model.draw(points, "none"))


@pytest.mark.parametrize("name", ["sagan", "biggan"])
def test_attention_sums_to_one(name: str) -> None:
    model = explorer(name)
    found = attention(model, model.sample(2))
    for where in found.values():
        assert_close(where.sum((3, 4)), torch.ones(where.shape[:3]), atol=1e-5, rtol=0)
    plain = explorer("dcgan")
    with pytest.raises(BadValue, match="has no attention"):
        attention(plain, plain.sample(1))


def test_attributions_of_a_linear_verdict_are_its_weights_times_the_picture() -> None:
    weights = torch.randn(1, 3 * 4 * 4, generator=torch.Generator().manual_seed(0))
    linear = nn.Sequential(nn.Flatten(), nn.Linear(48, 1), nn.Flatten(0))
    linear[1].weight.data = weights
    images = torch.rand(2, 3, 4, 4) * 2 - 1
    found = attribution(linear, images, steps=4)
    assert_close(found.maps, (images * weights.reshape(3, 4, 4)).sum(1), atol=1e-5, rtol=1e-4)
    assert_close(found.complete, torch.ones(2), atol=1e-3, rtol=0)
    assert_close(found.logits, linear(images).detach())


@pytest.mark.parametrize("name", ["dcgan", "cgan"])
def test_attributions_of_a_discriminator_are_nearly_complete(name: str, tmp_path: Path) -> None:
    recipe = recipes.get(name)
    data = example(recipe)
    trainer = Trainer(recipe, recipe.tiny, data)
    state = trainer.state_dict() | {"recipe": name, "hparams": to_dict(recipe.tiny), "spec": data.spec.to_state()}
    words = shelf.Words("Noise", "CC0", "numbers", "nothing", "nothing")
    shelf.publish(state, name, words, ("a", "b", "c"), "noise", tmp_path / "model", half=False)
    discriminator = discriminator_of(str(tmp_path / "model"))
    images = torch.rand(2, *data.spec.fields["real"], generator=torch.Generator().manual_seed(1)) * 2 - 1
    labels = torch.tensor([0, 2]) if recipe.conditional else None
    found = attribution(discriminator, images, labels, steps=64)
    assert found.maps.shape == (2, *images.shape[2:])
    assert_close(found.complete, torch.ones(2), atol=0.05, rtol=0)
    # one at a time, so that a batch's other pictures don't matter
    alone = attribution(discriminator, images[1:], None if labels is None else labels[1:], steps=64)
    assert_close(alone.maps[0], found.maps[1])


def test_a_file_without_a_discriminator_is_refused() -> None:
    recipe = recipes.get("dcgan")
    spec = DataSpec({"real": (1, 8, 8)}, 0)
    with pytest.raises(BadCheckpoint, match="has no discriminator"):
        discriminator_from("dcgan", {"hparams": to_dict(recipe.tiny), "spec": spec.to_state(), "networks": {}})
