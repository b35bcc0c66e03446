"""Distances of features: by hand, and as the content loss of super-resolution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.metrics.perception import Perception, perception
from gan_core.models import listing
from gan_core.objectives.base import StepContext
from gan_core.objectives.super_resolution import SuperResolution
from gan_core.training.trainer import Trainer
from tests.conftest import example
from tests.made_models import make_seer
from tests.objectives.services import FixedServices


def test_a_distance_by_hand() -> None:
    """Two levels: the pixels as they are, and each second pixel, doubled; of two channels each."""
    first, second = nn.Conv2d(2, 2, 1, bias=False), nn.Conv2d(2, 2, 1, stride=2, bias=False)
    first.weight.data = torch.eye(2)[:, :, None, None]
    second.weight.data = 2 * torch.eye(2)[:, :, None, None]
    net = Perception(nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten()))
    one = torch.tensor([[[[3.0, 1.0]], [[4.0, 0.0]]]])  # (1, 2, 1, 2): the places (3, 4) and (1, 0)
    other = torch.tensor([[[[4.0, 0.0]], [[3.0, 2.0]]]])  # (4, 3) and (0, 2)
    # of length 1: (.6, .8) and (.8, .6) are 0.08 apart, (1, 0) and (0, 1) are 2 apart; the coarse level has the first
    assert_close(net(one, other), torch.tensor([((0.08 + 2) / 2 + 0.08) / 2]))
    assert_close(net(one, 5 * one), torch.zeros(1))  # brightness alone has no effect


def test_a_net_of_the_shelf_takes_images_of_any_size(home: Path) -> None:
    make_seer("features.emoji")
    net = perception("features.emoji")
    assert not any(weight.requires_grad for weight in net.parameters())
    images = torch.rand(2, 3, 21, 34) * 2 - 1
    levels = net.levels(images)
    assert [level.shape[2:] for level in levels] == [(21, 34), (11, 17)]
    lengths = levels[0].square().sum(1)
    assert_close(lengths, lengths.round(), atol=0.05, rtol=0)  # 0 where no feature is seen, else 1
    assert lengths.mean() > 0.5
    assert_close(net(images, images), torch.zeros(2))
    other = images.clone().requires_grad_()
    distance = net(images, 0.5 * other.flip(3))
    assert distance.shape == (2,)
    assert (distance > 0).all()
    distance.sum().backward()
    assert other.grad is not None
    assert other.grad.abs().sum() > 0
    grey = images[:, :1]
    assert_close(net(grey, grey.flip(2)), net(grey.expand(-1, 3, -1, -1), grey.flip(2).expand(-1, 3, -1, -1)))


def test_super_resolution_compares_features_once_the_warm_up_is_over(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "none")
    recipe = recipes.get("srgan")
    hparams = replace(recipe.tiny, content="features", features_weight=3.0, warm_up=0.004)
    data = example(recipe)
    with pytest.raises(
        BadValue, match=r"features\.emoji, which isn't among the models.*ganscope pretrain features\.emoji"
    ):
        Trainer(recipe, hparams, data)
    make_seer("features.emoji")
    trainer = Trainer(recipe, hparams, data)
    assert "generator/features" not in trainer.train_step().terms
    assert trainer.train_step().terms["generator/features"] > 0
    assert trainer.state_dict()["objective"] == {}  # the net is the shelf's, and not part of a checkpoint


def test_the_terms_are_those_of_pixels_and_features(home: Path) -> None:
    make_seer("features.emoji")
    recipe = recipes.get("srgan")
    hparams = replace(recipe.tiny, content="features", content_weight=2.0, features_weight=3.0)
    objective = SuperResolution()
    phases = {phase.name: phase for phase in objective.phases(hparams)}

    class Flat(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.zeros(len(images), 3, 2 * images.shape[2], 2 * images.shape[3])

    class Mean(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean((1, 2, 3))

    networks = {"generator": Flat(), "discriminator": Mean()}
    context = StepContext(
        networks,
        hparams,
        torch.Generator().manual_seed(0),
        FixedServices(nets={"features.emoji": perception("features.emoji")}),
    )
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    terms = phases["generator"].terms(networks, {"real": images}, context)
    assert list(terms) == ["content", "features", "adversarial"]
    assert_close(terms["content"], 2 * images.abs().mean())
    expected = 2 * 3 * perception("features.emoji")(torch.zeros_like(images), images).mean()
    assert_close(terms["features"], expected)
    assert list(phases["warm_up"].terms(networks, {"real": images}, context)) == ["content"]
