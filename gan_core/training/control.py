"""Controls a run from any thread or process: commands are checked here, in the caller, and sent through the store.

Only the methods that need torch import it, so that pausing from a new process is quick.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from gan_core.errors import BadValue, RunConflict
from gan_core.hparams import RATES, WARM_UP, AdversarialHParams, TrainingHParams
from gan_core.knobs import changed, clocks, differences
from gan_core.roles import check_role
from gan_core.runs.store import Event, Run, RunState, RunStore
from gan_core.training import schedule

PACE = "pace"  # event kind
BACK = 10.0  # seconds to wait for a run to go back to a checkpoint


def current_hparams(store: RunStore, run: Run) -> TrainingHParams:
    """The run's settings with all edits made so far."""
    from gan_core.gans import recipes

    hparams = recipes.get(run.spec.recipe).settings(run.spec.hparams)
    for event in store.events(run.id):
        if event.kind == "edit":
            hparams = changed(hparams, event.payload["changes"])
    return hparams


def pace_of(events: Iterable[Event]) -> float:
    """The pace last set for a run, in steps per second; 0 for full speed."""
    rates: list[float] = [event.payload["rate"] for event in events if event.kind == PACE]
    return rates[-1] if rates else 0.0


class Control:
    """The commands of a run. Each raises RunConflict if the run's state does not allow it."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.store = store
        self.run_id = run_id

    @property
    def status(self) -> Run:
        """The run's present record in the store."""
        return self.store.get(self.run_id)

    def pause(self) -> None:
        """Pauses after the current step."""
        self._send("pause")

    def resume(self) -> None:
        """Resumes from a pause, as soon as the queue allows it."""
        self._send("resume")

    def stop(self) -> None:
        """Stops the run after the current step, with a checkpoint."""
        self._send("stop")

    def save(self) -> None:
        """Writes a checkpoint after the current step."""
        self._send("save")

    def rollback(self, to: int | None = None) -> None:
        """Goes back to the last good checkpoint, not after step `to`, and pauses there.

        Raises BadValue if no checkpoint is that old.
        """
        if to is None:
            self._send("rollback")
        elif any(checkpoint.step <= to for checkpoint in self.store.checkpoints(self.run_id)):
            self._send("rollback", {"to": to})
        else:
            raise BadValue("There is no checkpoint at or before step {step}.", step=to)

    def step(self, count: int = 1, only: str | None = None) -> None:
        """Trains for some steps and pauses; `only` restricts them to the phases of one role."""
        if not 1 <= count <= 10_000:
            raise BadValue("The number of steps must be between 1 and 10000, got {count}.", count=count)
        check_role(only)
        self._send("step", {"count": count, "only": only})

    def step_to(self, step: int) -> None:
        """Trains until the run has had `step` steps in all, and pauses; a repeated call has no further effect."""
        done = self.status.step
        if not 0 <= step - done <= 10_000:
            raise BadValue("The run has trained for {done} steps: at most 10000 more are possible.", done=done)
        self._send("step", {"count": step - done, "only": None, "until": step})

    def run_to(self, step: int) -> None:
        """Trains on until the run has had `step` steps in all, and pauses; raises BadValue if it has had them."""
        if step <= self.status.step:
            raise BadValue(
                "The run has already trained for {done} steps: choose a larger number.", done=self.status.step
            )
        self._send("run_to", {"step": step})

    def set_pace(self, rate: float) -> None:
        """Limits the speed to `rate` steps per second from now on, also after a resume; 0 trains at full speed."""
        if not 0 <= rate <= 1000:
            raise BadValue("The pace must be between {low} and {high} steps per second.", low=0, high=1000)
        self._send("pace", {"rate": rate})

    def measure_gap(self) -> None:
        """Measures the duality gap after the current step, as an event of the run (`metrics/duality.py`).

        Raises BadValue for a run whose data have no known density, or whose D has a different task.
        """
        from gan_core.data.mixtures import is_known
        from gan_core.metrics import duality

        run = self.status
        if not is_known(run.spec.data):
            raise BadValue("The duality gap is measured for points in the plane. This run learns from {data}.",
                           data=run.spec.data)  # fmt: skip
        hparams = current_hparams(self.store, run)
        assert isinstance(hparams, AdversarialHParams)
        duality.check(hparams)
        self._send("gap")

    def edit(self, /, **changes: Any) -> None:
        """Changes live knobs during the run; raises UnknownName or BadValue, and then changes nothing.

        A schedule restarts with an edit that names one of its knobs, even if the value stays the same.
        """
        self._send_edit(changes)

    def _send_edit(self, changes: Mapping[str, Any], remedy: str = "", save: bool = False) -> None:
        from gan_core.hparams import check_edit

        run = self.status
        current = current_hparams(self.store, run)
        new = changed(current, changes)
        check_edit(current, new)
        if "batch_size" in changes:
            self._check_split(new.batch_size)
        sent = differences(current, new) | {name: getattr(new, name) for name in changes if clocks(new, [name])}
        if sent and save:
            self._send("save")
        if sent:
            self._send("edit", {"changes": sent} | ({"remedy": remedy} if remedy else {}))

    def _check_split(self, batch_size: int) -> None:
        """Raises BadValue if the run's processes can't split a batch of this size."""
        from gan_core.ranks import Ranks

        started = [event.payload for event in self.store.events(self.run_id) if event.kind == "started"]
        last = started[-1] if started else {}
        Ranks(0, len(last.get("ranks", [0]))).check_batch(batch_size, last.get("accumulate", 1))

    def apply(self, remedy: str) -> None:
        """Applies a remedy to the running run; one that rolls back waits until the run has rolled back.

        Otherwise a checkpoint is written first, so that it can be undone (`applied`). Raises UnknownName, BadValue if
        the remedy needs a fork, or RunConflict.
        """
        from gan_core.doctor.remedies import remedies

        found = remedies.get(remedy)
        if found.back:
            self._go_back()
        self._send_edit(found.changes(current_hparams(self.store, self.status)), remedy, save=not found.back)

    def _go_back(self) -> None:
        seen = max((event.id for event in self.store.events(self.run_id)), default=0)
        self.rollback()
        end = time.monotonic() + BACK
        while not any(event.kind == "rollback" for event in self.store.events(self.run_id, seen)):
            if time.monotonic() > end:
                raise RunConflict("The run {run} has not rolled back to a checkpoint.", run=self.run_id)
            time.sleep(0.02)

    def _send(self, name: str, payload: Mapping[str, Any] | None = None) -> None:
        run = self.status
        if not run.is_active:
            raise RunConflict(
                "The run {run} is {state}, so '{command}' isn't possible.",
                run=run.name or run.id,
                state=run.state.value,
                command=name,
            )
        self.store.send(self.run_id, name, dict(payload or {}))


