"""The trainer supports the hard cases, and each resumes bit for bit through a checkpoint file."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from gan_core.checkpoint import load_state, read_checkpoint, same_state, write_checkpoint
from gan_core.training.trainer import Trainer
from tests.training.toys import TOYS, Toy

STEPS = 12


def trainer_of(toy: Toy) -> Trainer:
    return Trainer(toy.recipe, toy.hparams, toy.data)


@pytest.mark.parametrize("name", TOYS)
def test_resumes_bit_for_bit(name: str, tmp_path: Path) -> None:
    straight = trainer_of(TOYS[name]())
    for _ in range(STEPS):
        straight.train_step()

    first = trainer_of(TOYS[name]())
    for _ in range(STEPS // 2 + 1):
        first.train_step()
    write_checkpoint(tmp_path / "half.safetensors", first.state_dict())
    torch.randn(7)  # what others draw from the global generator must not matter
    second = trainer_of(TOYS[name]())
    load_state(second, read_checkpoint(tmp_path / "half.safetensors"))
    while second.step < STEPS:
        result = second.train_step()

    assert all(term.isfinite() for term in result.terms.values())
    assert same_state(straight.state_dict(), second.state_dict())


@pytest.mark.parametrize("name", TOYS)
def test_each_phase_moves_its_own_group_alone(name: str) -> None:
    trainer = trainer_of(TOYS[name]())
    for _ in range(6):  # past warm-ups
        trainer.train_step()
    moved_by: dict[str, set[str]] = {}
    update = trainer._update

    def watched(phase, batch, result):  # type: ignore[no-untyped-def]
        before = {n: copy.deepcopy(list(net.parameters())) for n, net in trainer.networks.items()}
        update(phase, batch, result)
        moved = {
            n
            for n, net in trainer.networks.items()
            if any(not torch.equal(a, b) for a, b in zip(before[n], net.parameters(), strict=True))
        }
        moved_by.setdefault(phase.name, set()).update(moved)

    trainer._update = watched  # type: ignore[method-assign]
    for _ in range(3):
        trainer.train_step()
    for phase in trainer.phases:
        if phase.name in moved_by:
            assert moved_by[phase.name] == set(trainer._specs[phase.group].networks)


def test_critic_takes_its_steps_on_new_images() -> None:
    trainer = trainer_of(TOYS["critic_steps"]())
    seen = []
    gather = trainer.batches.next
    trainer.batches.next = lambda count: seen.append(gather(count)) or seen[-1]  # type: ignore[method-assign,func-returns-value]
    trainer.train_step()
    assert len(seen) == 3
    assert not torch.equal(seen[0]["real"], seen[1]["real"])


def test_lazy_penalty_comes_every_third_step_and_corrects_the_optimizer() -> None:
    trainer = trainer_of(TOYS["lazy_penalty"]())
    with_penalty = [step for step in range(7) if "penalty/penalty" in trainer.train_step().terms]
    assert with_penalty == [0, 3, 6]
    group = trainer.optimizers["discriminator"].param_groups[0]
    assert group["lr"] == pytest.approx(trainer.hparams.discriminator_rate * 3 / 4)
    assert group["betas"] == pytest.approx((0.5**0.75, 0.999**0.75))
    assert trainer.optimizers["generator"].param_groups[0]["lr"] == pytest.approx(trainer.hparams.generator_rate)


def test_growing_changes_batch_and_alpha_within_the_run() -> None:
    trainer = trainer_of(TOYS["growing"]())
    results = [trainer.train_step() for _ in range(11)]
    alphas = [result.values["schedule/alpha"] for result in results]
    assert alphas[:6] == [0, 0, 0, 0, 0, 0.25]
    assert alphas[-1] == 1
    assert trainer.images_seen == 8 * 4 + 3 * 2
    assert float(trainer.ema.networks["generator"].alpha) == 0  # until it is refreshed
    assert float(trainer.ema.refresh()["generator"].alpha) == 1


def test_warm_up_window_is_counted_in_images() -> None:
    trainer = trainer_of(TOYS["warm_up"]())
    phases = [{name.split("/")[0] for name in trainer.train_step().terms} for _ in range(7)]
    assert phases == [{"warm_up"}] * 5 + [{"discriminator", "generator"}] * 2


def test_unrolling_changes_the_generators_gradient() -> None:
    unrolled, plain = trainer_of(TOYS["unrolled"]()), trainer_of(TOYS["unrolled"]())
    plain.context.optimizer_of = lambda group: torch.optim.SGD([torch.zeros(1)], lr=0.0)  # looks no step ahead
    for trainer in (unrolled, plain):
        for weights in trainer.optimizers["discriminator"].param_groups:
            weights["lr"] = 0.5
        trainer._set_rates = lambda result: None  # type: ignore[method-assign]
        trainer.train_step()
    first, second = (next(trainer.networks["generator"].parameters()).grad for trainer in (unrolled, plain))
    assert not torch.allclose(first, second)


def test_pool_holds_past_fakes() -> None:
    trainer = trainer_of(TOYS["replay_pool"]())
    trainer.train_step()
    first = trainer.objective.pool_a.clone()
    assert int(trainer.objective.filled) == 4
    trainer.train_step()
    assert int(trainer.objective.filled) == 5
    assert torch.equal(trainer.objective.pool_a[4], first[0])


def test_only_one_role_is_stepped() -> None:
    trainer = trainer_of(TOYS["replay_pool"]())
    before = copy.deepcopy(trainer.networks["discriminator_a"].state_dict())
    result = trainer.train_step(only="generator")
    assert {name.split("/")[0] for name in result.terms} == {"generators"}
    assert same_state(before, trainer.networks["discriminator_a"].state_dict())
