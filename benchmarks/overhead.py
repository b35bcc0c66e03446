"""How much watching slows the trainer.

    python -m benchmarks.overhead               # metrics, previews and store; readers of the store
    python -m benchmarks.overhead --dashboard   # the real Train page, open in Chromium on the same machine

The first part trains the same recipe in turn through a session (which records, draws previews, writes to the store,
polls for commands) and through a bare trainer that measures no gradient norms and records nothing. It also gives the
share of time that the session's thread spends outside of training steps, over a stretch that holds checkpoints.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torch

from benchmarks.timing import Row, at_most, interleaved, report
from gan_core import data
from gan_core.gans import recipes
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunState, RunStore
from gan_core.training.session import Session
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import Trainer

CASES = (("mlp_gan", "digits_30s", "digits", 8), ("dcgan", "", "digits", 32))
Clock = Callable[[], float]
SETTLE = 0.3  # seconds after a change before the clock starts
WATCHING, RECORDING = 5.0, 3.0  # per cent, required


def plan(recipe_name: str, preset_name: str, data_name: str, size: int) -> RunSpec:
    """A run without a step limit."""
    recipe = recipes.get(recipe_name)
    changes = recipe.preset(preset_name).hparams if preset_name else {}
    return recipe.plan(data_name, size, 0, changes, preset_name)


@contextlib.contextmanager
def training(spec: RunSpec) -> Iterator[Session]:
    """A session that trains, in a store of its own; stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder:
        store = RunStore(Path(folder))
        session = Session(store, store.create(spec).id).start()
        while session.status.step < 20:
            time.sleep(0.05)
        try:
            yield session
        finally:
            session.stop()
            session.join()


def session_rate(session: Session, seconds: float, clock: Clock = time.perf_counter) -> float:
    """Steps per second, by `clock`, of a session that trains."""
    first, began = session.trainer.step, clock()
    time.sleep(seconds)
    return (session.trainer.step - first) / (clock() - began)


def alone(session: Session, seconds: float, clock: Clock) -> float:
    """The session's rate, between a resume and a pause."""
    session.resume()
    _await(session, RunState.RUNNING)
    time.sleep(SETTLE)
    measured = session_rate(session, seconds, clock)
    session.pause()
    _await(session, RunState.PAUSED)
    time.sleep(SETTLE)
    return measured


def _await(session: Session, state: RunState) -> None:
    while session.status.state is not state:
        time.sleep(0.02)


