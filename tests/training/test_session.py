"""A run in its thread: steering, faults, and the store's content afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from gan_core import data, knobs
from gan_core.checkpoint import read_checkpoint, same_state, write_checkpoint
from gan_core.errors import BadCheckpoint, BadValue, RunConflict, UnknownName
from gan_core.gans import recipes
from gan_core.models import loading
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import journal
from gan_core.training.control import Control, current_hparams, fork
from gan_core.training.session import Session
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import StepResult, Trainer
from tests.made_runs import end_all

TINY = {"generator_widths": (16,), "discriminator_widths": (16,), "latent_size": 4, "batch_size": 8}


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    end_all(store)


def wait(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def new_run(store: RunStore, steps: int = 0, recipe: str = "mlp_gan", **changes: object) -> Run:
    return store.create(recipes.get(recipe).plan("digits", 8, steps, TINY | changes))


def finish(session: Session) -> Run:
    assert session.join(60)
    return session.status


def final_state(store: RunStore, run_id: str) -> dict:
    """The newest checkpoint without the names of the run and its events."""
    newest = store.checkpoints(run_id)[-1]
    state = read_checkpoint(newest.path, newest.sha256)
    return {name: value for name, value in state.items() if name not in ("run", "event_id")}


def test_a_run_is_recorded_at_every_step(store: RunStore) -> None:
    run = finish(Session(store, new_run(store, steps=40).id).start())
    assert (run.state, run.step, run.images_seen, run.message) == (RunState.FINISHED, 40, 320, "")
    metrics = store.metrics(run.id)
    assert metrics.steps.tolist() == list(range(1, 41))
    expected = {
        "discriminator/loss", "discriminator/real", "discriminator/fake", "generator/loss", "score/real",
        "score/fake_before", "score/fake_after", "accuracy", "gradient_norm/generator", "gradient_norm/discriminator",
        "rate/generator", "rate/discriminator", "images_per_second",
    }  # fmt: skip
    assert expected <= metrics.columns.keys()
    assert all(np.isfinite(metrics.columns[name]).all() for name in expected)
    assert np.allclose(
        metrics.columns["discriminator/loss"],
        metrics.columns["discriminator/real"] + metrics.columns["discriminator/fake"],
    )
    assert ((metrics.columns["score/real"] > 0) & (metrics.columns["score/real"] < 1)).all()
    steps = [preview.step for preview in store.previews(run.id)]
    assert steps == [step for step in _preview_schedule() if step <= 40]
    assert store.checkpoints(run.id)[-1].step == 40


def _preview_schedule() -> list[int]:
    steps = [0]
    while steps[-1] < 1000:
        steps.append(journal.next_preview_step(steps[-1]))
    return steps


def test_the_preview_schedule_keeps_the_whole_history() -> None:
    steps = _preview_schedule()
    assert steps[:5] == [0, 1, 2, 3, 4]
    ratios = [later / earlier for earlier, later in pairwise(steps[20:])]
    assert 1.05 < min(ratios) <= max(ratios) < 1.2


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_pause_step_edit_resume_stop(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 3, "first steps")
    asked = time.monotonic()
    session.pause()
    wait(lambda: session.status.state == RunState.PAUSED, "the pause")
    assert time.monotonic() - asked < 1.5
    step = session.status.step
    time.sleep(0.3)
    assert session.status.step == step

    session.step(3)
    session.step(2, only="discriminator")
    wait(lambda: session.status.step == step + 5, "five single steps")
    metrics = store.metrics(run.id, since=step)
    assert np.isfinite(metrics.columns["generator/loss"]).tolist() == [True] * 3 + [False] * 2

    session.edit(generator_rate=1e-3, batch_size=16)
    wait(lambda: current_hparams(store, run).batch_size == 16, "the edit")
    session.resume()
    wait(lambda: session.status.step > step + 10, "more steps")
    session.save()
    session.stop()
    ended = finish(session)
    assert ended.state == RunState.STOPPED
    assert store.checkpoints(run.id)[-1].step == ended.step
    rates = store.metrics(run.id, since=step + 5).columns["rate/generator"]
    assert np.allclose(rates, 1e-3)
    edits = [event for event in store.events(run.id) if event.kind == "edit"]
    assert edits[0].payload == {
        "changes": {"generator_rate": 1e-3, "batch_size": 16},
        "before": {"generator_rate": 2e-4, "batch_size": 8},
    }
    assert edits[0].step == step + 5


@pytest.mark.parametrize(("asked", "threads"), [("", 4), ("2", 2), ("3,1", 3), ("8", 4), ("0", 4), ("many", 4)])
def test_as_many_threads_as_cores_or_as_were_asked_for(
    asked: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert cpu_threads({"net": nn.Conv2d(1, 1, 3)}, 3 * 64 * 64) == threads
    assert cpu_threads({"net": nn.Linear(2, 2)}) == 1  # a small perceptron


@pytest.mark.parametrize(("machine", "threads"), [(1, 1), (2, 1), (4, 3)])
def test_small_items_leave_a_core_to_the_page_and_its_browser(
    machine: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(machine)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert cpu_threads({"net": nn.Conv2d(1, 1, 3)}, 3 * 32 * 32) == threads
    assert cpu_threads({"net": nn.Conv2d(1, 1, 3)}, 3 * 64 * 64) == machine


@pytest.mark.parametrize("only", [None, "discriminator"])
def test_manual_steps_end_with_a_command_to_stop(
    store: RunStore, only: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()
    session = Session(store, new_run(store).id).start(paused=True)
    wait(lambda: session.status.state == RunState.PAUSED, "the start")
    train = session.trainer.train_step

    def train_step(only: str | None = None) -> StepResult:
        began.set()
        return train(only)

    monkeypatch.setattr(session.trainer, "train_step", train_step)
    session.step(10_000, only=only)
    assert began.wait(10)
    session.stop()
    ended = finish(session)
    assert ended.state == RunState.STOPPED
    assert 0 < ended.step < 10_000
    repeated = [event.payload["count"] for event in store.events(session.run_id) if event.kind == "step"]
    assert sum(repeated) == (ended.step if only else 0)


def test_bad_commands_are_refused_in_the_caller(store: RunStore) -> None:
    session = Session(store, new_run(store).id).start(paused=True)
    wait(lambda: session.status.state == RunState.PAUSED, "the start")
    with pytest.raises(BadValue, match="Fork the run"):
        session.edit(latent_size=8)
    with pytest.raises(BadValue, match="between 1e-06 and"):
        session.edit(generator_rate=3.0)
    with pytest.raises(UnknownName, match="generator_rate"):
        session.edit(generator_rat=1e-3)
    with pytest.raises(BadValue, match="generator, discriminator"):
        session.step(1, only="critic")
    with pytest.raises(RunConflict):
        Session(store, session.run_id).start()
    session.stop()
    finish(session)
    with pytest.raises(RunConflict, match="stopped"):
        session.pause()


def test_one_run_at_a_time_and_a_paused_run_yields_its_slot(store: RunStore) -> None:
    first = Session(store, new_run(store).id, limit=1).start()
    wait(lambda: first.status.state == RunState.RUNNING, "the first run")
    second = Session(store, new_run(store).id, limit=1).start()
    time.sleep(0.5)
    assert second.status.state == RunState.QUEUED
    assert store.queue() == [second.run_id]
    first.pause()
    wait(lambda: second.status.state == RunState.RUNNING, "the second run")
    first.resume()
    wait(lambda: first.status.state == RunState.QUEUED, "the first run to wait")
    second.stop()
    wait(lambda: first.status.state == RunState.RUNNING, "the first run again")


def test_an_edited_run_that_is_killed_resumes_bit_for_bit(store: RunStore) -> None:
    """kill -9 after live edits and a discriminator-only step; the resumed run equals an uninterrupted one."""
    script = """
