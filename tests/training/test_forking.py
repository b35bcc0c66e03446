"""What forks keep, and that the record of it is correct."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.checkpoint import read_checkpoint, same_state
from gan_core.data import load
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import forking
from gan_core.training.control import current_hparams, fork
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
from tests.made_runs import end_all

STEPS = 6


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    end_all(store)


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def trained(store: RunStore, recipe: str = "points", steps: int = STEPS, **changes: Any) -> Run:
    found = recipes.get(recipe)
    data, size = ("ring8", 2) if recipe == "points" else ("digits", 8)
    settings = {**{name: getattr(found.tiny, name) for name in found.tiny.__dataclass_fields__}, **changes}
    run = store.create(found.plan(data, size, steps, settings))
    return finished(store, run)


def finished(store: RunStore, run: Run) -> Run:
    assert Session(store, run.id).start().join(120)
    ended = store.get(run.id)
    assert ended.state is RunState.FINISHED, ended.sentence
    return ended


def newest(store: RunStore, id: str) -> dict[str, Any]:
    checkpoint = store.checkpoints(id)[-1]
    return read_checkpoint(checkpoint.path, checkpoint.sha256)


def fork_payload(store: RunStore, id: str) -> dict[str, Any]:
    (event,) = (event for event in store.events(id) if event.kind == "forked")
    return dict(event.payload)


def test_a_fork_continues_exactly_as_after_an_edit(store: RunStore) -> None:
    changes = {"instance_noise": 0.5, "instance_noise_steps": 8, "penalty": "r1", "penalty_weight": 0.1, "ema": 0.9}
    parent = trained(store)
    made = fork(store, parent, changes, steps=STEPS + 5)
    assert (made.step, store.checkpoints(made.id)[-1].step) == (STEPS, STEPS)
    assert fork_payload(store, made.id)["kept"] == ["generator", "discriminator"]
    store.delete(parent.id)  # it is independent of the parent
    finished(store, made)

    edited = Trainer(recipes.get("points"), current_hparams(store, parent_of(made)), load("ring8", 2))
    while edited.step < STEPS + 5:
        if edited.step == STEPS:
            edited.edit(changed(edited.hparams, changes))
        edited.train_step()
    edited.ema.refresh()
    state, saved = edited.state_dict(), newest(store, made.id)
    assert saved["hparams"]["instance_noise"] == 0.5
    assert same_state(state, {name: saved[name] for name in state})
    assert store.metrics(made.id).steps.tolist() == list(range(STEPS + 1, STEPS + 6))


def parent_of(made: Run) -> Run:
    """The run without what the fork changed."""
    unchanged = {
        "instance_noise": 0.0,
        "instance_noise_steps": 0,
        "penalty": "none",
        "penalty_weight": 10.0,
        "ema": 0.99,
    }
    spec = made.spec.with_hparams({**made.spec.hparams, **unchanged})
    return Run(**{**vars(made), "spec": spec})


def test_the_generator_continues_where_a_penalty_removes_the_batch_norm(store: RunStore) -> None:
    parent = trained(store, "dcgan", batch_norm=True)
    made = fork(store, parent, {"penalty": "r1", "penalty_weight": 0.1}, steps=STEPS + 2)
    assert fork_payload(store, made.id) == {
        "run": parent.id, "begun": [], "step": STEPS, "kept": ["generator"], "fresh": ["discriminator"],
        "because": ["penalty"], "began": {},
    }  # fmt: skip
    session = Session(store, made.id).start(paused=True)
    wait(lambda: session.status.state is RunState.PAUSED)
    before, after = newest(store, parent.id), session.trainer.state_dict()
    assert session.trainer.step == STEPS
    assert same_state(before["networks"]["generator"], after["networks"]["generator"])
    assert same_state(before["average"], after["average"])
    assert same_state(before["optimizers"]["generator"], after["optimizers"]["generator"])
    assert not after["optimizers"]["discriminator"]
    assert not any("running_mean" in name for name in after["networks"]["discriminator"])
    session.resume()
    assert session.join(120)
    assert store.get(made.id).state is RunState.FINISHED
    assert store.metrics(made.id).steps.tolist() == [STEPS + 1, STEPS + 2]


DCGAN = {"batch_norm": True, "dropout": 0.1}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, ("generator", "discriminator")),
        ({"loss": "hinge", "weight_clip": 0.1, "optimizer": "sgd"}, ("generator", "discriminator")),
        ({"historical_averaging": 0.001}, ("generator", "discriminator")),
        ({"spectral_norm": "discriminator"}, ("generator",)),
        ({"minibatch": "standard_deviation"}, ("generator",)),
        ({"penalty": "r1", "seed": 3}, ()),
        ({"spectral_norm": "both"}, ()),
        ({"virtual_batch_norm": True}, ()),
        ({"channels": 8}, ()),
        ({"dropout": 0.5}, ()),
        ({"seed": 3}, ()),
    ],
    ids=str,
)
def test_a_fork_keeps_what_was_announced(store: RunStore, changes: dict[str, Any], kept: tuple[str, ...]) -> None:
    parent = trained(store, "dcgan", 2, **DCGAN)
    hparams = changed(current_hparams(store, parent), changes)
    start = forking.start_of(store, parent, hparams)
    assert start.kept == kept
    assert start.step == (2 if kept else 0)
    made = fork(store, parent, changes, steps=3)
    assert fork_payload(store, made.id)["kept"] == list(kept)
    session = Session(store, made.id).start(paused=True)
    wait(lambda: session.status.state is RunState.PAUSED)
    old, new = newest(store, parent.id)["networks"], session.trainer.state_dict()["networks"]
    assert (
        tuple(name for name in new if old[name].keys() == new[name].keys() and same_state(old[name], new[name])) == kept
    )
    assert session.trainer.hparams == hparams
    session.resume()
    assert session.join(120)
    assert store.get(made.id).step == 3


def test_a_fork_starts_from_where_the_run_is(store: RunStore) -> None:
    recipe = recipes.get("points")
    run = store.create(recipe.plan("ring8", 2, 0, {"generator_widths": (8,), "discriminator_widths": (8,)}))
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 50)
    asked = store.get(run.id)
    made = fork(store, asked, {"generator_rate": 1e-4})
    assert made.step >= asked.step
    session.pause()
    wait(lambda: session.status.state is RunState.PAUSED)
    at = session.status.step
    session.step(1, only="discriminator")  # it writes no checkpoint itself
    wait(lambda: session.status.step == at + 1)
    assert fork(store, session.status, {}).step == session.status.step


def test_a_fork_of_a_run_without_a_checkpoint_reports_it(store: RunStore) -> None:
    run = store.create(recipes.get("points").plan("ring8", 2, 5, {}))
    made = fork(store, run, {"seed": 1})
    assert fork_payload(store, made.id)["kept"] == []
    assert forking.start_of(store, run, current_hparams(store, run)).because == ()


def test_a_fork_that_is_killed_at_once_restarts_from_the_same_place(store: RunStore) -> None:
    parent = trained(store)
    made = fork(store, parent, {"generator_rate": 1e-4}, steps=STEPS + 3)
    first = Session(store, made.id).start(paused=True)
    wait(lambda: first.status.state is RunState.PAUSED)
    own = newest(store, made.id)
    assert (own["run"], own["step"], own["hparams"]["generator_rate"]) == (made.id, STEPS, 1e-4)
    first.rollback()  # to its own first checkpoint, with its own settings
    wait(lambda: any(event.kind == "rollback" for event in store.events(made.id)))
    first.stop()
    assert first.join(60)
    finished(store, made)
    assert current_hparams(store, made).generator_rate == 1e-4
    assert torch.isfinite(newest(store, made.id)["networks"]["generator"]["point.weight"]).all()


def test_a_schedule_can_restart_with_a_fork(store: RunStore) -> None:
    parent = trained(store, schedule="linear", decay_steps=STEPS)  # its rates have fallen to 0
    made = fork(store, parent, {}, steps=STEPS + 4, begin=["rates"])
    finished(store, made)
    rates = store.metrics(made.id).columns["rate/generator"] / parent.spec.hparams["generator_rate"]
    assert rates.tolist() == pytest.approx([1, 1, 1, 1])
