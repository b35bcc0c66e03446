"""InfoGAN: codes of latents, its terms by hand, which networks they train, and that codes take effect."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
import torch
from torch.distributions import Normal
from torch.testing import assert_close

from gan_core.data.base import DataSet
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.infogan import InfoganHParams
from gan_core.knobs import changed
from gan_core.objectives.adversarial import DiscriminatorOutput, Fakes
from gan_core.objectives.base import StepContext
from gan_core.objectives.information import (
    Information,
    category_bound,
    coded,
    codes_of,
    value_bound,
    with_codes,
)
from gan_core.training.trainer import Trainer
from tests.objectives.services import FixedServices

HPARAMS = InfoganHParams(latent_size=6, categorical_codes=2, categories=4, continuous_codes=1)


def test_codes_are_quantiles_of_the_latents() -> None:
    quantile = NormalDist().inv_cdf
    latents = torch.tensor([[quantile(0.1), quantile(0.6), quantile(0.75), 9.0, 8.0, 7.0], [-9.0, 9.0, 0.0, 1, 2, 3]])
    codes = codes_of(latents, HPARAMS)
    assert codes.categories.tolist() == [[0, 2], [0, 3]]
    assert_close(codes.values, torch.tensor([[0.5], [0.0]]))
    # categories one-hot, then values, then the rest of the latents unchanged
    expected = torch.tensor([
        [1, 0, 0, 0, 0, 0, 1, 0, 0.5, 9, 8, 7],
        [1, 0, 0, 0, 0, 0, 0, 1, 0.0, 1, 2, 3],
    ])  # fmt: skip
    assert_close(coded(latents, HPARAMS), expected)
    assert HPARAMS.code_inputs == expected.shape[1]


def test_codes_of_normal_latents_are_even() -> None:
    codes = codes_of(torch.randn(40_000, 6, generator=torch.Generator().manual_seed(0)), HPARAMS)
    for category in range(4):
        assert float((codes.categories == category).double().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(codes.values.mean()) == pytest.approx(0, abs=0.02)
    assert float(codes.values.var()) == pytest.approx(1 / 3, abs=0.01)


def test_latents_can_be_made_for_codes() -> None:
    latents = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    asked = with_codes(latents, HPARAMS, {1: 3}, {0: -0.5})
    codes, before = codes_of(asked, HPARAMS), codes_of(latents, HPARAMS)
    assert codes.categories[:, 1].tolist() == [3] * 5
    assert torch.equal(codes.categories[:, 0], before.categories[:, 0])
    assert_close(codes.values, torch.full((5, 1), -0.5))
    assert torch.equal(asked[:, 3:], latents[:, 3:])
    for end in (-1.0, 1.0):
        assert float(codes_of(with_codes(latents, HPARAMS, {}, {0: end}), HPARAMS).values[0]) == pytest.approx(
            end, abs=1e-3
        )


def test_codes_that_are_not_there_are_refused() -> None:
    latents = torch.zeros(1, 6)
    for categories, values in (({2: 0}, {}), ({0: 4}, {}), ({}, {1: 0.0}), ({}, {0: 1.1})):
        with pytest.raises(BadValue, match=r"code \d cannot be .* Valid: codes below \d"):
            with_codes(latents, HPARAMS, categories, values)
    for codes in ((0, 0), (5, 2)):
        with pytest.raises(BadValue, match="between 1 and 6, the latent size"):
            InfoganHParams(latent_size=6, categorical_codes=codes[0], continuous_codes=codes[1])


def test_the_bounds_by_hand() -> None:
    # softmax(log 3, 0) = (3/4, 1/4): log Q + log 2 = log 3/2, and log 1/2 for the other category
    guess = torch.tensor([[[math.log(3), 0.0]], [[math.log(3), 0.0]]])
    bound = category_bound(guess, torch.tensor([[0], [1]]))
    assert float(bound) == pytest.approx((math.log(3 / 2) + math.log(1 / 2)) / 2)
    # a certain and correct guess gives the full information: log K for each of two codes
    sure = torch.tensor([[[50.0, 0.0, 0.0], [0.0, 50.0, 0.0]]])
    assert float(category_bound(sure, torch.tensor([[0, 1]]))) == pytest.approx(2 * math.log(3))
    mean, deviation, values = torch.tensor([[0.2], [0.0]]), torch.tensor([[0.5], [2.0]]), torch.tensor([[0.7], [-1.0]])
    expected = (Normal(mean, deviation).log_prob(values) + math.log(2)).mean()
    assert_close(value_bound(mean, deviation.log(), values), expected)


def test_the_terms_are_minus_the_weighted_bounds() -> None:
    hparams = InfoganHParams(latent_size=3, categories=2, continuous_codes=1, category_weight=2, continuous_weight=0.5)
    # the recogniser's output: category logits (log 3, 0), mean 0.1, and a deviation of 1, which is softplus(x + 3) = 3
    raw = math.log(math.expm1(3)) - 3
    networks = {"recogniser": torch.nn.Identity()}
    asked = StepContext(networks, hparams, torch.Generator(), FixedServices())
    output = DiscriminatorOutput(torch.zeros(1), torch.tensor([[math.log(3), 0.0, 0.1, raw]]))
    latents = with_codes(torch.zeros(1, 3), hparams, {0: 0}, {0: 0.6})
    terms = Information(hparams).generator_extras(networks, output, Fakes(torch.zeros(1), latents, None), asked)
    value = -0.5 * 0.5**2 - 0.5 * math.log(2 * math.pi) + math.log(2)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {"category": -2 * math.log(3 / 2), "value": -0.5 * value}
    )
    assert asked.observed["code_accuracy"].tolist() == [[True]]


def test_the_recogniser_learns_with_the_generator(labelled: DataSet) -> None:
    recipe = recipes.get("infogan")
    assert recipe.optimizers["generator"](recipe.tiny).networks == ("generator", "recogniser")
    assert recipe.optimizers["discriminator"](recipe.tiny).networks == ("discriminator",)
    result = Trainer(recipe, recipe.tiny, labelled).train_step()
    assert {"generator/category", "generator/value"} <= result.terms.keys()


@pytest.mark.parametrize(
    "changes",
    [
        {"categorical_codes": 0, "continuous_codes": 5},
        {"categorical_codes": 2, "continuous_codes": 0},
        {"virtual_batch_norm": True},
        {"unroll_steps": 1},
        {"minibatch": "discrimination", "stem": "linear"},
    ],
)
def test_any_number_of_codes_and_any_body_trains(labelled: DataSet, changes: dict[str, object]) -> None:
    recipe = recipes.get("infogan")
    trainer = Trainer(recipe, changed(recipe.tiny, changes), labelled)
    for _ in range(2):
        result = trainer.train_step()
    assert all(term.isfinite() for term in result.terms.values())
    assert ("generator/category" in result.terms) == (changes.get("categorical_codes", 1) != 0)
    assert ("generator/value" in result.terms) == (changes.get("continuous_codes", 2) != 0)


def test_the_generator_reports_its_codes_and_shows_them(labelled: DataSet) -> None:
    recipe = recipes.get("infogan")
    trainer = Trainer(recipe, changed(recipe.tiny, {"generator_rate": 5e-3, "batch_size": 16}), labelled)
    for _ in range(120):
        result = trainer.train_step()
    generator = trainer.networks["generator"]
    latents = torch.randn(6, 5)
    assert torch.equal(generator.codes(latents).categories, codes_of(latents, trainer.hparams).categories)
    # the bound is at most log 3; a third of it requires that samples show the category
    assert float(-result.terms["generator/category"]) > math.log(3) / 3