def _nothing(gradients: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return ()


def bare_rate(trainer: Trainer, seconds: float, clock: Clock) -> float:
    """Steps per second, by `clock`, of a trainer whose steps measure nothing."""
    torch.set_num_threads(cpu_threads(trainer.networks))  # as a session does, in its own thread
    count, end = 0, time.perf_counter() + seconds
    with mock.patch.object(torch, "_foreach_norm", _nothing):
        began = clock()
        while time.perf_counter() < end:
            trainer.train_step()
            count += 1
        return count / (clock() - began)


def cost(slow: list[float], fast: list[float]) -> float:
    """Per cent of speed lost, the median of pairs measured side by side."""
    return 100 * statistics.median(1 - one / other for one, other in zip(slow, fast, strict=True))


def recording(spec: RunSpec, repetitions: int, seconds: float, stretch: float, clock: Clock) -> list[Row]:
    """The session against the bare trainer, and its own share of time."""
    recipe = recipes.get(spec.recipe)
    bare = Trainer(recipe, recipe.settings(spec.hparams), data.load(spec.data, spec.size))
    what = f"{spec.recipe} {spec.size} px"
    with training(spec) as session:
        trained, began = session.journal.seconds, time.perf_counter()
        time.sleep(stretch)
        outside = 100 * (1 - (session.journal.seconds - trained) / (time.perf_counter() - began))
        session.pause()
        _await(session, RunState.PAUSED)
        cases: dict[str, Callable[[], float]] = {
            "session": lambda: alone(session, seconds, clock),
            "bare": lambda: bare_rate(bare, seconds, clock),
        }
        results = interleaved(cases, repetitions)
    rates = f"{statistics.median(results['session']):.4g} against {statistics.median(results['bare']):.4g} steps/s"
    return [
        at_most(f"{what}: metrics, previews, store; time outside of steps", outside, RECORDING, " %", f"{stretch:g} s"),
        at_most(
            f"{what}: session against a bare trainer", cost(results["session"], results["bare"]), RECORDING, " %",
            f"{repetitions} x {seconds:g} s; {rates}{' of processor time' if clock is time.process_time else ''}",
        ),
    ]  # fmt: skip


class Readers:
    """Threads that read a run as the dashboard does: its row, new metrics and events, the newest picture."""

    def __init__(self, store: RunStore, id: str, count: int, every: float = 1.0) -> None:
        self._store, self._id, self._every = store, id, every
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(count)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        step, event = -1, 0
        while not self._end.wait(self._every):
            self._store.get(self._id)
            metrics = self._store.metrics(self._id, step)
            step = int(metrics.steps[-1]) if len(metrics) else step
            event = max([event, *(found.id for found in self._store.events(self._id, event))])
            if live := self._store.live_preview(self._id):
                live[1].read_bytes()


def reading(spec: RunSpec, readers: int, repetitions: int, seconds: float) -> Row:
    """Training with readers of the store against training without."""
    with training(spec) as session:

        def read() -> float:
            with Readers(session.store, session.run_id, readers):
                time.sleep(SETTLE)
                return session_rate(session, seconds)

        results = interleaved({"read": read, "alone": lambda: session_rate(session, seconds)}, repetitions)
    what = f"{spec.recipe} {spec.size} px: {readers} readers of the store at 1 Hz"
    return at_most(what, cost(results["read"], results["alone"]), WATCHING, " %", f"{repetitions} x {seconds:g} s")


def dashboard(spec: RunSpec, repetitions: int, seconds: float) -> Row:
    """The Train page in Chromium, open against closed; the server trains, as it does for users."""
    from benchmarks import browser

    with browser.app() as served, browser.chromium() as page:
        id = served.start(page, spec)

        def measure() -> float:
            time.sleep(2 * SETTLE)
            first, began = served.store.get(id).step, time.perf_counter()
            time.sleep(seconds)
            return (served.store.get(id).step - first) / (time.perf_counter() - began)

        def opened() -> float:
            page.goto(served.run_url(id))
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_timeout(3000)  # drawn; watching is measured, not opening
            return measure()

        def closed() -> float:
            page.goto("about:blank")
            page.wait_for_timeout(3000)
            return measure()

        results = interleaved({"open": opened, "closed": closed}, repetitions)
    rates = f"{statistics.median(results['open']):.4g} against {statistics.median(results['closed']):.4g} steps/s"
    what = f"{spec.recipe} {spec.size} px: Train page open in Chromium, on the same machine"
    lost = cost(results["open"], results["closed"])
    return at_most(what, lost, WATCHING, " %", f"{repetitions} x {seconds:g} s; {rates}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--stretch", type=float, default=75.0, help="seconds for the share outside of steps")
    parser.add_argument("--readers", type=int, default=5)
    parser.add_argument(
        "--processor-time", action="store_true", help="count steps per second of processor time, for a busy machine"
    )
    parser.add_argument("--dashboard", action="store_true", help="measure the open page instead")
    options = parser.parse_args()
    specs = [plan(*case) for case in CASES]
    if options.dashboard:
        report("Dashboard", [dashboard(spec, options.repetitions, options.seconds) for spec in specs])
        return
    rows: list[Row] = []
    clock: Clock = time.process_time if options.processor_time else time.perf_counter
    for spec in specs:
        rows += recording(spec, options.repetitions, options.seconds, options.stretch, clock)
    rows += [reading(spec, options.readers, options.repetitions, options.seconds) for spec in specs]
    report("Overhead", rows)


if __name__ == "__main__":
    main()
