"""Where a fork starts from: the parent's newest checkpoint, as far as the networks stay the same.

The checkpoint is copied into the fork when it is made, so that the fork doesn't depend on the other run. A session
whose newest checkpoint belongs to another run begins the fork:

    live settings alone differ             everything continues, exactly as after an edit at that step
    others, but not the architecture       unchanged networks continue, the others start afresh
    the architecture, or the seed          everything starts afresh, at step 0
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from gan_core.checkpoint import load_state, read_checkpoint
from gan_core.data.base import DataSet, DataSpec
from gan_core.disk import writing
from gan_core.errors import BadCheckpoint, BadValue
from gan_core.gans import recipes
from gan_core.gans.recipe import Recipe
from gan_core.hparams import TrainingHParams, rebuilt
from gan_core.knobs import clocks, differences, knobs
from gan_core.models import loading
from gan_core.models.lending import lend
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import REPLAYED, Checkpoint, Run, RunState, RunStore
from gan_core.training.computation import USUAL, Computation
from gan_core.training.trainer import Trainer

ANEW = ("networks", "growth")  # groups of settings that change the networks, even if the weights would fit
SAVED = 5.0  # seconds to wait for a run to write a requested checkpoint


@dataclass(frozen=True)
class Start:
    """What a fork starts with. `kept` and `fresh` are networks; `because`: the settings for which some are fresh."""

    checkpoint: Checkpoint | None = None  # None: it starts afresh
    kept: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    began: Mapping[str, int] = field(default_factory=dict)  # by clock: the step from which a schedule counts so far
    begun: frozenset[str] = frozenset()  # clocks of the schedules whose settings differ: they count from the fork

    @property
    def step(self) -> int:
        return self.checkpoint.step if self.checkpoint else 0

    def payload(self) -> dict[str, Any]:
        """Plain values, for an event."""
        return {
            "step": self.step, "kept": list(self.kept), "fresh": list(self.fresh), "because": list(self.because),
            "began": dict(self.began),
        }  # fmt: skip


def start_of(store: RunStore, run: Run, hparams: TrainingHParams) -> Start:
    """The start of a fork with these settings, from the run's newest checkpoint."""
    recipe = recipes.get(run.spec.recipe)
    found = newest(store, run)
    if found is None:
        return Start()
    checkpoint, state = found
    names, saved = tuple(state["networks"]), recipe.settings(state["hparams"])
    because = tuple(rebuilt(saved, hparams))
    kept = _kept(recipe, state, hparams, because) if because else names
    if not kept:
        return Start(fresh=names, because=because)
    began = {clock: int(moment[0]) for clock, moment in state.get("began", {}).items()}
    begun = frozenset(clocks(hparams, differences(saved, hparams)))
    return Start(checkpoint, kept, tuple(name for name in names if name not in kept), because, began, begun)


def newest(store: RunStore, run: Run, step: float = math.inf) -> tuple[Checkpoint, Mapping[str, Any]] | None:
    """The run's newest checkpoint that can be read, not after `step`."""
    for checkpoint in reversed(store.checkpoints(run.id)):
        if checkpoint.step <= step:
            with suppress(BadCheckpoint):
                return checkpoint, read_checkpoint(checkpoint.path, checkpoint.sha256)
    return None


def again(store: RunStore, run: Run, step: int, name: str = "") -> Run:
    """Creates a fork that, once a Session has trained it to `step`, equals the run at that step: bit for bit on a CPU.

    It starts from the run's newest checkpoint up to that step, else from the first step, and repeats the commands in
    between. Raises BadValue for a step that the run hasn't reached.
    """
    if not 0 <= step <= run.step:
        raise BadValue(
            "The run has had {done} steps, so there is no step {step} to go on from.", done=run.step, step=step
        )
    found = newest(store, run, step)
    start, hparams, seen = Start(), dict(run.spec.hparams), 0
    if found:
        checkpoint, state = found
        start = Start(checkpoint, tuple(state["networks"]))
        if state["run"] == run.id:
            hparams, seen = state["hparams"], state["event_id"]
    spec = replace(run.spec, hparams=hparams)
    made = create(store, run, spec, start, (), name, step)
    for event in store.events(run.id, seen):
        if event.kind in REPLAYED and start.step <= event.step < step:
            payload = dict(event.payload)
            if event.kind == "step":
                payload["count"] = min(payload["count"], step - event.step)
            store.add_event(made.id, None, event.step, event.kind, payload)
    return store.get(made.id)


