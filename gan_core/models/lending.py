"""Pretrained parts of a recipe: an encoder uses a generator, a projected discriminator uses a feature net."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import Recipe
from gan_core.gans.recipe import PretrainedPart
from gan_core.knobs import Named
from gan_core.models import listing
from gan_core.models.card import Card, read_card
from gan_core.models.sampler import Sampler


def generator_of(networks: Mapping[str, Mapping[str, Tensor]]) -> str:
    """The sha256 of the generator to which these weights by network belong; "" if they use none."""
    found = [bytes(weights["owner"].tolist()).hex() for weights in networks.values() if "owner" in weights]
    return found[0] if found else ""


def lenders(recipe: Recipe, spec: DataSpec) -> dict[str, Card]:
    """The models of the shelf, by name, that a recipe can borrow from for such data, for grey also those for colour."""
    part = recipe.pretrained_part
    return {
        name: card
        for name, card in listing.survey()[0].items()
        if part and _able(part, card) and _fits(part, card, _as_many(spec, _spec(card)))
    }


def general(recipe: Recipe, name: str) -> bool:
    """Whether a net isn't from the shelf but the recipe's own, for colour images of all kinds."""
    return recipe.pretrained_part is not None and name in recipe.pretrained_part.general


def widened(recipe: Recipe, hparams: Any, spec: DataSpec) -> DataSpec:
    """The spec of data widened to the number of channels of the lending model; channels are never removed.

    Raises UnknownName or BadCheckpoint.
    """
    name = getattr(hparams, recipe.pretrained_part.knob) if recipe.pretrained_part else ""
    if general(recipe, name):
        return spec.in_channels(3)
    return _as_many(spec, _spec(read_card(listing.standing(name)))) if name else spec


def _as_many(spec: DataSpec, theirs: DataSpec) -> DataSpec:
    return spec.in_channels(max(spec.channels, theirs.channels))


def agreed(recipe: Recipe, name: str) -> dict[str, Any]:
    """The settings that a recipe must have to borrow from this model; empty for one that can't lend.

    Raises UnknownName or BadCheckpoint.
    """
    if recipe.pretrained_part is None or not name or general(recipe, name):
        return {}
    card = read_card(listing.standing(name))
    return (
        dict(recipe.pretrained_part.matched(card.hparams, _spec(card))) if _able(recipe.pretrained_part, card) else {}
    )


def check(recipe: Recipe, hparams: Any, spec: DataSpec) -> None:
    """Raises UnknownName if the lending model isn't on the shelf, BadValue if it doesn't fit."""
    part = recipe.pretrained_part
    name = getattr(hparams, part.knob) if part else ""
    if part is None or not name or (general(recipe, name) and spec.channels == 3):
        return
    if general(recipe, name) or not _fits(part, read_card(listing.standing(name)), spec):
        raise BadValue(
            "{recipe} can't use {name} with images of shape {shape}. Valid for {knob}: {valid}.",
            recipe=recipe.title, name=name, shape=" x ".join(map(str, spec.shape)),
            knob=Named.of(recipe.hparams, [part.knob]), valid=", ".join([*lenders(recipe, spec), *part.general]) or "-",
        )  # fmt: skip
    wanted = agreed(recipe, name)
    if any(getattr(hparams, knob) != value for knob, value in wanted.items()):
        raise BadValue(
            "{name} requires these settings: {settings}.",
            name=name, settings=Named.with_values(recipe.hparams, wanted),
        )  # fmt: skip


def lend(
    recipe: Recipe, hparams: Any, networks: Mapping[str, nn.Module], spec: DataSpec, load: Callable[[str], Sampler]
) -> None:
    """Gives a network its pretrained part, if the recipe has one. `load` reads a model.

    Raises the errors of `check`, and BadCheckpoint if the model is damaged or the weights belong to another one.
    """
    part = recipe.pretrained_part
    if part is None or part.network not in networks or not (name := getattr(hparams, part.knob)):
        return
    if general(recipe, name):
        return
    check(recipe, hparams, spec)
    part.insert(networks[part.network], hparams, load(str(listing.standing(name))))


def _able(part: PretrainedPart, card: Card) -> bool:
    return card.task == part.task and (not part.capability or part.capability in card.capabilities)


def _fits(part: PretrainedPart, card: Card, spec: DataSpec) -> bool:
    return _able(part, card) and part.fits(_spec(card), spec)


def _spec(card: Card) -> DataSpec:
    return DataSpec(
        card.fields, len(card.class_names), class_names=card.class_names, vocabulary=card.vocabulary, rate=card.rate
    )
