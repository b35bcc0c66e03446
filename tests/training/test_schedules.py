"""Schedules count from the edit that sets them, and do so again when a run is resumed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.data import load
from gan_core.gans import recipes
from gan_core.gans.recipe import Recipe
from gan_core.knobs import changed, knobs
from gan_core.objectives.stabilisers import noise_level, top_k_share
from gan_core.training.trainer import Trainer
from tests.conftest import example

POINTS = recipes.get("points")


def points(**changes: object) -> Trainer:
    return Trainer(POINTS, changed(POINTS.tiny, changes), load("ring8", 2))


def steps(trainer: Trainer, count: int) -> None:
    for _ in range(count):
        trainer.train_step()


@pytest.mark.parametrize("recipe", recipes, ids=lambda recipe: recipe.name)
def test_every_length_of_a_schedule_has_a_clock(recipe: Recipe) -> None:
    for name, knob in knobs(recipe.hparams).items():
        lasts = knob.unit in ("steps", "thousand images") and not name.endswith("_every")
        assert not lasts or knob.change == "rebuild" or knob.clock, name


def test_noise_fades_from_the_edit_on() -> None:
    trainer = points()
    steps(trainer, 7)
    trainer.edit(changed(trainer.hparams, {"instance_noise": 0.7, "instance_noise_steps": 10}))
    levels = []
    for _ in range(11):
        trainer.train_step()
        levels.append(noise_level(trainer.hparams, trainer.context.steps_of("instance_noise")))
    assert levels == pytest.approx([0.7 * (1 - step / 10) for step in range(11)])
    trainer.edit(changed(trainer.hparams, {"generator_rate": 1e-3}))  # another edit leaves the noise alone
    trainer.train_step()
    assert noise_level(trainer.hparams, trainer.context.steps_of("instance_noise")) == 0


def test_averaging_begins_with_the_weights_of_the_edit() -> None:
    trainer = points(ema=0.0)
    steps(trainer, 7)
    before = [weight.detach().clone() for weight in trainer.networks["generator"].parameters()]
    trainer.edit(changed(trainer.hparams, {"ema": 0.5}))
    trainer.train_step()
    live, average = (trainer.networks["generator"], trainer.sampler().networks["generator"])
    for old, new, mean in zip(before, live.parameters(), average.parameters(), strict=True):
        torch.testing.assert_close(mean, (old + new) / 2)


def test_top_k_is_reached_from_the_edit_on() -> None:
    trainer = points()
    steps(trainer, 7)
    trainer.edit(changed(trainer.hparams, {"top_k": 0.5, "top_k_steps": 4}))
    trainer.train_step()
    assert top_k_share(trainer.hparams, trainer.context.steps_of("top_k")) == 1
    steps(trainer, 2)
    assert top_k_share(trainer.hparams, trainer.context.steps_of("top_k")) == 0.75


@pytest.mark.parametrize(
    ("changes", "factors"),
    [
        ({"schedule": "linear", "decay_steps": 4}, [1, 1, 1, 0.5, 0]),
        ({"schedule": "exponential", "decay_steps": 1}, [1, 0.5, 0.25]),
        ({"warmup_steps": 4}, [0.25, 0.5, 0.75, 1, 1]),
    ],
)
def test_rates_follow_a_schedule_from_the_edit_on(changes: dict[str, object], factors: list[float]) -> None:
    trainer = points()
    steps(trainer, 9)
    trainer.edit(changed(trainer.hparams, changes))
    base = trainer.hparams.generator_rate
    found = [trainer.train_step().values["rate/generator"] / base for _ in factors]
    assert found == pytest.approx(factors)


def test_a_schedule_that_nobody_edits_counts_from_the_start() -> None:
    trainer = points(schedule="linear", decay_steps=10)
    steps(trainer, 7)
    trainer.edit(changed(trainer.hparams, {"generator_rate": 1e-3}))
    assert trainer.train_step().values["rate/generator"] == pytest.approx(1e-3 * 0.6)


def test_a_warm_up_in_images_counts_from_the_edit_on() -> None:
    recipe = recipes.get("srgan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    steps(trainer, 3)
    trainer.edit(changed(trainer.hparams, {"warm_up": 2 * trainer.hparams.batch_size / 1000}))
    phases = [{name.split("/")[0] for name in trainer.train_step().terms} for _ in range(3)]
    assert phases == [{"warm_up"}, {"warm_up"}, {"discriminator", "generator"}]


def test_a_run_resumes_bit_for_bit_in_the_middle_of_an_edited_schedule(tmp_path: Path) -> None:
    changes = {"instance_noise": 0.5, "instance_noise_steps": 12, "schedule": "cosine", "decay_steps": 20}
    straight = points()
    steps(straight, 5)
    straight.edit(changed(straight.hparams, changes))
    steps(straight, 4)
    write_checkpoint(tmp_path / "half.safetensors", straight.state_dict())
    resumed = Trainer(POINTS, straight.hparams, load("ring8", 2))
    load_state(resumed, read_checkpoint(tmp_path / "half.safetensors"))
    steps(straight, 5)
    steps(resumed, 5)
    assert same_state(straight.state_dict(), resumed.state_dict())
    late = points()
    steps(late, 14)
    assert not same_state(straight.state_dict()["networks"], late.state_dict()["networks"])


@pytest.mark.parametrize("every", [1, 3])
def test_a_penalty_is_set_in_a_running_run(every: int, tmp_path: Path) -> None:
    trainer = points()
    steps(trainer, 4)
    trainer.edit(changed(trainer.hparams, {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": every}))
    name = "discriminator/penalty" if every == 1 else "penalty/penalty"
    shown = [step for step in range(4, 10) if name in trainer.train_step().terms]
    assert shown == [step for step in range(4, 10) if step % every == 0]
    group = trainer.optimizers["discriminator"].param_groups[0]
    share = every / (every + 1) if every > 1 else 1
    assert group["lr"] == pytest.approx(trainer.hparams.discriminator_rate * share)
    assert group["betas"] == pytest.approx((trainer.hparams.beta1**share, trainer.hparams.beta2**share))
    moments = next(iter(trainer.optimizers["discriminator"].state.values()))
    assert int(moments["step"]) > 6  # they went on
    write_checkpoint(tmp_path / "half.safetensors", trainer.state_dict())
    resumed = Trainer(POINTS, trainer.hparams, load("ring8", 2))
    load_state(resumed, read_checkpoint(tmp_path / "half.safetensors"))
    steps(trainer, 4)
    steps(resumed, 4)
    assert same_state(trainer.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("every", [1, 2])
def test_weights_are_clipped_after_each_update(every: int) -> None:
    trainer = points(weight_clip=0.01, penalty="r1", penalty_every=every, discriminator_rate=0.1)
    for step in range(2):
        assert ("penalty/penalty" in trainer.train_step(only="discriminator").terms) == (every == 2 and not step)
        weights = [weight.detach().abs().max() for weight in trainer.networks["discriminator"].parameters()]
        assert float(max(weights)) <= 0.01 + 1e-9


PENALISED = [recipe for recipe in recipes if "penalty" in knobs(recipe.hparams)]


@pytest.mark.parametrize("recipe", PENALISED, ids=lambda recipe: recipe.name)
def test_a_penalty_is_live_exactly_where_the_networks_stay_the_same(recipe: Recipe) -> None:
    spec = example(recipe).spec
    found = []
    for penalty in ("none", "r1"):
        hparams = changed(recipe.tiny, {"penalty": penalty, "unroll_steps": 0})
        weights = recipe.build(hparams, spec)["discriminator"].state_dict()
        found.append((hparams.normalised, {name: value.shape for name, value in weights.items()}))
    (before, without), (after, with_penalty) = found
    assert (before == after) == (without == with_penalty)
