"""Generators trained without a discriminator: golden numbers of their losses, and that they learn the ring."""

from __future__ import annotations

import math

import pytest
import torch

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.doctor.case import Case, Subject
from gan_core.doctor.diagnosis import diagnose
from gan_core.doctor.finding import Finding
from gan_core.errors import BadValue
from gan_core.gans import diffusion, recipes
from gan_core.metrics import density
from gan_core.metrics.points import SAMPLES, coverage
from gan_core.models.sampler import Sampler
from gan_core.objectives import denoising, variational
from gan_core.runs.records import Metrics
from gan_core.training.trainer import Trainer
from tests.conftest import images
from tests.learning import stages


def test_golden_numbers_of_the_vae() -> None:
    items, made = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 2.0], [3.0, 4.0]])
    # squared errors 1 and 25, mean 13, over 2 * 0.5^2
    assert float(variational.reconstruction(items, made, 0.5)) == pytest.approx(26)
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    # (1 + 1 - 1 - 0) / 2 + (0 + 4 - 1 - log 4) / 2
    assert float(variational.kl_to_normal(mean, log_variance)) == pytest.approx(0.5 + 1.5 - math.log(2))


def test_the_last_level_is_nearly_noise_and_the_first_nearly_clean() -> None:
    for levels in (200, 1000):
        shares = denoising.kept(levels)
        assert float(shares[0]) > 0.999
        assert float(shares[-1]) == pytest.approx(math.exp(-10), rel=0.7)
    share = torch.tensor([0.64])
    noisy = denoising.add_noise(torch.tensor([[2.0]]), torch.tensor([[1.0]]), share)
    assert float(noisy) == pytest.approx(0.8 * 2 + 0.6 * 1)
    assert float(denoising.denoised(noisy, torch.tensor([[1.0]]), share)) == pytest.approx(2)
    assert float(denoising.noise_of(noisy, torch.tensor([[2.0]]), share)) == pytest.approx(1)


def test_the_levels_of_sampling() -> None:
    assert diffusion.descent(200, 1) == [199]
    assert diffusion.descent(10, 3) == [9, 6, 3]
    assert len(set(diffusion.descent(200, 200))) == 200


def test_too_small_a_noise_is_refused() -> None:
    recipe = recipes.get("diffusion")
    with pytest.raises(BadValue, match="at least 64, not 10"):
        recipe.build(recipe.settings({"latent_size": 10}), DataSet("x", {"real": images(2, 8)}).spec)


@pytest.mark.parametrize("loss", ["vae/loss", "denoiser/loss"])
def test_a_run_without_an_opponent_is_judged_by_its_samples(loss: str) -> None:
    import numpy as np

    steps = np.arange(1, 701)
    columns = {loss: np.linspace(3, 1, 700), "gradient_norm/vae": np.ones(700)}

    def found(variety: float, count: int = 700) -> Finding:
        run = Metrics(steps[:count], {name: values[:count] for name, values in columns.items()})
        looks = Metrics(steps[:count:50], {"variety": np.full(len(steps[:count:50]), variety)})
        return diagnose(Case(run, Subject(), looks))[0]

    assert found(0.9).level == "good"
    assert found(0.1).kind == "samples_alike"
    assert "network is still" in found(0.9, 50).cause


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps", "every"), [("vae_points", 1500, 250), ("diffusion_points", 2500, 2500)])
def test_the_ring_is_learnt_without_losing_a_mode(name: str, steps: int, every: int) -> None:
    """All eight modes, and a JS divergence far below that of a collapse, which is 0.72 bit."""
    recipe = recipes.get(name)
    preset = recipe.preset("ring8")
    trainer = Trainer(recipe, recipe.settings({**preset.hparams, "decay_steps": steps}), data.load("ring8", 2))
    sampler = Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    for _step in stages(trainer, steps, every):
        points = sampler.sample(density.SAMPLES).numpy()
        counted = coverage(points[:SAMPLES], data.modes_of("ring8"))  # type: ignore[arg-type]
        divergence = density.yardstick("ring8").measure(points.astype(float)).js
        if counted.covered == 8 and counted.quality > 0.2 and divergence < 0.3:
            break
    assert counted.covered == 8
    assert counted.quality > 0.2
    assert divergence < 0.3