import sys, time
from gan_core.runs.store import RunStore
from gan_core.training import journal, session
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
journal.CHECKPOINT = 0.2
session = Session(RunStore(), sys.argv[1])
session.start()
session.join()
"""
    run = new_run(store, steps=0, dropout=0.2, batch_norm=True, penalty="r1", penalty_every=4, penalty_weight=1.0)
    process = subprocess.Popen([sys.executable, "-c", script, run.id], env=os.environ | {"OMP_NUM_THREADS": "1"})
    control = Control(store, run.id)
    wait(lambda: store.get(run.id).step > 30, "the first steps")
    control.pause()
    wait(lambda: store.get(run.id).state == RunState.PAUSED, "the pause")
    control.edit(discriminator_rate=1e-3, beta1=0.4)
    control.step(2, only="discriminator")
    control.edit(loss="hinge", batch_size=5)
    wait(lambda: current_hparams(store, run).batch_size == 5, "the edits")
    step = store.get(run.id).step
    control.resume()
    wait(lambda: store.get(run.id).step > step + 20, "more steps")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.get(run.id).state == RunState.INTERRUPTED

    # the newest checkpoints are after the edits; take them away so that the edits must be replayed
    late = [c for c in store.checkpoints(run.id) if c.step > step - 5]
    early = [c for c in store.checkpoints(run.id) if c.step <= step - 5]
    if early:
        for checkpoint in late:
            checkpoint.path.unlink()
    resumed = Session(store, run.id).start()
    wait(lambda: resumed.status.step > step + 40, "the resumed run")
    resumed.stop()
    ended = finish(resumed)

    edits = [event for event in store.events(run.id) if event.kind in ("edit", "step")]
    assert len(edits) == 3
    recipe = recipes.get("mlp_gan")
    trainer = Trainer(recipe, recipe.settings(run.spec.hparams), data.load("digits", 8))
    pending = list(edits)
    while trainer.step < ended.step:
        while pending and pending[0].step == trainer.step:
            event = pending.pop(0)
            if event.kind == "edit":
                trainer.edit(knobs.changed(trainer.hparams, event.payload["changes"]))
            else:
                for _ in range(event.payload["count"]):
                    trainer.train_step(event.payload["only"])
        trainer.train_step()
    trainer.ema.refresh()
    state = trainer.state_dict()
    saved = final_state(store, run.id)
    assert same_state(state, {name: saved[name] for name in state})

    metrics = store.metrics(run.id)
    assert metrics.steps.tolist() == list(range(1, ended.step + 1))
    previews = [preview.step for preview in store.previews(run.id)]
    assert len(previews) == len(set(previews))


def fill(path: Path) -> None:
    """Writes until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 1024):
            pass


