"""The supervised objective: its golden value, and random transformations that keep an image's class."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from gan_core.data.base import DataSet, DataSpec
from gan_core.gans import recipes
from gan_core.gans.feature_net import FeatureClassifier, FeatureNetHParams
from gan_core.knobs import changed
from gan_core.objectives.augment import uniform
from gan_core.objectives.base import StepContext
from gan_core.objectives.supervised import Supervised, SupervisedHParams, random_affine
from gan_core.training.trainer import Trainer
from tests.objectives.services import FixedServices


class Fixed(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, torch.tensor([[0.0, math.log(3)], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("smoothing", "expected"),
    [
        # p = (1/4, 3/4) and (1/2, 1/2), labels 1 and 0
        (0.0, (math.log(4 / 3) + math.log(2)) / 2),
        # targets (0.1, 0.9) and (0.9, 0.1)
        (0.2, (0.9 * math.log(4 / 3) + 0.1 * math.log(4) + math.log(2)) / 2),
    ],
)
def test_cross_entropy_by_hand(smoothing: float, expected: float) -> None:
    hparams = SupervisedHParams(augment=0.0, smoothing=smoothing)
    networks = {"features": Fixed()}
    context = StepContext(networks, hparams, torch.Generator(), FixedServices())
    objective = Supervised()
    objective.setup(networks, DataSpec({"real": (1, 8, 8)}, 2))
    (phase,) = objective.phases(hparams)
    terms = phase.terms(networks, {"real": torch.zeros(2, 1, 8, 8), "label": torch.tensor([1, 0])}, context)
    assert float(terms["cross_entropy"]) == pytest.approx(expected, rel=1e-6)
    right = objective.summarise(hparams, {"class_accuracy": context.observed["class_accuracy"][None]})
    assert right["class_accuracy"].tolist() == [1.0]  # a tie goes to the first class, which is right


def test_attributes_are_learnt_side_by_side() -> None:
    """Two attributes of two and three values; losses by hand: log 4/3 + log 2, and log 3 twice."""

    class Heads(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, torch.tensor([[0.0, math.log(3), 0, 0, 0], [0.0, 0.0, 0, 0, 0]])

    objective = Supervised()
    networks = {"features": Heads()}
    objective.setup(networks, DataSpec({"real": (1, 8, 8)}, 0, {"hat": 2, "hair": 3}))
    context = StepContext(networks, SupervisedHParams(augment=0.0), torch.Generator(), FixedServices())
    (phase,) = objective.phases(context.hparams)
    truths = torch.tensor([[1, 2], [0, 0]])
    terms = phase.terms(networks, {"real": torch.zeros(2, 1, 8, 8), "attributes": truths}, context)
    assert float(terms["cross_entropy"]) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2 + math.log(3), rel=1e-6)
    assert context.observed["class_accuracy"].tolist() == [0.5, 1.0]  # a tie goes to the first value


def test_altered_images_stay_what_they_are() -> None:
    random = uniform(torch.Generator().manual_seed(0), torch.device("cpu"))
    images = torch.full((64, 1, 28, 28), -1.0)
    images[:, :, 10:18, 12:16] = 1
    torch.testing.assert_close(random_affine(images, random, 0.0), images, atol=1e-4, rtol=0)
    moved = random_affine(images, random, 1.0)
    assert not torch.equal(moved[0], moved[1])
    mass, before = (moved + 1).sum((1, 2, 3)), (images + 1).sum((1, 2, 3))
    assert float(((mass / before) - 1).abs().max()) < 0.5
    rows = torch.arange(28.0)
    centre = ((moved + 1).sum((1, 3)) * rows).sum(1) / mass
    assert 0.5 < float((centre - 13.5).abs().max()) < 6
    # never mirrored: the brighter half stays on its side
    halves = torch.cat([torch.ones(64, 1, 28, 14), -torch.ones(64, 1, 28, 14)], 3)
    turned = random_affine(halves, random, 1.0)
    assert bool((turned[..., :14].mean((1, 2, 3)) > turned[..., 14:].mean((1, 2, 3))).all())


def test_only_the_runs_seed_decides_what_is_altered(labelled: DataSet) -> None:
    recipe = recipes.get("feature_net")
    losses = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        losses.append(float(Trainer(recipe, recipe.tiny, labelled).train_step().terms["features/loss"]))
    assert losses[0] == losses[1]
    plain = Trainer(recipe, changed(recipe.tiny, {"augment": 0.0}), labelled)
    assert float(plain.train_step().terms["features/loss"]) != losses[0]


@pytest.mark.parametrize("size", [8, 28, 32, 64])
def test_features_of_every_size(size: int) -> None:
    network = FeatureClassifier(3, size, 5, FeatureNetHParams(channels=4, max_channels=8, features=7)).eval()
    features, logits = network(torch.randn(2, 3, size, size))
    assert features.shape == (2, 7)
    assert logits.shape == (2, 5)
    torch.testing.assert_close(network.head(features), logits)
