"""A look inside: maps, switched channels, attention, what the discriminator looks at."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint, BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.latent.attribution import (
    NEGATIVE,
    POSITIVE,
    STEPS,
    attribution,
    heat,
)
from gan_core.latent.inside import attention, layer_names, maps, switched
from gan_core.models import publishing
from gan_core.models.discriminators import discriminator_beside, discriminator_from, discriminator_of
from gan_core.models.loading import from_run
from gan_core.runs.store import RunStore
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
from tests.cli.commands import refused
from tests.conftest import example
from tests.latent.models import explorer
from tests.made_models import make_drawer
from tests.made_runs import trained

DRAWING = [recipe.name for recipe in recipes if recipe.draws and recipe.task == "images"]


@pytest.mark.parametrize("name", DRAWING)
def test_every_layer_can_be_seen_and_every_channel_switched_off(name: str) -> None:
    model = explorer(name)
    for weight in model.generator.parameters():
        if not weight.any():  # layers that start at 0 and let nothing through
            torch.nn.init.normal_(weight, 0, 0.3)
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
    with pytest.raises(BadValue, match="has channels 0 to"), switched(model, {layer: [999]}):
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
    assert_close(found.error, (found.complete - 1).abs())
    assert_close(found.logits, linear(images).detach())
    assert_close(attribution(linear, torch.zeros(1, 3, 4, 4)).error, torch.zeros(1))  # grey itself: nothing to explain
    with pytest.raises(BadValue, match="must be at least 1, got 0"):
        attribution(linear, images, steps=0)


class Kinked(nn.Module):
    """A verdict with a sharp bend on the path, which few steps miss."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.weight * torch.sigmoid(100 * (images.mean((1, 2, 3)) - 0.171))


def test_two_hundred_steps_are_taken_and_the_error_is_reported() -> None:
    images = torch.full((1, 1, 4, 4), 0.9)
    few, usual, many = (attribution(Kinked(), images, steps=steps) for steps in (8, STEPS, 2000))
    assert STEPS == 200
    assert float(few.error) > 0.5
    assert float(usual.error) < 0.01
    assert float(many.error) <= float(usual.error) + 1e-5
    assert_close(attribution(Kinked(), images).maps, usual.maps)


class Comparing(nn.Module):
    """A verdict on a batch as a whole, as a minibatch layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        each = (images**3).mean((1, 2, 3))
        return self.weight * (each + each.var(unbiased=False))


@pytest.mark.parametrize("levels", [1, 3])
def test_pictures_on_the_way_are_not_compared_with_each_other(levels: int) -> None:
    """Points on the path are batched where that changes nothing; verdicts of several logits are averaged."""

    class Levels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Comparing()

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.inner(images)[:, None].repeat(1, levels)

    images = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = attribution(Levels(), images)
    assert_close(found.maps, images.sum(1) ** 3 / 16, atol=1e-4, rtol=1e-3)  # the integral of 3 x^2, times x
    assert float(found.error.max()) < 1e-3
    assert found.logits.shape == (2,)


def test_maps_as_pictures() -> None:
    maps = torch.tensor([[[1.0, -1.0], [0.0, 0.5]]])
    shown = heat(maps)
    assert shown.shape == (1, 2, 2, 3)
    assert tuple(shown[0, 0, 0]) == POSITIVE
    assert tuple(shown[0, 0, 1]) == NEGATIVE
    assert tuple(shown[0, 1, 0]) == (255, 255, 255)
    assert (heat(torch.zeros(1, 2, 2)) == 255).all()


def test_the_discriminator_is_of_the_same_step_as_the_samples(tmp_path: Path) -> None:
    """A run in training may write a checkpoint between the two."""
    store = RunStore(tmp_path)
    run = trained(store, "mlp_gan", steps=1)
    sampler = from_run(store, run)
    store.set_steps(run, 2)
    assert Session(store, run).start().join(60)
    first, newest = (read_checkpoint(one.path)["networks"]["discriminator"] for one in store.checkpoints(run)[-2:])
    found = discriminator_beside(sampler).state_dict()
    assert all(torch.equal(found[name], weights) for name, weights in first.items())
    assert not all(torch.equal(found[name], weights) for name, weights in newest.items())


@pytest.mark.parametrize("name", ["dcgan", "cgan"])
def test_attributions_of_a_discriminator_are_nearly_complete(name: str, tmp_path: Path) -> None:
    recipe = recipes.get(name)
    data = example(recipe)
    trainer = Trainer(recipe, recipe.tiny, data)
    state = trainer.state_dict() | {"recipe": name, "hparams": to_dict(recipe.tiny), "spec": data.spec.to_state()}
    words = publishing.Words("Noise", "CC0", "numbers", "nothing", "nothing")
    publishing.publish(state, name, words, ("a", "b", "c"), "noise", tmp_path / "model", half=False)
    discriminator = discriminator_of(str(tmp_path / "model"))
    images = torch.rand(2, *data.spec.fields["real"], generator=torch.Generator().manual_seed(1)) * 2 - 1
    labels = torch.tensor([0, 2]) if recipe.conditional else None
    found = attribution(discriminator, images, labels, steps=64)
    assert found.maps.shape == (2, *images.shape[2:])
    assert_close(found.complete, torch.ones(2), atol=0.05, rtol=0)
    # one at a time, so that a batch's other pictures don't matter
    alone = attribution(discriminator, images[1:], None if labels is None else labels[1:], steps=64)
    assert_close(alone.maps[0], found.maps[1])


def test_a_discriminator_of_views_is_told_the_pose() -> None:
    recipe = recipes.get("triplane")
    data = example(recipe)
    networks = recipe.build(recipe.tiny, data.spec)
    images = torch.rand(2, *data.spec.fields["real"], generator=torch.Generator().manual_seed(1)) * 2 - 1
    found = attribution(networks["discriminator"].eval(), images, torch.tensor([[0.0, 10.0], [90.0, 0.0]]), steps=4)
    assert found.maps.shape == (2, *images.shape[2:])


def test_a_discriminator_that_reads_words_is_refused(home: Path, tmp_path: Path) -> None:
    make_drawer("stackgan.words")
    assert "discriminator also reads words" in refused(2, "attribute", "stackgan.words", "-o", tmp_path / "x.png")


def test_a_file_without_a_discriminator_is_refused() -> None:
    recipe = recipes.get("dcgan")
    spec = DataSpec({"real": (1, 8, 8)}, 0)
    with pytest.raises(BadCheckpoint, match="contains no discriminator"):
        discriminator_from("dcgan", {"hparams": to_dict(recipe.tiny), "spec": spec.to_state(), "networks": {}})


def test_the_first_maps_of_a_network_that_computes_statistics_are_those_of_the_points() -> None:
    model = explorer("biggan")
    layer = list(layer_names(explorer("biggan")))[-1]
    first = maps(model, model.sample(3), layer)
    assert_close(first, maps(model, model.sample(3), layer))
    assert len(first) == 3


def test_a_copy_for_another_user_has_no_hooks() -> None:
    model = explorer("dcgan")
    layer, wanted = next(iter(layer_names(model))), model.draw(model.sample(2))
    copies = []
    with ThreadPoolExecutor(1) as other:
        with switched(model, {layer: [0]}):
            copied = other.submit(lambda: copies.append(model.apart()))
            with suppress(TimeoutError):
                copied.result(0.3)
            assert not copies  # it waits until the channel is on again
        copied.result(60)
    assert_close(copies[0].draw(model.sample(2)), wanted)
