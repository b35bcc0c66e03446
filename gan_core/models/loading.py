"""Loads samplers: models by name or from the Hub, a run's newest checkpoint, or a checkpoint's state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSpec, Progress, silent
from gan_core.errors import BadCheckpoint
from gan_core.fitting import fill
from gan_core.gans import recipes
from gan_core.models.card import WEIGHTS, Card, read_card
from gan_core.models.lending import lend
from gan_core.models.listing import folder_of
from gan_core.models.sampler import Sampler
from gan_core.runs.classes import class_names
from gan_core.runs.records import Checkpoint
from gan_core.runs.store import RunStore


def load(name: str, progress: Progress = silent) -> Sampler:
    """Loads a model by name, folder or address on the Hub, ready for sampling.

    Raises UnknownName, BadCheckpoint if anything does not match its card, and the errors of `hub`.
    """
    folder = folder_of(name, progress)
    described = read_card(folder)
    state = state_of(folder, described)
    try:
        return from_state(described.recipe, state | {"hparams": described.hparams, "spec": spec_of(described)})
    except BadCheckpoint as error:
        raise BadCheckpoint("{name} can't be used. {reason}", name=name, reason=error) from error


def spec_of(described: Card) -> dict[str, Any]:
    """The state of the `DataSpec` that a model was trained with."""
    return {
        "fields": described.fields, "classes": len(described.class_names), "class_names": described.class_names,
        "attributes": {name: len(values) for name, values in described.attributes.items()},
        "attribute_names": described.attributes, "vocabulary": described.vocabulary, "rate": described.rate,
    }  # fmt: skip


def state_of(folder: Path, described: Card) -> dict[str, Any]:
    """The weights of a model in single precision: `average`, and `networks` as far as they were stored."""
    state = read_checkpoint(folder / WEIGHTS, described.sha256)
    return {part: _single(networks) for part, networks in state.items()}


def _single(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _single(inner) for name, inner in value.items()}
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.float16 else value


def from_run(store: RunStore, run_id: str) -> Sampler:
    """The averaged networks of a run's newest checkpoint; raises UnknownName or BadCheckpoint."""
    run = store.get(run_id)
    checkpoints = store.checkpoints(run_id)
    if not checkpoints:
        raise BadCheckpoint("The run {run} has no checkpoint yet.", run=run.name or run.id)
    state = read_checkpoint(checkpoints[-1].path, checkpoints[-1].sha256)
    names = state["spec"].get("class_names") or class_names(store, run)  # older checkpoints lack them
    known = {"class_names": names} if len(names) == state["spec"]["classes"] else {}
    return from_state(run.spec.recipe, state | {"spec": state["spec"] | known}, checkpoints[-1])


def from_state(recipe_name: str, state: Mapping[str, Any], checkpoint: Checkpoint | None = None) -> Sampler:
    """A sampler from a checkpoint's state; raises BadCheckpoint if its weights belong to other networks."""
    recipe = recipes.get(recipe_name)
    hparams = recipe.settings(state["hparams"])
    spec = DataSpec.from_state(state["spec"])
    networks = recipe.build(hparams, spec)
    averaged = {name: networks[name].eval().requires_grad_(False) for name in recipe.ema_networks}
    for name, network in averaged.items():
        fill(network, state.get("average", {}).get(name, {}), name)
    lend(recipe, hparams, averaged, spec, load)
    return Sampler(recipe, hparams, spec, averaged, checkpoint)
