"""Models of the shelf that other networks work with: an encoder draws with a generator, a discriminator sees through a
feature net.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.gans import Recipe
from gan_core.gans.recipe import Loan
from gan_core.models import listing
from gan_core.models.card import Card, read_card


def owner(networks: Mapping[str, Mapping[str, Tensor]]) -> str:
    """The sha256 of the generator that weights by network belong to; "" where they draw with none."""
    found = [bytes(weights["owner"].tolist()).hex() for weights in networks.values() if "owner" in weights]
    return found[0] if found else ""


def lend(recipe: Recipe, hparams: Any, networks: Mapping[str, nn.Module]) -> None:
    """Gives the network of a recipe that borrows what it works with; others are left alone.

    Raises UnknownName where it isn't on the shelf, BadValue where it doesn't fit, BadCheckpoint where it is damaged or
    the weights belong to another one.
    """
    loan = recipe.loan
    if loan is None or loan.network not in networks or not (name := loan.model(hparams)):
        return
    from gan_core.models import shelf  # which loads what is lent to

    folder = listing.standing(name)
    if not _fits(read_card(folder), loan):
        fitting = [other for other, card in listing.survey()[0].items() if _fits(card, loan)]
        raise BadValue(
            "{recipe} can't work with {name}. Valid: {valid}.",
            recipe=recipe.title, name=name, valid=", ".join(fitting) or "-",
        )  # fmt: skip
    loan.lend(networks[loan.network], hparams, shelf.load(str(folder)))


def _fits(card: Card, loan: Loan) -> bool:
    return card.task == loan.task and (not loan.capability or loan.capability in card.capabilities)
