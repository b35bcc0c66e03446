"""Follows a run to its end from a terminal, for `ganscope train` and `ganscope pretrain`."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from gan_core.data import task_of
from gan_core.errors import RunConflict
from gan_core.media import media
from gan_core.runs.store import Metrics, Run, RunState, RunStore
from gan_core.training.remaining import seconds_left

if TYPE_CHECKING:
    from gan_core.training.session import Session

REFRESH = 0.2  # seconds between polls of the run
LINE = 10.0  # seconds between lines if the output is no terminal
TAIL = 200  # steps over which losses are averaged

Show = Callable[[Run], None]


def say(text: str) -> None:
    """Prints a message to stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM; a second one ends the process at once."""
    asked: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if asked:
            if sys.stderr.isatty():
                sys.stderr.write("\x1b[?25h\n")  # the progress bar hid the cursor
            os._exit(128 + number)
        asked.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow(session: Session, asked: list[int], show: Show, patient: bool = False, seconds: float = math.inf) -> str:
    """Starts a run and waits for its end, or stops it after `seconds` of training.

    Returns the reason if the run can't continue by itself; a `patient` caller waits until someone has resumed it.
    """
    logging.getLogger("gan_core").addHandler(logging.NullHandler())  # a failure is reported as a sentence in the store
    session.start()
    stopping = announced = False
    trouble = ""
    while not session.join(REFRESH):
        run = session.status
        if session.speedup and not announced:
            announced = True
            say(f"{session.computation.precision}: bfloat16 trains at {session.speedup:.2f} times the speed of float32")
        show(run)
        if not patient and not trouble:
            trouble = _trouble(session.store, run)
        if (asked or trouble or run.seconds >= seconds) and not stopping:
            stopping = True
            if asked:
                say("\nSaving a checkpoint and stopping. Press Ctrl-C again to quit immediately.")
            with suppress(RunConflict):  # the run has just ended by itself
                session.stop()
    show(session.status)
    return trouble


def _trouble(store: RunStore, run: Run) -> str:
    """The reason why a run paused by itself: a non-finite loss or a full disk. "" for a pause that was requested."""
    if run.state is not RunState.PAUSED or not run.message:
        return ""
    last = store.events(run.id)[-1:]
    return "" if last and last[0].kind == "rollback" else run.sentence


class Lines:
    """Prints a line from time to time, and when the state changes."""

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.words = ""
        self.next = 0.0

    def __call__(self, run: Run) -> None:
        words = state_words(self.store, run)
        if words == self.words and time.monotonic() < self.next:
            return
        self.words, self.next = words, time.monotonic() + LINE
        say(f"{run.id} {words}: {facts(run, losses(self.store, run.id, run.step - TAIL))}")


def state_words(store: RunStore, run: Run) -> str:
    """The state of the run in words; for a queued one, also how many runs are ahead."""
    if run.state is RunState.QUEUED:
        queue = store.queue()
        place = queue.index(run.id) if run.id in queue else 0
        ahead = f", {place} ahead" if place else ""
        return f"queued (GANSCOPE_MAX_RUNS limits concurrent runs{ahead})"
    return f"{run.state.value}: {run.sentence}" if run.message else run.state.value


ITEMS = {"points": "points"} | {medium.task: medium.words for medium in media}


def items_of(reference: str) -> str:
    """The name of a data set's samples: images, sounds, films, ..."""
    return ITEMS.get(task_of(reference), "images")


def facts(run: Run, losses: str) -> str:
    steps = f"{run.step:,}/{run.spec.steps:,}" if run.spec.steps else f"{run.step:,}"
    parts = [f"{steps} steps", f"{run.images_per_second:,.0f} {items_of(run.spec.data)}/s", losses]
    return " · ".join(part for part in parts if part)


def losses(store: RunStore, id: str, since: int) -> str:
    """The mean losses of the steps after `since`; a value that is infinite or NaN is shown as such."""
    metrics = store.metrics(id, since)
    return " · ".join(
        f"{name.removesuffix('/loss')} {_mean(metrics, name, last):.3f}"
        for name in metrics.columns
        if name.endswith("/loss") and (last := metrics.last(name)) is not None
    )


def time_left(store: RunStore, run: Run) -> str:
    """The remaining time, as H:MM:SS; "" if it is unknown."""
    recent = store.metrics(run.id, run.step - TAIL)
    edits = [event for event in store.events(run.id) if event.kind == "edit"]
    settings = {name: value for event in edits for name, value in event.payload["changes"].items()}
    batch = settings.get("batch_size", run.spec.hparams.get("batch_size", 1))
    seconds = seconds_left(run, recent, batch, max((event.step for event in edits), default=0))
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))


def _mean(metrics: Metrics, name: str, last: float) -> float:
    values = metrics.columns[name]
    return float(values[np.isfinite(values)].mean()) if math.isfinite(last) else last
