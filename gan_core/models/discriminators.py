"""Loads discriminators: of models by name, of the checkpoint of a run's sampler, or of a checkpoint's state."""

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
from gan_core.models.sampler import Sampler


class NoDiscriminator(BadCheckpoint):
    """A file without a discriminator: an exported generator, or a model that was trained without one."""


def discriminator_of(name: str) -> nn.Module:
    """The discriminator of a model of the shelf; raises UnknownName, or NoDiscriminator if its file has none."""
    folder = folder_of(name)
    described = read_card(folder)
    state = loading.state_of(folder, described)
    built_by = {"hparams": described.hparams, "spec": loading.spec_of(described)}
    return discriminator_from(described.recipe, state | built_by)


def discriminator_beside(sampler: Sampler) -> nn.Module:
    """The discriminator in the checkpoint that a run's sampler comes from; raises NoDiscriminator if it has none.

    The run may have written newer checkpoints since, and deleted this one.
    """
    assert sampler.checkpoint is not None
    return discriminator_from(sampler.recipe.name, read_checkpoint(sampler.checkpoint.path, sampler.checkpoint.sha256))


def discriminator_from(recipe_name: str, state: Mapping[str, Any]) -> nn.Module:
    """The discriminator in a checkpoint's state, in evaluation mode; raises NoDiscriminator if it has none."""
    recipe = recipes.get(recipe_name)
    weights = state.get("networks", {}).get("discriminator")
    if weights is None:
        raise NoDiscriminator("The file of this model contains no discriminator.")
    built = recipe.build(recipe.settings(state["hparams"]), DataSpec.from_state(state["spec"]))
    discriminator = built["discriminator"].eval().requires_grad_(False)
    fill(discriminator, weights, "discriminator")
    return discriminator
