"""ACGAN: its terms by hand, which networks they train, and that classes take effect."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.gans.acgan import AcganHParams
from gan_core.knobs import changed
from gan_core.objectives.adversarial import DiscriminatorOutput, Fakes
from gan_core.objectives.auxiliary import AuxiliaryClassifier
from gan_core.objectives.base import StepContext
from gan_core.training.trainer import Trainer
from tests.objectives.services import FixedServices


def context(weight: float) -> StepContext:
    """A context whose classifier returns the features as class logits."""
    networks = {"classifier": nn.Identity()}
    return StepContext(networks, AcganHParams(class_weight=weight), torch.Generator(), FixedServices())


def test_the_terms_by_hand() -> None:
    objective, asked = AuxiliaryClassifier(AcganHParams()), context(weight=2.0)
    # softmax(log 3, 0) = (3/4, 1/4); softmax(0, 0) = (1/2, 1/2)
    real = DiscriminatorOutput(torch.zeros(2), torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]))
    fake = DiscriminatorOutput(torch.zeros(2), torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]]))
    batch, fakes = {"label": torch.tensor([0, 1])}, Fakes(torch.zeros(2), torch.zeros(2, 4), torch.tensor([1, 0]))
    terms = objective.discriminator_extras(asked.networks, real, fake, batch, fakes, asked)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {
            "class_real": -2 * (math.log(3 / 4) + math.log(1 / 2)) / 2,
            "class_fake": -2 * (math.log(1 / 4) + math.log(3 / 4)) / 2,
        }
    )
    terms = objective.generator_extras(asked.networks, fake, fakes, asked)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {"class": -2 * (math.log(1 / 4) + math.log(3 / 4)) / 2}
    )
    # the second real image has equal logits, and so counts as the first class
    assert asked.observed["class_accuracy"].tolist() == [True, False]


def test_the_classifier_learns_with_the_discriminator_and_teaches_the_generator(labelled: DataSet) -> None:
    recipe = recipes.get("acgan")
    assert recipe.optimizers["discriminator"](recipe.tiny).networks == ("discriminator", "classifier")
    trainer = Trainer(recipe, recipe.tiny, labelled)
    result = trainer.train_step()
    assert {"discriminator/class_real", "discriminator/class_fake", "generator/class"} <= result.terms.keys()
    # the class alone, without the adversarial term, reaches the generator's embedding through the classifier
    asked, batch = trainer.context, trainer.batches.first(4)
    for network in trainer.networks.values():
        network.requires_grad_(True).zero_grad()
    fakes = trainer.objective.generate(trainer.networks, batch, asked)
    output = trainer.objective.discriminate(trainer.networks["discriminator"], fakes.images, fakes.labels)
    torch.autograd.backward(trainer.objective.generator_extras(trainer.networks, output, fakes, asked)["class"])
    assert float(trainer.networks["generator"].embedding.weight.grad.abs().sum()) > 0
    assert trainer.networks["discriminator"].head.weight.grad is None  # the class is read before the verdict


def test_metrics_show_the_classifiers_accuracy(labelled: DataSet) -> None:
    trainer = Trainer(recipes.get("acgan"), recipes.get("acgan").tiny, labelled)
    observed = {name: values.unsqueeze(0) for name, values in trainer.train_step().observed.items()}
    summary = trainer.objective.summarise(trainer.hparams, observed)
    assert float(summary["class_accuracy"]) in (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    "changes",
    [{"stem": "linear"}, {"minibatch": "standard_deviation"}, {"minibatch": "discrimination"}, {"unroll_steps": 1}],
)
def test_the_classifier_fits_every_body(labelled: DataSet, changes: dict[str, object]) -> None:
    recipe = recipes.get("acgan")
    result = Trainer(recipe, changed(recipe.tiny, changes), labelled).train_step()
    assert all(term.isfinite() for term in result.terms.values())


def test_the_generator_learns_to_draw_the_requested_class() -> None:
    # two classes, black and white: after some steps the samples are dark or bright as requested
    labels = torch.arange(24) % 2
    data = DataSet("two", {"real": (labels * 255)[:, None, None, None].expand(24, 1, 8, 8).byte().numpy(),
                           "label": labels.numpy()}, ("black", "white"))  # fmt: skip
    recipe = recipes.get("acgan")
    hparams = changed(recipe.tiny, {"batch_size": 8, "generator_rate": 2e-3, "discriminator_rate": 2e-3, "ema": 0.0})
    trainer = Trainer(recipe, hparams, data)
    for _ in range(150):
        trainer.train_step()
    networks = trainer.ema.refresh()
    latents = torch.randn(16, hparams.latent_size, generator=torch.Generator().manual_seed(0))
    dark, bright = (recipe.draw(networks, hparams, latents, torch.full((16,), label)).mean().item() for label in (0, 1))
    assert bright - dark > 0.5
