"""A new run that starts from a model's weights.

The run's first checkpoint, at step 0, holds the model's weights: averaged ones as live and as averaged networks, and
the discriminator where the model's file keeps it. Optimisers, data order, the learning-rate schedule and all other
training state start afresh. The count of images seen continues from the model's, so that grown networks stay grown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from gan_core import data
from gan_core.checkpoint import load_state
from gan_core.data.base import DataSpec, Progress, silent
from gan_core.errors import BadCheckpoint, BadValue
from gan_core.gans import Recipe, recipes
from gan_core.hparams import TrainingHParams, rebuilt
from gan_core.knobs import Named, changed, to_dict
from gan_core.models.card import WEIGHTS, Card, read_card
from gan_core.models.listing import check_weights
from gan_core.models.loading import state_of
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import schedule
from gan_core.training.journal import Journal
from gan_core.training.suited import suited
from gan_core.training.trainer import Trainer

OLD = 100_000  # assumed steps of a model that was trained elsewhere


def begin(
    store: RunStore,
    folder: Path,
    *,
    steps: int | None = None,
    changes: Mapping[str, Any] | None = None,
    data_name: str | None = None,
    name: str = "",
    progress: Progress = silent,
) -> Run:
    """Makes the run, ready to be trained by a Session; leaves nothing behind on failure.

    `steps`: planned steps; None plans as many as the model was trained for. `changes`: live knobs and the seed.
    `data_name`: other data, with the model's classes. Raises BadCheckpoint for a damaged model, BadValue for a knob
    that shapes the networks, or BadData.
    """
    described = read_card(folder)
    if steps is None and not described.steps:
        raise BadValue("The training length of {title} is unknown. Set the number of steps.", title=described.title)
    recipe = recipes.get(described.recipe)
    planned = described.steps if steps is None else steps
    hparams = _settings(recipe, described, _lasting(recipe, described, changes or {}, planned))
    spec = RunSpec(recipe.name, data_name or described.data, described.size, planned, to_dict(hparams))
    weights = state_of(folder, described)
    learnt = DataSpec(described.fields, len(described.class_names), class_names=described.class_names)
    trainer = Trainer(recipe, hparams, suited(data.load(spec.data, spec.size, progress), recipe, hparams, learnt))
    load_state(trainer, _started(trainer, described, weights))
    return _recorded(store, spec, name or described.title, trainer)


def missing_networks(folder: Path) -> list[str]:
    """The networks that a model's file lacks; a run that continues from it initialises them again."""
    described = read_card(folder)
    recipe = recipes.get(described.recipe)
    hparams = recipe.settings(described.hparams)
    trained = {network for make in recipe.optimizers.values() for network in make(hparams).networks}
    return sorted(trained - _kept(folder, described))


def _kept(folder: Path, described: Card) -> set[str]:
    """The networks in a model's file, from its header: tensors are named `/PART/NETWORK/PARAMETER`."""
    check_weights(folder, described)
    try:
        with safe_open(folder / WEIGHTS, framework="np") as file:
            return {name.split("/")[2] for name in file.keys()}  # noqa: SIM118  not a mapping
    except (SafetensorError, OSError, IndexError) as error:
        raise BadCheckpoint("{name} can't be used: {reason}.", name=described.name, reason=error) from error


def _settings(recipe: Recipe, described: Card, changes: Mapping[str, Any]) -> TrainingHParams:
    before = recipe.settings(described.hparams)
    after = changed(before, changes)
    names = [name for name in rebuilt(before, after) if name != "seed"]
    if names:
        raise BadValue(
            "{names} can't be changed: these settings shape the networks, so the model's weights would no longer fit.",
            names=Named.of(after, names),
        )
    return after


def _lasting(recipe: Recipe, described: Card, changes: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """The changes, with the learning-rate schedule stretched to the planned steps if it would end earlier."""
    if schedule.KNOBS & changes.keys() or not steps:
        return dict(changes)
    return dict(changes) | (schedule.anew(to_dict(recipe.settings(described.hparams)), 0, 0, steps) or {})


def _started(trainer: Trainer, described: Card, weights: Mapping[str, Any]) -> dict[str, Any]:
    """A fresh trainer state with the model's weights."""
    state = trainer.state_dict()
    kept = weights["networks"] | weights["average"]
    return state | {
        "spec": DataSpec(described.fields, len(described.class_names)).to_state(),
        "networks": {name: kept.get(name, fresh) for name, fresh in state["networks"].items()},
        "average": weights["average"],
        "average_updates": described.steps or OLD,  # with a low count the average would forget the model at once
        "images_seen": described.images,
    }


def _recorded(store: RunStore, spec: RunSpec, name: str, trainer: Trainer) -> Run:
    """Stores the run with its first checkpoint."""
    run = store.create(spec, name=name)
    token = store.claim(run.id)
    try:
        Journal(store, run.id, token, trainer, seconds=0.0).checkpoint()
        store.set_state(run.id, token, RunState.QUEUED, images_seen=trainer.images_seen)
    except BaseException:
        store.release(run.id, token)
        store.delete(run.id)
        raise
    store.release(run.id, token)
    return store.get(run.id)
