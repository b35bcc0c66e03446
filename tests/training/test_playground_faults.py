"""Faults in a playground: two viewers at once, edits while it steps, a closed page, a process that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.checkpoint import read_checkpoint, same_state
from gan_core.data.user import drawn_points
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.runs.frames import FrameFile
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training.control import Control, current_hparams, pace_of
from gan_core.training.journal import GAP
from gan_core.training.session import Session
from tests.made_runs import end_all

RECIPE = recipes.get("points")
SMALL: dict[str, Any] = {"generator_widths": (8, 8), "discriminator_widths": (8, 8), "batch_size": 8, "ema": 0.0}


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    end_all(store)


def wait(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def new_run(store: RunStore, data: str = "two_blobs", steps: int = 0, **changes: Any) -> Run:
    return store.create(RECIPE.plan(data, 2, steps, SMALL | changes))


def paused(store: RunStore, run: Run) -> Session:
    session = Session(store, run.id).start(paused=True)
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    return session


def ended(session: Session, state: RunState) -> None:
    assert session.join(10)
    assert session.status.state is state, session.status.traceback
    wait(lambda: not any(session.run_id in thread.name for thread in threading.enumerate()))


def test_an_edit_while_it_steps_acts_after_the_requested_steps(store: RunStore) -> None:
    run = new_run(store)
    session = paused(store, run)
    session.step(120)
    session.edit(loss="least_squares", generator_rate=1e-3)
    session.step(5)
    wait(lambda: store.get(run.id).step == 125 and store.get(run.id).state is RunState.PAUSED)
    (edit,) = [event for event in store.events(run.id) if event.kind == "edit"]
    assert edit.step == 120
    assert store.metrics(run.id).steps.tolist() == list(range(1, 126))
    session.stop()
    ended(session, RunState.STOPPED)


def test_two_viewers_who_edit_at_once_both_act(store: RunStore) -> None:
    run = new_run(store)
    session = paused(store, run)
    viewers = [
        threading.Thread(target=Control(RunStore(), run.id).edit, kwargs=changes)
        for changes in ({"generator_rate": 1e-3}, {"batch_size": 16}, {"generator_rate": 5e-3})
    ]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join()
    wait(lambda: sum(event.kind == "edit" for event in store.events(run.id)) == 3)
    now = current_hparams(store, run)
    assert now == session.trainer.hparams
    assert now.batch_size == 16
    assert getattr(now, "generator_rate") in (1e-3, 5e-3)  # noqa: B009  of a subclass


def test_of_two_edits_that_contradict_each_other_the_later_one_is_refused_and_nothing_is_lost(store: RunStore) -> None:
    run = new_run(store)
    session = paused(store, run)
    for changes in ({"label_smoothing": 0.1}, {"loss": "wasserstein"}):  # each is valid by itself
        store.send(run.id, "edit", {"changes": changes})
    wait(lambda: "smoothing" in store.get(run.id).message)
    assert store.get(run.id).state is RunState.PAUSED
    assert current_hparams(store, run) == session.trainer.hparams
    assert getattr(session.trainer.hparams, "loss") == "non_saturating"  # noqa: B009
    session.step(3)
    wait(lambda: store.get(run.id).step == 3)


@pytest.mark.parametrize("rate", [0.0, -1e-3, 1e9, float("nan")])
def test_a_rate_that_cannot_train_is_refused_and_the_run_continues(store: RunStore, rate: float) -> None:
    run = new_run(store)
    session = paused(store, run)
    with pytest.raises(BadValue, match=r"between 1e-06 and 0\.1"):
        session.edit(generator_rate=rate)
    session.step(2)
    wait(lambda: store.get(run.id).step == 2)


def test_no_layers_and_twenty_one_are_refused_and_twenty_train(store: RunStore) -> None:
    for widths, named in ("", "must be a list such as 256,512"), (",".join(["8"] * 21), "at most 20 hidden layers"):
        with pytest.raises(BadValue, match=named):
            RECIPE.plan("two_blobs", 2, 0, SMALL | {"generator_widths": widths})
    run = new_run(store, steps=3, generator_widths=(8,) * 20, discriminator_widths=(8,) * 20)
    ended(Session(store, run.id).start(), RunState.FINISHED)
    assert len(FrameFile(store.folder(run.id))) > 0


def test_ten_thousand_drawn_points_train(store: RunStore) -> None:
    points = np.random.default_rng(0).uniform(-2.5, 2.5, (10_000, 2))
    run = new_run(store, drawn_points.reference(points), steps=3)
    ended(Session(store, run.id).start(), RunState.FINISHED)
    assert {"distance/js", "distance/js_floor"} <= store.metrics(run.id).columns.keys()


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_a_page_that_is_closed_in_slow_motion_leaves_a_run_that_is_slow_and_ends_at_once(store: RunStore) -> None:
    run = new_run(store)
    session = paused(store, run)
    session.set_pace(0.125)
    session.resume()
    wait(lambda: store.get(run.id).state is RunState.RUNNING and session.trainer.step == 1)
    time.sleep(0.4)
    assert session.trainer.step == 1
    began = time.monotonic()
    session.stop()
    ended(session, RunState.STOPPED)
    assert time.monotonic() - began < 4
    again = Session(store, run.id).start()  # the next viewer finds it as slow as before
    wait(lambda: hasattr(again, "trainer") and again.trainer.step == 2)
    time.sleep(0.4)
    assert again.trainer.step == 2
    assert pace_of(store.events(run.id)) == 0.125
    again.set_pace(0)
    wait(lambda: again.trainer.step > 20)


def test_the_duality_gap_is_kept_at_its_step_and_leaves_no_trace(store: RunStore) -> None:
    run, other = new_run(store), new_run(store)
    sessions = [paused(store, one) for one in (run, other)]
    for session in sessions:
        session.step(10)
        wait(lambda session=session: session.status.step == 10)
        if session.run_id == run.id:
            session.measure_gap()
            wait(lambda: any(event.kind == GAP for event in store.events(run.id)))
        session.step(10)
        wait(lambda session=session: session.status.step == 20)
        session.stop()
        ended(session, RunState.STOPPED)
    (found,) = [event for event in store.events(run.id) if event.kind == GAP]
    assert found.step == 10
    assert 0 < found.payload["gap"] <= found.payload["most"]
    one, two = (read_checkpoint(store.checkpoints(id)[-1].path)["networks"] for id in (run.id, other.id))
    assert same_state(one, two)


def test_the_duality_gap_of_another_game_is_refused(store: RunStore) -> None:
    run = new_run(store, loss="wasserstein")
    session = paused(store, run)
    with pytest.raises(BadValue, match="duality gap"):
        session.measure_gap()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_a_run_whose_process_dies_continues_from_its_checkpoint_at_the_same_pace(store: RunStore) -> None:
    script = """
import sys
from gan_core.runs.store import RunStore
from gan_core.training.session import Session
session = Session(RunStore(), sys.argv[1])
session.start()
session.join()
"""
    run = new_run(store)
    process = subprocess.Popen([sys.executable, "-c", script, run.id], env=os.environ | {"OMP_NUM_THREADS": "1"})
    control = Control(store, run.id)
    wait(lambda: store.get(run.id).step > 30, 60)
    control.save()
    wait(lambda: any(kept.step > 0 for kept in store.checkpoints(run.id)))
    control.set_pace(0.5)
    wait(lambda: pace_of(store.events(run.id)) == 0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.get(run.id).state is RunState.INTERRUPTED
    saved = store.checkpoints(run.id)[-1].step
    session = Session(store, run.id).start()
    wait(lambda: store.get(run.id).state is RunState.RUNNING and hasattr(session, "journal"))
    assert saved <= session.trainer.step <= saved + 1
    frames = FrameFile(store.folder(run.id))
    assert (np.diff(frames.steps()) >= 0).all()
    assert frames.steps()[-1] <= saved + 1
    assert pace_of(store.events(run.id)) == 0.5
    session.stop()
    ended(session, RunState.STOPPED)