def applied(store: RunStore, run: Run) -> tuple[str, int] | None:
    """The last remedy that can be undone: its name, and the step whose checkpoint holds the state before it.

    None if there was none, other settings were edited since, or the checkpoint is gone.
    """
    edits = [event for event in store.events(run.id) if event.kind in ("edit", "rollback")]
    if not edits or not edits[-1].payload.get("remedy"):
        return None
    last = edits[-1]
    saved = any(checkpoint.step == last.step for checkpoint in store.checkpoints(run.id))
    return (str(last.payload["remedy"]), last.step) if saved else None


def fork(
    store: RunStore,
    run: Run,
    changes: Mapping[str, Any],
    steps: int | None = None,
    name: str = "",
    begin: Iterable[str] = (),
) -> Run:
    """Creates a run with other settings; see `forking` for where it starts from.

    `begin`: clocks of schedules that restart with the fork though their settings stay the same, such as RATES. A
    learning-rate schedule that would end before the planned steps restarts too, unless `changes` set it.
    """
    from gan_core.gans import recipes
    from gan_core.training import forking

    hparams = changed(current_hparams(store, run), changes)
    recipe = recipes.get(run.spec.recipe)
    planned = run.spec.steps if steps is None else steps
    forking.save(store, run)
    start = forking.start_of(store, run, hparams)
    begun = clocks(hparams, changes).union(start.begun, begin)
    if not schedule.KNOBS & changes.keys():
        began = start.step if RATES in begun else start.began.get(RATES, 0)
        anew = schedule.anew(_plain(hparams), began, start.step, planned) or {}
        hparams, begun = changed(hparams, anew), begun | clocks(hparams, anew)
    spec = recipe.plan(run.spec.data, run.spec.size, planned, _plain(hparams), run.spec.preset)
    return forking.create(store, run, spec, start, begun, name)


def fork_with(store: RunStore, run: Run, remedy: str, name: str = "") -> Run:
    """A fork with a remedy applied, which trains as long again and restarts the learning-rate schedule."""
    from gan_core.doctor.remedies import remedies

    changes = remedies.get(remedy).changes(current_hparams(store, run))
    steps = run.step + run.spec.steps if run.spec.steps else 0
    return fork(store, run, changes, steps, name, (RATES, WARM_UP))


def extend(store: RunStore, run: Run, steps: int) -> Run:
    """Extends a finished run to `steps` in all (0: until it is stopped), ready for a Session.

    A learning-rate schedule that would end before that restarts over the added steps. Raises BadValue if the run has
    had that many steps, or RunConflict while it is active.
    """
    if run.is_active:
        raise RunConflict(
            "The run {run} is {state}. Stop it before extending it.",
            run=run.name or run.id, state=run.state.value,
        )  # fmt: skip
    if 0 < steps <= run.step:
        raise BadValue(
            "The run {run} has already trained for {done} steps. Plan more steps, or 0 to train until stopped.",
            run=run.name or run.id, done=run.step,
        )  # fmt: skip
    hparams, at = current_hparams(store, run), saved_step(store, run)
    store.set_steps(run.id, steps)
    if anew := schedule.anew(_plain(hparams), schedule.began(store, run), at, steps):
        before = {name: getattr(hparams, name) for name in anew}
        begun = sorted(clocks(hparams, anew))
        store.add_event(run.id, None, at, "edit", {"changes": anew, "before": before, "begun": begun})
    return store.get(run.id)


def restarts_schedule(store: RunStore, run: Run, settings: Mapping[str, Any], steps: int) -> bool:
    """Whether extending a run with these settings to `steps` restarts its learning-rate schedule."""
    return schedule.anew(settings, schedule.began(store, run), saved_step(store, run), steps) is not None


def saved_step(store: RunStore, run: Run) -> int:
    """The step of the run's newest checkpoint, from which it resumes; 0 if there is none."""
    saved = store.checkpoints(run.id)
    return saved[-1].step if saved else 0


def _plain(hparams: TrainingHParams) -> dict[str, Any]:
    from gan_core.knobs import to_dict

    return to_dict(hparams)


__all__ = [
    "PACE",
    "Control",
    "RunState",
    "current_hparams",
    "extend",
    "fork",
    "fork_with",
    "pace_of",
    "restarts_schedule",
    "saved_step",
]
