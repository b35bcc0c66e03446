"""Generators of the shelf that other models draw with: an encoder finds its answers in the latent space of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import Recipe
from gan_core.models import listing
from gan_core.models.card import read_card

NEEDED = "w_space"  # the capability of generators with a w for each layer
SAMPLES = 10_000  # latents that the mean and covariance of w are taken from


def owner(networks: Mapping[str, Mapping[str, Tensor]]) -> str:
    """The sha256 of the generator that weights by network belong to; "" where they draw with none."""
    found = [bytes(weights["owner"].tolist()).hex() for weights in networks.values() if "owner" in weights]
    return found[0] if found else ""


def lend(recipe: Recipe, hparams: Any, spec: DataSpec, networks: Mapping[str, nn.Module]) -> None:
    """Gives the networks of a recipe that borrows the generator that they draw with; others are left alone.

    Raises UnknownName where it isn't on the shelf, BadValue where it doesn't fit, BadCheckpoint where it is damaged or
    the weights belong to another one.
    """
    if recipe.borrows is None or recipe.lend is None:
        return
    from gan_core.models import shelf  # which loads what is lent to

    name = recipe.borrows(hparams)
    folder = listing.standing(name)
    card = read_card(folder)
    if NEEDED not in card.capabilities:
        fitting = [other for other, one in listing.survey()[0].items() if NEEDED in one.capabilities]
        raise BadValue(
            "{name} has no w for each layer, which {recipe} needs. Valid: {valid}.",
            name=name, recipe=recipe.title, valid=", ".join(fitting) or "-",
        )  # fmt: skip
    if card.fields["real"] != spec.shape:
        raise BadValue(
            "{name} draws pictures of the shape {wanted}, and the data are of {given}.",
            name=name, wanted=card.fields["real"], given=spec.shape,
        )  # fmt: skip
    sampler = shelf.load(str(folder))
    latents, _ = sampler.latents(SAMPLES, seed=0)
    recipe.lend(networks, hparams, sampler.networks["generator"], latents)