def test_a_full_disk_pauses_and_resumes_without_loss(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", mounted], capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        store = RunStore(mounted)
        run = new_run(store)
        session = Session(store, run.id).start()
        wait(lambda: session.status.step > 20 and store.checkpoints(run.id), "a first checkpoint")
        filler = mounted / "filler"
        fill(filler)
        wait(lambda: session.status.state == RunState.PAUSED, "the pause")
        status = session.status
        assert "full" in status.message
        assert read_checkpoint(store.checkpoints(run.id)[-1].path)["step"] >= 0
        filler.unlink()
        session.resume()
        wait(lambda: session.status.step > status.step + 20, "more steps")
        session.stop()
        ended = finish(session)
        assert ended.state == RunState.STOPPED
        assert store.metrics(run.id).steps.tolist() == list(range(1, ended.step + 1))
        assert store.checkpoints(run.id)[-1].step == ended.step
    finally:
        subprocess.run(["umount", "-l", mounted], check=True)


def test_a_loss_that_is_not_finite_pauses_and_can_be_rolled_back(store: RunStore) -> None:
    run = new_run(store, loss="wasserstein", optimizer="sgd")
    session = Session(store, run.id).start(paused=True)
    session.step(20)  # the same number in every run, since well-trained networks diverge late
    wait(lambda: session.status.step == 20, "first steps")
    session.save()
    wait(lambda: [kept.step for kept in store.checkpoints(run.id)][-1:] == [20], "a checkpoint")
    good = store.checkpoints(run.id)[-1].step
    session.edit(discriminator_rate=0.1, generator_rate=0.1)  # an unbounded critic: it diverges
    session.resume()
    wait(lambda: any(event.kind == "not_finite" for event in store.events(run.id)), "the fault")
    wait(lambda: session.status.state == RunState.PAUSED, "the pause")
    status = session.status
    fault = next(event for event in store.events(run.id) if event.kind == "not_finite")
    assert "/" in fault.payload["term"]
    assert str(fault.payload["step"]) in status.message.format(**status.message_values)
    assert not np.isfinite(store.metrics(run.id, since=fault.payload["step"] - 1).columns[fault.payload["term"]][0])
    newest = store.checkpoints(run.id)[-1].step
    assert good <= newest < fault.payload["step"]

    session.resume()  # refused until it is repaired
    time.sleep(0.3)
    assert session.status.state == RunState.PAUSED
    session.rollback()
    wait(lambda: session.status.step == newest, "the rollback")
    wait(lambda: current_hparams(store, run).optimizer == "sgd", "the settings")
    session.edit(discriminator_rate=1e-5, generator_rate=1e-5)
    session.resume()
    wait(lambda: session.status.step > newest + 10, "healthy steps")
    assert session.status.state == RunState.RUNNING
    session.stop()
    ended = finish(session)
    assert store.metrics(run.id).steps.tolist() == list(range(1, ended.step + 1))


def test_an_exception_in_the_thread_fails_the_run_alone(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 3, "first steps")
    session.trainer.networks.pop("generator")
    ended = finish(session)
    assert ended.state == RunState.FAILED
    assert "KeyError" in ended.message.format(**ended.message_values)
    assert "train_step" in ended.traceback
    assert finish(Session(store, new_run(store, steps=3).id).start()).state == RunState.FINISHED


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 5, "first steps")
    session.stop()
    finish(session)
    first, last = store.checkpoints(run.id)[-2:]
    content = bytearray(last.path.read_bytes())
    content[-100] ^= 1
    last.path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match="modified or truncated"):
        loading.from_run(store, run.id)
    resumed = Session(store, run.id).start(paused=True)
    wait(lambda: resumed.status.state == RunState.PAUSED, "the resumed run")
    assert resumed.status.step == first.step
    warning = next(event for event in store.events(run.id) if event.kind == "warning")
    assert last.path.name in warning.payload["message"].format(**warning.payload["values"])


