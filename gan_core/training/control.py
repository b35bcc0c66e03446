"""Steers a run from any thread or process: commands are checked here, in the caller, and sent through the store.

What needs torch is imported by the verbs that need it, so that a pause from a fresh process is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gan_core.errors import BadValue, RunConflict
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, differences, knobs
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import schedule

ROLES = ("generator", "discriminator")


def current_hparams(store: RunStore, run: Run) -> TrainingHParams:
    """The run's settings with all edits made so far."""
    from gan_core.gans import recipes

    hparams = recipes.get(run.spec.recipe).settings(run.spec.hparams)
    for event in store.events(run.id):
        if event.kind == "edit":
            hparams = changed(hparams, event.payload["changes"])
    return hparams


class Control:
    """The verbs of a run. Each raises RunConflict where the run's state does not allow it."""

    def __init__(self, store: RunStore, run_id: str) -> None:
        self.store = store
        self.run_id = run_id

    @property
    def status(self) -> Run:
        """The run as the store has it now."""
        return self.store.get(self.run_id)

    def pause(self) -> None:
        """Pauses after the step under way."""
        self._send("pause")

    def resume(self) -> None:
        """Goes on from a pause, as soon as it is the run's turn."""
        self._send("resume")

    def stop(self) -> None:
        """Ends the run after the step under way, with a checkpoint."""
        self._send("stop")

    def save(self) -> None:
        """Writes a checkpoint after the step under way."""
        self._send("save")

    def rollback(self) -> None:
        """Goes back to the last good checkpoint and pauses there."""
        self._send("rollback")

    def step(self, count: int = 1, only: str | None = None) -> None:
        """Runs some steps and pauses; `only` is a role whose phases alone are run."""
        if not 1 <= count <= 10_000:
            raise BadValue("The number of steps must lie between 1 and 10000, not at {count}.", count=count)
        if only is not None and only not in ROLES:
            raise BadValue("There is no role '{only}'. Valid: {valid}.", only=only, valid=", ".join(ROLES))
        self._send("step", {"count": count, "only": only})

    def edit(self, **changes: Any) -> None:
        """Changes live knobs while the run goes on; raises UnknownName or BadValue, and then nothing changes."""
        from gan_core.hparams import check_edit

        run = self.status
        current = current_hparams(self.store, run)
        new = changed(current, changes)
        check_edit(current, new)
        if different := differences(current, new):
            self._send("edit", {"changes": different})

    def _send(self, name: str, payload: Mapping[str, Any] | None = None) -> None:
        run = self.status
        if not run.is_active:
            raise RunConflict(
                "The run {run} is {state}, so it can't take '{command}'.",
                run=run.name or run.id,
                state=run.state.value,
                command=name,
            )
        self.store.send(self.run_id, name, dict(payload or {}))


def fork(store: RunStore, run: Run, changes: Mapping[str, Any], steps: int | None = None, name: str = "") -> Run:
    """A new run with other settings. It starts from the parent's newest checkpoint, unless networks are rebuilt.

    A schedule of the rates that would end before the planned steps begins anew, unless `changes` say what it is to be.
    """
    from gan_core.gans import recipes

    before = current_hparams(store, run)
    hparams = changed(before, changes)
    recipe = recipes.get(run.spec.recipe)
    planned = run.spec.steps if steps is None else steps
    at = 0 if _rebuilt(before, hparams) else saved_step(store, run)
    anew = None if schedule.KNOBS & changes.keys() else _anew(store, run, hparams, at, planned)
    spec = recipe.plan(
        run.spec.data, run.spec.size, planned, _plain(changed(hparams, anew or {})), run.spec.preset
    )  # fmt: skip
    made = store.create(spec, name=name, parent=run.id)
    if anew:
        store.add_event(made.id, None, at, "forked", {"run": run.id, "begun": [schedule.CLOCK]})
    return made


def extend(store: RunStore, run: Run, steps: int) -> Run:
    """Plans a run that has ended to go on to `steps` in all (0: until it is stopped), ready for a Session.

    A schedule of the rates that would end before begins anew over the steps that are added. Raises BadValue where the
    run has had that many steps, or RunConflict while it is active.
    """
    if run.is_active:
        raise RunConflict(
            "The run {run} is {state}: stop it first, then it can be trained for longer.",
            run=run.name or run.id, state=run.state.value,
        )  # fmt: skip
    if 0 < steps <= run.step:
        raise BadValue(
            "The run {run} has had {done} steps already: plan more than that, or 0 to train until it is stopped.",
            run=run.name or run.id, done=run.step,
        )  # fmt: skip
    hparams, at = current_hparams(store, run), saved_step(store, run)
    store.set_steps(run.id, steps)
    if anew := _anew(store, run, hparams, at, steps):
        before = {name: getattr(hparams, name) for name in anew}
        store.add_event(run.id, None, at, "edit", {"changes": anew, "before": before, "begun": [schedule.CLOCK]})
    return store.get(run.id)


def decays_anew(store: RunStore, run: Run, settings: Mapping[str, Any], steps: int) -> bool:
    """Whether the rates of a run with these settings begin their schedule anew where it is extended to `steps`."""
    return schedule.anew(settings, schedule.began(store, run), saved_step(store, run), steps) is not None


def saved_step(store: RunStore, run: Run) -> int:
    """The step of the run's newest checkpoint, from which it goes on; 0 where there is none."""
    saved = store.checkpoints(run.id)
    return saved[-1].step if saved else 0


def _anew(store: RunStore, run: Run, hparams: TrainingHParams, at: int, steps: int) -> dict[str, Any] | None:
    return schedule.anew(_plain(hparams), schedule.began(store, run) if at else 0, at, steps)


def _rebuilt(before: TrainingHParams, after: TrainingHParams) -> bool:
    return any(knobs(after)[name].change == "rebuild" for name in differences(before, after))


def _plain(hparams: TrainingHParams) -> dict[str, Any]:
    from gan_core.knobs import to_dict

    return to_dict(hparams)


__all__ = ["ROLES", "Control", "RunState", "current_hparams", "decays_anew", "extend", "fork", "saved_step"]
