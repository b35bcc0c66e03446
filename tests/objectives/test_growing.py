"""Progressive growing: the schedule, the direction of the fade-in, and a run that is stopped in the middle of one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate
from torch.testing import assert_close

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.data.base import DataSet
from gan_core.errors import BadValue
from gan_core.gans import Recipe, recipes
from gan_core.knobs import changed, to_dict
from gan_core.layers.style import Growable
from gan_core.models import loading
from gan_core.objectives.growing import GrowthHParams, fade, growth
from gan_core.training.trainer import Trainer
from tests.conftest import images

GROWING = [pytest.param(recipes.get(name), id=name) for name in ("progan", "stylegan")]
KIMG = 1000


def trainer_at(recipe: Recipe, size: int = 16, **changes: object) -> Trainer:
    """4 pixels for 2 steps, 8 fading in for 4 and held for 2, then 16."""
    hparams = changed(recipe.tiny, {"hold_kimg": 0.008, "fade_kimg": 0.016, **changes})
    return Trainer(recipe, hparams, DataSet("random", {"real": images(size=size)}))


def set_stage(network: torch.nn.Module, resolution: int, alpha: float) -> None:
    assert isinstance(network, Growable)
    network.resolution.fill_(resolution)
    network.alpha.fill_(alpha)


def test_the_schedule_holds_fades_and_holds() -> None:
    hparams = GrowthHParams(hold_kimg=10.0, fade_kimg=20.0)
    at = {kimg: growth(hparams, 16, int(kimg * KIMG)) for kimg in (0, 9.999, 10, 15, 29.999, 30, 39, 40, 50, 60, 999)}
    assert at == {
        0: (4, 1.0), 9.999: (4, 1.0), 10: (8, 0.0), 15: (8, 0.25), 29.999: (8, pytest.approx(0.99995)), 30: (8, 1.0),
        39: (8, 1.0), 40: (16, 0.0), 50: (16, 0.5), 60: (16, 1.0), 999: (16, 1.0),
    }  # fmt: skip
    assert growth(GrowthHParams(start_size=64), 16, 0) == (16, 1.0)
    assert growth(GrowthHParams(hold_kimg=0.0, fade_kimg=0.0), 16, 0) == (16, 1.0)
    assert growth(GrowthHParams(hold_kimg=0.0, fade_kimg=1.0), 16, 500) == (8, 0.5)
    with pytest.raises(BadValue, match="power of two"):
        GrowthHParams(start_size=12)


@pytest.mark.parametrize("recipe", GROWING)
def test_a_new_level_starts_without_effect_and_ends_alone(recipe: Recipe) -> None:
    networks = trainer_at(recipe).networks
    generator, discriminator = networks["generator"].eval(), networks["discriminator"]
    latents = torch.randn(4, 4, generator=torch.Generator().manual_seed(0))
    shown = {}
    for resolution, alpha in ((4, 1.0), (8, 0.0), (8, 0.25), (8, 1.0)):
        set_stage(generator, resolution, alpha)
        set_stage(discriminator, resolution, alpha)
        made = generator(latents)
        assert made.shape == (4, 1, 16, 16)
        shown[resolution, alpha] = made, discriminator(interpolate(made, scale_factor=1))
    assert_close(shown[8, 0.0][0], shown[4, 1.0][0])
    assert_close(shown[8, 0.0][1], shown[4, 1.0][1])
    assert_close(shown[8, 0.25][0], 0.75 * shown[4, 1.0][0] + 0.25 * shown[8, 1.0][0])
    assert not torch.allclose(shown[8, 1.0][0], shown[4, 1.0][0])
    # 8 pixels, each repeated
    pixels = avg_pool2d(shown[8, 1.0][0], 2)
    assert_close(interpolate(pixels, scale_factor=2), shown[8, 1.0][0])


def test_real_images_are_as_sharp_as_the_networks_are_grown() -> None:
    network, real = Growable(16), torch.randn(3, 1, 16, 16)
    assert torch.equal(fade(real, network), real)
    set_stage(network, 8, 0.25)
    fours, eights = (interpolate(avg_pool2d(real, factor), scale_factor=factor) for factor in (4, 2))
    assert_close(fade(real, network), 0.75 * fours + 0.25 * eights)
    set_stage(network, 4, 1.0)
    assert_close(fade(real, network), fours)


def test_penalties_see_the_pixels_that_exist() -> None:
    trainer = trainer_at(recipes.get("progan"))
    seen = []
    trainer.networks["discriminator"].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].shape[-1]))
    for _ in range(9):
        seen.clear()
        result = trainer.train_step()
        assert set(seen) == {int(result.values["schedule/resolution"])}
    assert result.values["schedule/resolution"] == 16


@pytest.mark.parametrize("recipe", GROWING)
def test_resolution_and_alpha_are_shown_and_set_in_both_networks(recipe: Recipe) -> None:
    trainer = trainer_at(recipe)
    values = []
    for _ in range(9):
        result = trainer.train_step()
        values.append((result.values["schedule/resolution"], result.values["schedule/alpha"]))
        for network in trainer.networks.values():
            assert (int(network.resolution), float(network.alpha)) == values[-1]
    assert values == [(4, 1), (4, 1), (8, 0), (8, 0.25), (8, 0.5), (8, 0.75), (8, 1), (8, 1), (16, 0)]


@pytest.mark.parametrize("recipe", GROWING)
def test_a_run_resumes_and_samples_in_the_middle_of_a_fade(recipe: Recipe, tmp_path: Path) -> None:
    whole, first = trainer_at(recipe), trainer_at(recipe)
    for _ in range(10):
        whole.train_step()
    for _ in range(5):
        first.train_step()
    drawn = first.ema.refresh()
    state = first.state_dict() | {
        "hparams": to_dict(first.hparams),
        "spec": {"fields": {"real": [1, 16, 16]}, "classes": 0},
    }
    write_checkpoint(tmp_path / "state.safetensors", state)
    loaded = read_checkpoint(tmp_path / "state.safetensors")

    sampler = loading.from_state(recipe.name, loaded)
    assert (int(sampler.networks["generator"].resolution), float(sampler.networks["generator"].alpha)) == (8, 0.5)
    latents, _ = sampler.latents(2, 0)
    expected = recipe.draw(drawn, first.hparams, latents, None)
    assert_close(sampler.draw(latents, None), expected, atol=1e-6, rtol=1e-5)

    resumed = trainer_at(recipe)
    load_state(resumed, loaded)
    for _ in range(5):
        resumed.train_step()
    whole.ema.refresh()
    resumed.ema.refresh()
    assert same_state(whole.state_dict(), resumed.state_dict())
