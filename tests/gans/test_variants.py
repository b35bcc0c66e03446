"""The recipes that are another setting of DCGAN: the settings of their papers, and the additions of each to a step."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gan_core.gans import recipes
from gan_core.gans.dcgan import DcganDiscriminator
from gan_core.gans.variants import QUICK
from gan_core.training.trainer import StepResult, Trainer
from tests.conftest import example

PAPERS: dict[str, dict[str, Any]] = {
    "wgan": {
        "loss": "wasserstein", "weight_clip": 0.01, "optimizer": "rmsprop", "generator_rate": 5e-5,
        "discriminator_rate": 5e-5, "discriminator_steps": 5, "batch_size": 64,
    },
    "wgan_gp": {
        "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 10.0, "beta1": 0.0, "beta2": 0.9,
        "generator_rate": 1e-4, "discriminator_rate": 1e-4, "discriminator_steps": 5, "batch_size": 64,
    },
    "wgan_div": {
        "loss": "wasserstein", "penalty": "divergence", "penalty_weight": 2.0, "generator_rate": 2e-4,
        "discriminator_rate": 2e-4,
    },
    "softmax_gan": {"loss": "softmax"},
    "bgan": {"loss": "boundary_seeking"},
    "lsgan": {"loss": "least_squares"},
    "rsgan": {"loss": "non_saturating", "relativistic": "standard"},
    "ragan": {"loss": "non_saturating", "relativistic": "average"},
    "dragan": {"loss": "non_saturating", "penalty": "dragan", "penalty_weight": 10.0},
    "unrolled_gan": {"unroll_steps": 5},
    "gan_feature_matching": {"feature_matching": True},
    "gan_minibatch": {"minibatch": "discrimination"},
}  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_defaults_are_the_papers(name: str) -> None:
    hparams = recipes.get(name).hparams
    assert {knob: getattr(hparams, knob) for knob in PAPERS[name]} == PAPERS[name]


@pytest.mark.parametrize("name", PAPERS)
def test_variants_differ_from_dcgan_in_their_settings_alone(name: str) -> None:
    recipe, dcgan = recipes.get(name), recipes.get("dcgan")
    assert (recipe.networks, recipe.objective, recipe.sizes) == (dcgan.networks, dcgan.objective, dcgan.sizes)
    assert recipe.paper != dcgan.paper
    assert recipe.title != dcgan.title
    (preset,) = recipe.presets
    assert preset.seconds <= 300
    hparams = recipe.settings(preset.hparams)
    changed = {knob for knob in PAPERS[name] if getattr(hparams, knob) != PAPERS[name][knob]}
    assert changed <= {*QUICK, "penalty_weight", "unroll_steps"}  # a preset shows what its name says


def step(name: str) -> tuple[Trainer, StepResult]:
    recipe = recipes.get(name)
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    return trainer, trainer.train_step()


def test_what_each_variant_adds_to_a_step() -> None:
    terms = {name: {term for term in step(name)[1].terms if not term.endswith("/loss")} for name in PAPERS}
    classic = {"discriminator/real", "discriminator/fake", "generator/adversarial"}
    relative = {"discriminator/relative", "generator/adversarial"}
    assert terms == {
        "wgan": classic,
        "wgan_gp": classic | {"discriminator/penalty"},
        "wgan_div": classic | {"discriminator/penalty"},
        "softmax_gan": classic - {"discriminator/fake"} | {"discriminator/partition"},
        "bgan": classic,
        "lsgan": classic,
        "rsgan": relative,
        "ragan": classic,
        "dragan": classic | {"discriminator/penalty"},
        "unrolled_gan": classic,
        "gan_feature_matching": classic - {"generator/adversarial"} | {"generator/feature_matching"},
        "gan_minibatch": classic,
    }


def test_wgan_clips_and_its_critic_goes_five_times() -> None:
    trainer, _ = step("wgan")
    critic = trainer.networks["discriminator"]
    assert max(float(weight.detach().abs().max()) for weight in critic.parameters()) <= 0.01
    assert {int(state["step"]) for state in trainer.optimizers["discriminator"].state.values()} == {5}


def test_critics_under_a_penalty_have_no_batch_norm() -> None:
    for name in ("wgan_gp", "dragan"):
        critic = step(name)[0].networks["discriminator"]
        assert isinstance(critic, DcganDiscriminator)
        assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in critic.modules())


@pytest.mark.parametrize("name", PAPERS)
def test_the_equation_is_the_variants_own(name: str) -> None:
    recipe = recipes.get(name)
    assert recipe.equation is not None
    shown = recipe.equation(recipe.hparams)
    assert "L_" in shown
    own = {
        "wgan": "clip", "wgan_gp": "lVert", "lsgan": "-1)^2", "rsgan": "f_1", "ragan": "f_2", "dragan": "delta",
        "unrolled_gan": r"\theta_D^{k}", "gan_feature_matching": "lVert", "gan_minibatch": "M_{ib}",
        "wgan_div": "rVert^6", "softmax_gan": r"\log Z", "bgan": "))^2",
    }  # fmt: skip
    assert own[name] in shown
    assert shown.count("L_G") == 1
