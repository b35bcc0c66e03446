"""Training actions of visitors. Each checks permissions; sessions are threads of this process.

Imports torch inside functions only, so that pages are rendered first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core.errors import GanscopeError
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunState
from ui.classroom.shell.access import require_steering
from ui.classroom.shell.store import store

if TYPE_CHECKING:
    from gan_core.training.control import Control

STOPPED = 5.0  # seconds to wait for a run to end
MEASURED = 5.0  # seconds to wait for a duality gap
OBEYED = 1.0  # seconds that a page waits for a command to take effect


def start(spec: RunSpec, name: str = "", paused: bool = False) -> Run:
    """Starts a new run, or queues it, in this process; with `paused`, it waits for commands."""
    require_steering()
    return _begin(store().create(spec, name=name), paused)


def start_from(folder: Path, steps: int, name: str = "") -> Run:
    """Starts a new run from the weights of a model's folder; returns once its data are read."""
    require_steering()
    from gan_core.training import continuing

    return _begin(continuing.begin(store(), folder, steps=steps, name=name))


def resume_ended(id: str) -> Run:
    """Resumes a stopped, interrupted or failed run from its newest checkpoint."""
    require_steering()
    return _begin(store().get(id))


def extend(id: str, steps: int) -> Run:
    """Continues an ended run up to this total number of steps; 0 trains until it is stopped."""
    from gan_core.training import control

    require_steering()
    return _begin(control.extend(store(), store().get(id), steps))


def fork(id: str, changes: Mapping[str, Any], steps: int | None = None, name: str = "") -> Run:
    """Starts a fork with other settings, from the parent's newest checkpoint where the networks are unchanged."""
    from gan_core.training import control

    require_steering()
    return _begin(control.fork(store(), store().get(id), changes, steps=steps, name=name))


def again(id: str, step: int) -> Run:
    """Starts a fork that repeats the run up to a step and pauses there; the run itself is stopped if it is active."""
    from gan_core.training import forking
    from gan_core.training.control import Control

    require_steering()
    _stop_first(id)
    made = _begin(forking.again(store(), store().get(id), step), paused=True)
    if step > made.step:
        Control(store(), made.id).run_to(step)
    _keep_pace(id, made.id)
    return made


def reshape(id: str, changes: Mapping[str, Any]) -> Run:
    """Starts a fork with other networks that keeps the layers that fit; stops the run itself if it is active."""
    from gan_core.knobs import changed
    from gan_core.training import reshaping
    from gan_core.training.control import current_hparams

    require_steering()
    changed(current_hparams(store(), store().get(id)), changes)  # raises before anything is stopped
    paused = store().get(id).state is RunState.PAUSED
    _stop_first(id)
    made = _begin(reshaping.reshape(store(), store().get(id), changes), paused)
    _keep_pace(id, made.id)
    return made


def _keep_pace(id: str, new: str) -> None:
    """Applies the run's pace to the one that continues it."""
    from gan_core.training.control import Control, pace_of

    if rate := pace_of(store().events(id)):
        Control(store(), new).set_pace(rate)


def _stop_first(id: str) -> None:
    """Stops a run if it is active, so that another can take its turn; waits until it has ended."""
    if not store().get(id).is_active:
        return
    _control(id).stop()
    end = time.monotonic() + STOPPED
    while store().get(id).is_active and time.monotonic() < end:
        time.sleep(0.02)


def device() -> str:
    """Returns the training device: the first CUDA device, else the CPU."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _begin(run: Run, paused: bool = False) -> Run:
    from gan_core.training.session import Session

    Session(store(), run.id, device=device()).start(paused)
    return run


def pause(id: str) -> None:
    _control(id).pause()
    _wait(id)


def resume(id: str) -> None:
    _control(id).resume()
    _wait(id)


def stop(id: str) -> None:
    _control(id).stop()
    _wait(id)


def save(id: str) -> None:
    _control(id).save()


def rollback(id: str, to: int | None = None) -> None:
    """Goes back to the last good checkpoint, of those up to step `to`."""
    _control(id).rollback(to)
    _wait(id)


def step(id: str, count: int = 1, only: str | None = None) -> None:
    _control(id).step(count, only)
    _wait(id)


def step_to(id: str, step: int) -> None:
    """Requests the steps of a paused run up to this one, without waiting for them."""
    _control(id).step_to(step)


def set_pace(id: str, rate: float) -> None:
    """Limits the steps per second; 0 is full speed."""
    _control(id).set_pace(rate)


def measure_gap(id: str) -> None:
    """Measures the duality gap of a run of points, and waits until it is found."""
    from gan_core.training.journal import GAP

    before = sum(event.kind == GAP for event in store().events(id))
    _control(id).measure_gap()
    end = time.monotonic() + MEASURED
    while sum(event.kind == GAP for event in store().events(id)) == before and time.monotonic() < end:
        time.sleep(0.05)


def edit(id: str, changes: Mapping[str, Any]) -> None:
    _control(id).edit(**changes)


def treat(id: str, remedy: str) -> None:
    """Applies a remedy to an active run."""
    _control(id).apply(remedy)


def fork_with(id: str, remedy: str) -> Run:
    """Starts a fork with the remedy that trains for as long again; pauses the run if it is active."""
    from gan_core.training import control

    require_steering()
    if store().get(id).is_active:
        pause(id)
    return _begin(control.fork_with(store(), store().get(id), remedy))


def _control(id: str) -> Control:
    from gan_core.training.control import Control

    require_steering()
    return Control(store(), id)


def _wait(id: str) -> None:
    """Waits briefly until the run's row changes, so that the page shows the effect."""
    before = store().get(id)
    end = time.monotonic() + OBEYED
    while time.monotonic() < end:
        time.sleep(0.05)
        now = store().get(id)
        if (now.state, now.step, now.message) != (before.state, before.step, before.message):
            if before.state == now.state and now.is_active and now.step != before.step:
                continue  # it only continued training; the command is still pending
            return


__all__ = [
    "GanscopeError",
    "again",
    "device",
    "edit",
    "extend",
    "fork",
    "fork_with",
    "measure_gap",
    "pause",
    "reshape",
    "resume",
    "resume_ended",
    "rollback",
    "save",
    "set_pace",
    "start",
    "start_from",
    "step",
    "step_to",
    "stop",
    "treat",
]  # fmt: skip