def _kept(
    recipe: Recipe, state: Mapping[str, Any], hparams: TrainingHParams, because: tuple[str, ...]
) -> tuple[str, ...]:
    """The networks that are kept; none if the sampled networks can't be kept."""
    if any(name == "seed" or knobs(hparams)[name].group in ANEW for name in because):
        return ()
    spec = DataSpec.from_state(state["spec"])
    networks = recipe.build(hparams, spec)
    lend(recipe, hparams, networks, spec, loading.load)
    kept = tuple(name for name, weights in state["networks"].items() if _fits(networks[name], weights))
    return kept if set(recipe.ema_networks) <= set(kept) else ()


def _fits(network: nn.Module, weights: Mapping[str, Tensor]) -> bool:
    return {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in weights.items()
    }


def create(
    store: RunStore,
    run: Run,
    spec: RunSpec,
    start: Start,
    begun: Iterable[str],
    name: str = "",
    again: int | None = None,
) -> Run:
    """Creates a fork of a run, ready for a Session; leaves nothing behind on failure.

    `begun`: the clocks of all schedules that count from the fork; `again`: the step up to which it repeats the other
    run.
    """
    made = store.create(spec, name=name, parent=run.id)
    token = store.claim(made.id)
    try:
        if start.checkpoint:
            _copy(store, made, token, start.checkpoint)
        known = {"run": run.id, "begun": sorted(begun)} | start.payload() | ({} if again is None else {"again": again})
        store.add_event(made.id, token, start.step, "forked", known)
    except BaseException:
        store.release(made.id, token)
        store.delete(made.id)
        raise
    store.release(made.id, token)
    return store.get(made.id)


def save(store: RunStore, run: Run) -> None:
    """Asks an active run for a checkpoint and waits for it, so that a fork starts from its current state.

    Does nothing if its loss isn't finite.
    """
    if run.state not in (RunState.RUNNING, RunState.PAUSED) or is_broken(store, run.id):
        return
    store.send(run.id, "save")
    end = time.monotonic() + SAVED
    while time.monotonic() < end:
        saved = store.checkpoints(run.id)
        if saved and saved[-1].step >= run.step:
            return
        time.sleep(0.02)


def is_broken(store: RunStore, id: str) -> bool:
    """Whether a loss of the run became NaN or infinite and the run was not rolled back since."""
    last = [event.kind for event in store.events(id) if event.kind in ("not_finite", "rollback")]
    return last[-1:] == ["not_finite"]


def _copy(store: RunStore, made: Run, token: str, checkpoint: Checkpoint) -> None:
    path = store.folder(made.id) / "checkpoints" / checkpoint.path.name
    with writing(store.root):
        try:
            os.link(checkpoint.path, path)  # files are never changed after they were written
        except OSError:
            shutil.copyfile(checkpoint.path, path)
    step, images_seen = checkpoint.step, checkpoint.images_seen
    store.add_checkpoint(made.id, token, step, images_seen, path, checkpoint.sha256, checkpoint.bytes)
    store.set_state(made.id, token, RunState.QUEUED, step=step, images_seen=images_seen)


def begin(
    recipe: Recipe,
    hparams: TrainingHParams,
    state: Mapping[str, Any],
    data_set: DataSet,
    device: str = "cpu",
    computation: Computation = USUAL,
    begun: Iterable[str] = (),
    make: Callable[..., Trainer] = Trainer,
) -> Trainer:
    """The trainer of a fork at its first step, from the parent's state.

    `begun`: the clocks of all schedules that count from there; `make` builds the trainer.
    """
    saved = recipe.settings(state["hparams"])
    because = tuple(rebuilt(saved, hparams))
    trainer = make(recipe, hparams if because else saved, data_set, device, computation)
    if not because:
        load_state(trainer, state)
    elif kept := _kept(recipe, state, hparams, because):
        load_state(trainer, _merged(trainer, state, saved, hparams, kept))
    else:
        return trainer
    trainer.edit(hparams, begun)
    return trainer


def _merged(
    trainer: Trainer, state: Mapping[str, Any], saved: TrainingHParams, hparams: TrainingHParams, kept: tuple[str, ...]
) -> dict[str, Any]:
    """The saved state with fresh parts replaced: networks, their optimisers, the objective's state."""
    fresh = trainer.state_dict()
    specs = {group: make(hparams) for group, make in trainer.recipe.optimizers.items()}
    moved = {
        group
        for group, make in trainer.recipe.optimizers.items()
        if make(saved).kind == specs[group].kind and set(specs[group].networks) <= set(kept)
    }
    return {
        **state,
        "networks": {name: state["networks"][name] if name in kept else new for name, new in fresh["networks"].items()},
        "optimizers": {
            group: state["optimizers"][group] if group in moved else new for group, new in fresh["optimizers"].items()
        },
        "objective": {
            name: old if (old := state["objective"].get(name)) is not None and old.shape == new.shape else new
            for name, new in fresh["objective"].items()
        },
    }
