"""Loads discriminators: of models by name, of a run's newest checkpoint, or of a checkpoint's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from gan_core.checkpoint import read_checkpoint
from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint
from gan_core.fitting import fill
from gan_core.gans import recipes
from gan_core.models import loading
from gan_core.models.card import read_card
from gan_core.models.listing import folder_of
from gan_core.runs.store import RunStore


def discriminator_of(name: str) -> nn.Module:
    """The discriminator of a model of the shelf; raises UnknownName, or BadCheckpoint if its file has none."""
    folder = folder_of(name)
    described = read_card(folder)
    state = loading.state_of(folder, described)
    built_by = {"hparams": described.hparams, "spec": loading.spec_of(described)}
    return discriminator_from(described.recipe, state | built_by)


def discriminator_of_run(store: RunStore, run_id: str) -> nn.Module:
    """The discriminator in a run's newest checkpoint; raises UnknownName, or BadCheckpoint if it has none."""
    run = store.get(run_id)
    checkpoints = store.checkpoints(run_id)
    if not checkpoints:
        raise BadCheckpoint("The run {run} has no checkpoint yet.", run=run.name or run.id)
    return discriminator_from(run.spec.recipe, read_checkpoint(checkpoints[-1].path, checkpoints[-1].sha256))


def discriminator_from(recipe_name: str, state: Mapping[str, Any]) -> nn.Module:
    """The discriminator in a checkpoint's state, in evaluation mode; raises BadCheckpoint if it has none."""
    recipe = recipes.get(recipe_name)
    weights = state.get("networks", {}).get("discriminator")
    if weights is None:
        raise BadCheckpoint("The file of this model contains no discriminator.")
    built = recipe.build(recipe.settings(state["hparams"]), DataSpec.from_state(state["spec"]))
    discriminator = built["discriminator"].eval().requires_grad_(False)
    fill(discriminator, weights, "discriminator")
    return discriminator
