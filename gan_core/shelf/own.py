"""Publishes a run as a model on the user's shelf: it can then be served, exported, demonstrated and pushed.

publish_run(store, run, Description(name="my.faces", limits="Glasses are rare."))
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from gan_core import data
from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSpec, Source
from gan_core.data.parts import user_images_of, whole
from gan_core.data.user import own_text
from gan_core.data.user.references import is_shards
from gan_core.errors import BadCheckpoint, RunConflict
from gan_core.gans import Recipe, recipes
from gan_core.models import publishing
from gan_core.models.card import Card
from gan_core.models.naming import NAME, place_of
from gan_core.models.publishing import Words
from gan_core.runs.classes import class_names
from gan_core.runs.store import Checkpoint, Run, RunState, RunStore
from gan_core.shelf.showing import shows
from gan_core.training.watching import items_of

TRAINING = (RunState.QUEUED, RunState.RUNNING)
N_LICENCE = "Not stated."
N_LIMITS = "Not stated. The samples above were not selected."
N_OWN = "The author's own data, which are not included."


@dataclass(frozen=True)
class Description:
    """The user's description of a model; "" takes the name and the title from the run, the licence from its data."""

    name: str = ""
    title: str = ""
    licence: str = ""
    limits: str = ""


def publish_run(store: RunStore, run: Run, description: Description | None = None, half: bool = False) -> Card:
    """Writes the newest checkpoint of a run to the user's shelf. `half` stores the weights in half precision.

    The card doesn't include the path of the user's own data. Raises RunConflict for a run that is being trained,
    BadCheckpoint for one without a checkpoint, BadValue for a name that is taken or invalid, BadData if the card's
    picture needs data that are gone, StoreError.
    """
    description = description or Description()
    checkpoint = _newest(store, run)
    name = description.name or default_name(run)
    folder = place_of(name)
    recipe, source = recipes.get(run.spec.recipe), _source(run.spec.data)
    state = _state(store, run, checkpoint)
    minutes = max(1, round(run.seconds / 60))
    cost = f"{minutes} min, {checkpoint.images_seen:,} {items_of(run.spec.data)}, {checkpoint.step:,} steps"
    words = Words(
        description.title or run.name or f"{recipe.title}, {source.title if source else 'own data'}",
        description.licence or (source.licence if source else N_LICENCE),
        f"{source.title}. {source.about}" if source else N_OWN,
        cost,
        description.limits or N_LIMITS,
    )
    return publishing.publish(
        state, name, words, DataSpec.from_state(state["spec"]).class_names, run.spec.data if source else "", folder,
        half, _attributes(recipe, source, state), shows(recipe, name, run.spec.data, run.spec.size),
    )  # fmt: skip


def default_name(run: Run) -> str:
    """The run's name if it is valid for a model, else its recipe and id."""
    fitting = re.sub(r"[^A-Za-z0-9._-]+", "-", run.name).strip("-._")[:64]
    return fitting if NAME.fullmatch(fitting) else f"{run.spec.recipe}.{run.id}"


def _newest(store: RunStore, run: Run) -> Checkpoint:
    shown = run.name or run.id
    if run.state in TRAINING:
        raise RunConflict("The run {run} is {state}. Stop or pause it first.", run=shown, state=run.state.value)
    checkpoints = store.checkpoints(run.id)
    if not checkpoints:
        raise BadCheckpoint("The run {run} has no checkpoint yet.", run=shown)
    return checkpoints[-1]


def _source(name: str) -> Source | None:
    """The source of registered data; None for the user's own, whose path is private."""
    private = user_images_of(name) is not None or own_text.is_text(whole(name)) or is_shards(name)
    return None if private else data.source(name)


def _state(store: RunStore, run: Run, checkpoint: Checkpoint) -> dict[str, Any]:
    """The saved state, with the names of the classes, which older checkpoints lack."""
    state = read_checkpoint(checkpoint.path, checkpoint.sha256)
    spec = DataSpec.from_state(state["spec"])
    names = spec.class_names or class_names(store, run)
    known = replace(spec, class_names=names if len(names) == spec.classes else ())
    return state | {"spec": known.to_state()}


def _attributes(recipe: Recipe, source: Source | None, state: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The attributes that a net predicts, or that sounds have."""
    if recipe.task not in ("supervised", "audio"):
        return {}
    return dict(source.attributes if source else DataSpec.from_state(state["spec"]).attribute_names)
