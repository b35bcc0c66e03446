"""A run in the background: one thread owns the trainer, executes commands and writes to the run store.

Each iteration executes commands, trains a step, and writes what is due (metrics, previews, checkpoints). Failed writes
are retried before the next step, so nothing is lost when the disk is full.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch

from gan_core import data
from gan_core.checkpoint import load_state, read_checkpoint
from gan_core.data.base import DataSet, DataSpec
from gan_core.errors import BadCheckpoint, GanscopeError, plain_values
from gan_core.gans import Recipe, recipes
from gan_core.hparams import RATES, TrainingHParams
from gan_core.knobs import changed, clocks, differences, to_dict
from gan_core.objectives.base import Moment
from gan_core.ranks import ALONE, LostRank, Ranks
from gan_core.runs import liveness
from gan_core.runs.classes import DATA
from gan_core.runs.quota import keep_within_quota
from gan_core.runs.store import REPLAYED, Checkpoint, DiskFull, Event, RunState, RunStore
from gan_core.training import forking, leading, reasons, schedule
from gan_core.training.choosing import speedup
from gan_core.training.computation import AUTO, USUAL, WORTH, Computation
from gan_core.training.control import PACE, Control, pace_of
from gan_core.training.journal import Journal
from gan_core.training.recorder import Fault
from gan_core.training.suited import suited
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import Trainer

logger = logging.getLogger(__name__)

POLL = 0.1  # seconds between polls of the command table, also while paused
HEARTBEAT = 3.0  # seconds between heartbeats
PROGRESS = 0.5  # seconds between reports while data are prepared
LEAST_PART, MOST_PARTS = 10, 100  # steps of one role that an event covers; events for one command


def runs_at_once() -> int:
    """How many runs may train at the same time over all processes of a store (`GANSCOPE_MAX_RUNS`, default 1)."""
    text = os.environ.get("GANSCOPE_MAX_RUNS", "1")
    return max(1, int(text)) if text.isdecimal() else 1


class Stopped(Exception):
    """The run was asked to stop."""


class Session(Control):
    """Trains one run of the store. `start` claims the run in the caller's thread: conflicts are raised there."""

    trainer: Trainer
    journal: Journal

    def __init__(
        self,
        store: RunStore,
        run_id: str,
        *,
        device: str = "cpu",
        limit: int | None = None,
        computation: Computation = USUAL,
        ranks: Ranks = ALONE,
    ) -> None:
        """`ranks`: the processes that train this run together, of which this is the first; the others follow."""
        super().__init__(store, run_id)
        self.ranks = ranks
        self._owners: list[liveness.Owner] = []  # the processes by rank
        self._make: Callable[..., Trainer] = partial(leading.Leader, ranks=ranks) if ranks.size > 1 else Trainer
        self.device = device
        self.computation = computation
        self.speedup = 0.0  # of bf16 over fp32, if it was tried
        self.limit = limit or runs_at_once()
        self._paused = False
        self._reported: Fault | None = None  # the fault reported in the run's state
        self._requests: list[tuple[str, Mapping[str, Any]]] = []
        self._replay: list[Event] = []
        self._damaged: list[BadCheckpoint] = []  # found while reading, reported once the trainer is at its step
        self._polled = 0.0
        self._refused = False  # whether the run's message says why an edit was refused
        self._until = 0  # the step at which the run pauses by itself; 0: none
        self._pace = self._next_step = 0.0  # steps per second at most, 0: no limit; when the next one is due
        self._ended = threading.Event()

    def start(self, paused: bool = False) -> Session:
        """Starts, or resumes, the run in a thread; raises RunConflict if another process owns it."""
        self._token = self.store.claim(self.run_id)
        self.store.enqueue(self.run_id, self._token)
        self._paused = paused
        self._thread = threading.Thread(target=self._main, name=f"run {self.run_id}", daemon=True)
        self._thread.start()
        threading.Thread(target=self._pulse, name=f"pulse {self.run_id}", daemon=True).start()
        return self

    def join(self, timeout: float | None = None) -> bool:
        """Waits for the end; returns whether the run has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _pulse(self) -> None:
        """Sends heartbeats while the other thread loads data or runs a long step."""
        while not self._ended.wait(HEARTBEAT):
            with suppress(GanscopeError):  # a full disk or a lost claim shows up in the training thread
                self.store.heartbeat(self.run_id, self._token)

    # --- the thread ---------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._end(self._run())
        except LostRank:
            self._fail(*self._lost())
        except GanscopeError as error:
            self._fail(error.message, error.values)
        except BaseException as error:
            self._fail("{error}", {"error": f"{type(error).__name__}: {error}"})
        finally:
            self._dismiss()
            self._ended.set()
            self.store.release(self.run_id, self._token)

    def _run(self) -> RunState:
        """Trains until the planned steps are done or the run is stopped."""
        try:
            self._await_turn()
            keep_within_quota(self.store)
            self._prepare()
            self._train()
        except Stopped:
            return RunState.STOPPED
        return RunState.FINISHED

    def _lost(self) -> tuple[str, Mapping[str, Any]]:
        """The reason why the run can't continue without another process, and where it can be resumed."""
        step = max((checkpoint.step for checkpoint in self.store.checkpoints(self.run_id)), default=0)
        return reasons.of_lost_ranks(leading.lost(self._owners), step)

    def _dismiss(self) -> None:
        """Ends the other ranks; within a step no message reaches them, and they end with their connection."""
        within = hasattr(self, "trainer") and getattr(self.trainer, "within", False)
        if self.ranks.size > 1 and not within:
            leading.end(self.ranks)

    def _set_state(
        self, state: RunState, message: str = "", values: Mapping[str, Any] | None = None, trace: str = ""
    ) -> None:
        self.store.set_state(
            self.run_id, self._token, state, message=message, values=plain_values(values or {}), traceback=trace
        )

    def _await_turn(self) -> None:
        """Waits in the queue, and executes commands meanwhile."""
        while not self._paused and not self.store.try_start(self.run_id, self._token, self.limit):
            self._take_commands()
            if any(name == "stop" for name, _ in self._requests):
                raise Stopped
            if any(name == "pause" for name, _ in self._requests):
                self._paused = True
            time.sleep(POLL)

    def _prepare(self) -> None:
        """Loads the data, builds the trainer and restores the newest sound checkpoint, if there is one."""
        run = self.status
        recipe = recipes.get(run.spec.recipe)
        data_set = self._load_data(run.spec.data, run.spec.size)
        if self.ranks.size > 1:
            self._owners = leading.begin(self.ranks, run.spec.data, run.spec.size, data_set)
        state = self._newest(self.store.checkpoints(self.run_id))
        own = state is not None and state["run"] == self.run_id
        hparams = recipe.settings(state["hparams"] if state is not None and own else run.spec.hparams)
        learnt = None if state is None else DataSpec.from_state(state["spec"])
        data_set = suited(data_set, recipe, hparams, learnt)
        self._choose(recipe, hparams, data_set)
        if state is None or own:
            self.trainer = self._make(recipe, hparams, data_set, self.device, self.computation)
        else:
            forks = [event.payload for event in self.store.events(self.run_id) if event.kind == "forked"]
            begun = forks[0]["begun"] if forks else ()
            self.trainer = forking.begin(
                recipe, hparams, state, data_set, self.device, self.computation, begun, self._make
            )
        values = max(math.prod(shape) for shape in self.trainer.spec.fields.values())
        torch.set_num_threads(cpu_threads(self.trainer.networks, values))
        if state is not None and own:
            load_state(self.trainer, state)
        self.journal = Journal(self.store, self.run_id, self._token, self.trainer, run.seconds)
        if state is not None and own:
            self.journal.event_id = state["event_id"]
            self.store.truncate(self.run_id, self._token, self.trainer.step)
        elif state is not None:
            self.journal.inherit()
        # also in a run's first session: it may have been extended before that
        seen = self.journal.event_id
        self._replay = [event for event in self.store.events(self.run_id, seen) if event.kind in REPLAYED]
        self._report_data(data_set)

    def _choose(self, recipe: Recipe, hparams: TrainingHParams, data_set: DataSet) -> None:
        """Settles the precision, if that is left to a trial."""
        if self.computation.precision == AUTO:
            self.speedup = speedup(recipe, hparams, data_set, self.device, self.computation)
            self.computation = replace(self.computation, precision="bf16" if self.speedup >= WORTH else "fp32")

    def _report_damage(self) -> None:
        while self._damaged:
            error = self._damaged.pop(0)
            self.journal.event("warning", {"message": error.message, "values": plain_values(error.values)})

    def _load_data(self, name: str, size: int) -> DataSet:
        shown = time.monotonic()

        def progress(share: float, what: str) -> None:
            nonlocal shown
            if time.monotonic() - shown > PROGRESS:
                shown = time.monotonic()
                values = {"what": what, "percent": round(100 * share)}
                self._set_state(self.status.state, "Preparing the data: {what}, {percent} %", values)

        data_set = data.load(name, size, progress)
        self._set_state(self.status.state)
        return data_set

    def _report_data(self, data_set: DataSet) -> None:
        for file, reason in data_set.skipped[:20]:
            self.journal.event("skipped", {"file": file, "reason": reason})
        self.journal.event(DATA, {"classes": list(data_set.class_names), "notes": list(data_set.notes)})

    def _newest(self, checkpoints: list[Checkpoint]) -> dict[str, Any] | None:
        """The newest checkpoint that can be read: the run's own, or a fork's copy of its parent's."""
        for checkpoint in reversed(checkpoints):
            try:
                return read_checkpoint(checkpoint.path, checkpoint.sha256)
            except BadCheckpoint as error:
                self._damaged.append(error)
        return None

    def _train(self) -> None:
        planned = self.status.spec.steps
        self._report_damage()
        together = {"ranks": [owner.host.partition("/")[0] for owner in self._owners]} if self._owners else {}
        tried = {"bf16_speedup": round(self.speedup, 2)} if self.speedup else {}
        self.journal.event("started", {"device": self.device} | self.computation.differences() | tried | together)
        self._replay_events()
        self._renew_rates()
        self._pace = pace_of(self.store.events(self.run_id))
        if self._paused:
            self._set_state(RunState.PAUSED)
        while True:
            try:
                self._replay_events()
                self._obey()
                if self._paused:
                    self._rest()
                    continue
                done = bool(planned) and self.trainer.step >= planned
                self._write_due(everything=done)
                if done:
                    if self.journal.fault is None:
                        return
                elif not self._paused:
                    self._trained_on()
            except DiskFull as error:
                self._pause_without_space(error)

    def _trained_on(self) -> None:
        """The next step, unless the pace delays it or the run was to pause here."""
        if self._until and self.trainer.step >= self._until:
            self._pause()
        elif self._pace and (wait := self._next_step - time.monotonic()) > 0:
            time.sleep(min(wait, POLL))
        else:
            self._next_step = time.monotonic() + (1 / self._pace if self._pace else 0.0)
            self._one_step()

    def _one_step(self, only: str | None = None) -> None:
        began = time.monotonic()
        result = self.trainer.train_step(only)
        self.journal.add(result, time.monotonic() - began)

    def _write_due(self, everything: bool = False) -> None:
        self.journal.write_due(everything)
        if self.journal.fault is not None:
            self._report_fault(self.journal.fault)

    def _report_fault(self, fault: Fault) -> None:
        """Pauses a run whose loss is not finite."""
        self._paused = True
        if fault is self._reported:
            return
        self.journal.event("not_finite", asdict(fault) | {"value": str(fault.value), "ranks": list(fault.ranks)})
        self._set_state(RunState.PAUSED, *reasons.of_fault(fault))
        self._reported = fault

    # --- commands -----------------------------------------------------------------------------------------------

    def _take_commands(self) -> None:
        self._requests += [(command.name, command.payload) for command in self.store.take(self.run_id, self._token)]

    def _poll(self) -> None:
        now = time.monotonic()
        if now - self._polled >= POLL:
            self._polled = now
            self._take_commands()

    def _obey(self) -> None:
        self._poll()
        while self._requests:
            self._command(*self._requests.pop(0))

    def _command(self, name: str, payload: Mapping[str, Any]) -> None:
        if name == "stop":
            raise Stopped
        if name == "pause":
            self._pause()
        elif name == "rollback":
            self._rollback(payload.get("to"))
        elif name == "save":
            self.journal.checkpoint()
        elif self.journal.fault is not None:
            return  # the state reports the fault: the run can only go back
        elif name == "resume":
            self._resume()
        elif name == "step":
            left = payload["until"] - self.trainer.step if "until" in payload else payload["count"]
            self._manual_steps(max(0, left), payload["only"])
        elif name == "run_to":
            self._until = payload["step"]
            self._resume()
        elif name == "pace":
            self._set_pace(payload["rate"])
        elif name == "gap":
            self.journal.measure_gap()
            self._announce()
        elif name == "edit":
            self._edit(payload["changes"], payload.get("remedy", ""))

    def _pause(self, message: str = "", values: Mapping[str, Any] | None = None) -> None:
        """Pauses and frees the slot for the next run in the queue."""
        self._paused, self._until = True, 0
        self._write_due(everything=True)
        if self.journal.fault is None:
            self._set_state(RunState.PAUSED, message, values)

    def _resume(self) -> None:
        if not self._paused:
            return
        self._write_due(everything=True)
        self._paused = False
        self.store.restore_reserve()
        self.store.enqueue(self.run_id, self._token)
        self._await_turn()
        self.journal.start_clock()

    def _rest(self) -> None:
        """Waits without training; viewers still see the effect of an edit."""
        self.journal.film()
        time.sleep(POLL)

    def _manual_steps(self, count: int, only: str | None) -> None:
        """Trains for that many steps, fewer if a command to stop or pause arrives meanwhile."""
        self.journal.flush()
        self.journal.start_clock()
        part = 1 if only is None else max(LEAST_PART, count // MOST_PARTS)
        for done in range(0, count, part):
            self._poll()
            if any(name in ("stop", "pause") for name, _ in self._requests):
                break
            steps = min(part, count - done)
            if only is not None:
                self.journal.replayable("step", {"count": steps, "only": only})
            for _ in range(steps):
                self._one_step(only)
        self._paused = True
        self.journal.flush(examine=True)
        self._write_due()
        if self.journal.fault is None:
            self.journal.film(everything=True)
            self.journal.live_preview()
            self._set_state(RunState.PAUSED)

    def _edit(self, changes: Mapping[str, Any], remedy: str = "") -> None:
        old = self.trainer.hparams
        try:
            new = changed(old, changes)
        except GanscopeError as error:  # valid when it was sent; another viewer's edit came first
            self._set_state(self.status.state, error.message, error.values)
            self._refused = True
            return
        # scores are interpreted by the loss that produced them
        self.journal.flush()
        before = {name: value for name, value in to_dict(old).items() if name in changes}
        begun = sorted(clocks(old, changes))
        payload: dict[str, Any] = {"changes": dict(changes), "before": before}
        payload |= {"begun": begun} if begun else {}
        payload |= {"remedy": remedy} if remedy else {}
        self.journal.replayable("edit", payload)
        self.trainer.edit(new, begun)
        self._announce()

    def _replay_events(self) -> None:
        """Applies again, at their steps, the edits and single-role steps that a resumed run had already seen."""
        while self._replay and self._replay[0].step <= self.trainer.step:
            event = self._replay.pop(0)
            self.journal.flush()
            self.journal.event_id = event.id
            if event.kind == "edit":
                hparams = changed(self.trainer.hparams, event.payload["changes"])
                self.trainer.edit(hparams, event.payload.get("begun", ()))  # missing in runs of older versions
            else:
                for _ in range(event.payload["count"]):
                    self._one_step(event.payload["only"])

    def _renew_rates(self) -> None:
        """Restarts a schedule that had ended when the run stopped: with learning rates of 0 the run would learn
        nothing.
        """
        trainer, planned = self.trainer, self.status.spec.steps
        began = trainer.began.get(RATES, Moment()).step
        settings = to_dict(trainer.hparams)
        if began + schedule.length(settings) > trainer.step or (planned and trainer.step >= planned):
            return
        if changes := schedule.anew(settings, began, trainer.step, planned):
            self._edit(changes)

    def _set_pace(self, rate: float) -> None:
        """Stores the pace with the run: at step 0, so that a rollback never drops it."""
        self._pace, self._next_step = rate, 0.0
        self.store.add_event(self.run_id, self._token, 0, PACE, {"rate": rate})
        self._announce()

    def _announce(self) -> None:
        """Updates the run's row, so that pages read the new event even while the run doesn't train."""
        run, refused, self._refused = self.status, self._refused, False
        self._set_state(run.state, *(() if refused else (run.message, run.message_values)))

    def _rollback(self, to: int | None = None) -> None:
        """Goes back to the newest sound checkpoint, not after step `to`; everything after it is dropped, edits too."""
        saved_ones = self.store.checkpoints(self.run_id)
        state = self._newest([one for one in saved_ones if to is None or one.step <= to])
        if state is None:
            self._set_state(RunState.PAUSED, "There is no checkpoint to roll back to. Start a new run.")
            return
        saved = changed(self.trainer.hparams, state["hparams"])
        undone = differences(self.trainer.hparams, saved)
        self.trainer.edit(saved)
        load_state(self.trainer, state)
        self.journal.rewind()
        self._replay, self._reported = [], None
        self.journal.event_id = state["event_id"]
        self.store.truncate(self.run_id, self._token, self.trainer.step, drop_replayed=True)
        self._report_damage()
        self.journal.event("rollback", {})
        if undone:
            self.journal.replayable("edit", {"changes": undone, "before": {}})
        self._pause("Rolled back to step {step}. Adjust the settings, then resume.", {"step": self.trainer.step})

    # --- ends ---------------------------------------------------------------------------------------------------

    def _pause_without_space(self, error: DiskFull) -> None:
        """Pauses on a full disk. The previous checkpoint is intact; what could not be written is retried on resume."""
        self._paused = True
        self.store.free_reserve()
        try:
            self._set_state(RunState.PAUSED, error.message, error.values)
        except DiskFull:
            logger.error("run %s is paused, and even that can't be written: %s", self.run_id, error)
        time.sleep(POLL)

    def _end(self, state: RunState) -> None:
        message, values = "", {}
        try:
            if hasattr(self, "journal"):
                self.journal.write_due(everything=True)
        except DiskFull as error:
            self.store.free_reserve()
            message, values = error.message, error.values
        self._set_state(state, message, values)

    def _fail(self, message: str, values: Mapping[str, Any]) -> None:
        logger.exception("run %s failed", self.run_id)
        trace = traceback.format_exc()
        try:
            self._set_state(RunState.FAILED, message, values, trace)
        except DiskFull:
            self.store.free_reserve()
            self._set_state(RunState.FAILED, message, values, trace)
