"""Runs of the classroom as models, finished or not: `run:ID`, and `run:ID@STEP` for one checkpoint.

Not available in a public Studio. Imports no front end, and no torch before a run is opened.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_core import paths
from gan_core.data import task_of
from gan_core.errors import BadCheckpoint, GanscopeError, StoreError, UnknownName
from gan_core.models.card import Card
from gan_core.runs.classes import class_names
from gan_core.runs.store import Checkpoint, Run, RunStore
from ui.texts import number, run_title

if TYPE_CHECKING:
    from gan_core.latent.explorer import Explorer

PREFIX = "run:"
MOST = 24  # maximum number of offered runs, newest first
_NAME = re.compile(rf"{PREFIX}(?P<id>[A-Za-z0-9_-]{{1,80}})(?:@(?P<step>\d{{1,12}}))?")


def is_run(name: str) -> bool:
    """Whether a name refers to a run."""
    return name.startswith(PREFIX)


@lru_cache(maxsize=1)
def _store_in(folder: Path) -> RunStore:
    return RunStore(folder)


def store() -> RunStore:
    """Returns the store that the classroom writes; raises StoreError."""
    return _store_in(paths.home())


def runs() -> list[tuple[Run, Checkpoint]]:
    """Returns the newest latent GAN runs with their newest checkpoint; none without a store."""
    found: list[tuple[Run, Checkpoint]] = []
    try:
        for run in store().runs():
            if len(found) < MOST and _draws(run) and (checkpoints := store().checkpoints(run.id)):
                found.append((run, checkpoints[-1]))
    except StoreError:
        return []
    return found


def cards() -> dict[str, Card]:
    """Returns the cards of these runs by name, as far as known before loading."""
    return {name_of(run, checkpoint): card_of(run, checkpoint) for run, checkpoint in runs()}


def name_of(run: Run, checkpoint: Checkpoint) -> str:
    return f"{PREFIX}{run.id}@{checkpoint.step}"


def resolved(name: str) -> tuple[str, GanscopeError | None]:
    """Returns the full name of a run's checkpoint, by default the newest, and a problem if the requested one is gone.

    Raises UnknownName, BadCheckpoint or StoreError if there is nothing to open.
    """
    run, step = _parts(name)
    checkpoints = store().checkpoints(run.id)
    if not checkpoints:
        raise BadCheckpoint("The run {run} has no checkpoint yet.", run=run.name or run.id)
    if step is None or any(one.step == step for one in checkpoints):
        return f"{PREFIX}{run.id}@{checkpoints[-1].step if step is None else step}", None
    gone = BadCheckpoint(
        "The run {run} kept no checkpoint of step {step}; this is step {newest}.",
        run=run.name or run.id, step=step, newest=checkpoints[-1].step,
    )  # fmt: skip
    return name_of(run, checkpoints[-1]), gone


def load(name: str) -> tuple[Card, Explorer, Path]:
    """Returns a run's model and folder; raises as `resolved`, and BadValue if it has no latent space."""
    from gan_core.latent.explorer import Explorer
    from gan_core.models import loading

    run, checkpoint = _found(name)
    return card_of(run, checkpoint), Explorer(loading.from_state(run.spec.recipe, state(name))), store().folder(run.id)


def state(name: str) -> dict[str, Any]:
    """Returns the state in a run's checkpoint; raises as `resolved`, and BadCheckpoint if it is damaged."""
    from gan_core.checkpoint import read_checkpoint

    checkpoint = _found(name)[1]
    return read_checkpoint(checkpoint.path, checkpoint.sha256)


def _found(name: str) -> tuple[Run, Checkpoint]:
    full, gone = resolved(name)
    if gone:
        raise gone
    run, step = _parts(full)
    return run, next(one for one in store().checkpoints(run.id) if one.step == step)


def card_of(run: Run, checkpoint: Checkpoint) -> Card:
    """Returns a run as a model's card; capabilities are known once torch is loaded."""
    reference = run.spec.data
    title: str = run.spec.recipe
    capabilities: tuple[str, ...] = ()
    if _has_torch():
        from gan_core.gans import recipes

        if run.spec.recipe in recipes:
            recipe = recipes.get(run.spec.recipe)
            title, capabilities = recipe.title, tuple(sorted(recipe.capabilities))
    return Card(
        name=name_of(run, checkpoint), title=f"{run_title(run)} · {number(checkpoint.step)}", recipe=run.spec.recipe,
        data=reference, size=run.spec.size, steps=checkpoint.step, images=checkpoint.images_seen,
        seed=int(run.spec.hparams.get("seed", 0)), licence="", origin="", cost="", limits="", sha256=checkpoint.sha256,
        bytes=checkpoint.bytes, parameters={}, hparams=run.spec.hparams, fields={},
        class_names=class_names(store(), run),
        recipe_title=title, capabilities=capabilities,
    )  # fmt: skip


def _parts(name: str) -> tuple[Run, int | None]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise UnknownName("run", name.removeprefix(PREFIX)[:60], [])
    return store().get(found["id"]), int(found["step"]) if found["step"] else None


def _draws(run: Run) -> bool:
    return "latent_size" in run.spec.hparams and task_of(run.spec.data) == "images"


def _has_torch() -> bool:
    return "gan_core.gans" in sys.modules