def test_no_run_continues_from_weights_that_are_not_finite(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 5, "first steps")
    session.stop()
    finish(session)
    first, last = store.checkpoints(run.id)[-2:]
    state = read_checkpoint(last.path)
    next(iter(state["networks"]["discriminator"].values())).view(-1)[0] = float("inf")
    token = store.claim(run.id)
    store.add_checkpoint(run.id, token, last.step, last.images_seen, last.path, *write_checkpoint(last.path, state))
    store.release(run.id, token)
    with pytest.raises(BadCheckpoint, match=r"are corrupt: 1 of \d+ values of discriminator\."):
        loading.from_run(store, run.id)
    resumed = Session(store, run.id).start(paused=True)
    wait(lambda: resumed.status.state == RunState.PAUSED, "the resumed run")
    assert resumed.status.step == first.step


def test_unknown_names_and_impossible_sizes(store: RunStore) -> None:
    recipe = recipes.get("dcgan")
    with pytest.raises(UnknownName, match="Valid: dcgan"):
        recipes.get("dcgam")
    with pytest.raises(UnknownName, match="channels"):
        recipe.settings({"channel": 3})
    failed = finish(Session(store, store.create(recipe.plan("digits", 24, 1, {})).id).start())
    assert failed.state == RunState.FAILED
    assert "24" in failed.message.format(**failed.message_values)
    failed = finish(Session(store, store.create(recipe.plan("digit", 16, 1, {})).id).start())
    assert "digits" in failed.message.format(**failed.message_values)


def test_forks_start_where_the_parent_is_unless_networks_change(store: RunStore) -> None:
    parent = finish(Session(store, new_run(store, steps=12).id).start())
    live = Session(store, fork(store, parent, {"generator_rate": 1e-3}, steps=20).id).start()
    assert finish(live).step == 20
    assert store.metrics(live.run_id).steps[0] == 13
    rebuilt = Session(store, fork(store, parent, {"latent_size": 6}, steps=5).id).start()
    assert finish(rebuilt).step == 5
    assert store.get(rebuilt.run_id).parent == parent.id


def test_samples_need_no_data_and_depend_on_the_seed_alone(store: RunStore) -> None:
    run = finish(Session(store, new_run(store, steps=5, recipe="cgan").id).start())
    sampler = loading.from_run(store, run.id)
    one, again, other = sampler.sample(6, seed=1), sampler.sample(6, seed=1), sampler.sample(6, seed=2)
    assert one.shape == (6, 1, 8, 8)
    assert (one == again).all()
    assert (one != other).any()
    assert sampler.columns == 10
    with pytest.raises(BadValue, match=r"no class '10'\. Valid: 0, 1"):
        sampler.sample(1, label=10)
    with pytest.raises(BadValue, match="between 1 and"):
        sampler.sample(0)


def test_ranks_share_the_cores_whatever_torchrun_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.training.threads.cores", lambda: 8)
    monkeypatch.setattr("gan_core.training.launch.ranks_here", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # torchrun's
    assert cpu_threads({"g": nn.Conv2d(1, 1, 3)}) == 2
