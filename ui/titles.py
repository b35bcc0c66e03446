"""Titles of models that can be told apart, in both front ends. Plain text."""

from __future__ import annotations

from collections.abc import Mapping

from gan_core.models.card import Card
from ui.languages import _
from ui.texts import joined, size_word

PARTS = ("train:", "test:")  # possible prefixes of a data set's name


def titles(models: Mapping[str, Card]) -> dict[str, str]:
    """Returns unique titles of the models by name.

    A title that isn't unique is extended by the first of recipe, size and name that distinguishes it.
    """
    plain_titles = {name: _(card.title) for name, card in models.items()}
    return {name: _distinct(name, plain_titles, models) for name in models}


def _distinct(name: str, called: Mapping[str, str], models: Mapping[str, Card]) -> str:
    title = called[name]
    others = [models[other] for other, words in called.items() if other != name and words.startswith(title)]
    if not others:
        return title
    words = ((mark(models[name]), map(mark, others)) for mark in (recipe_word, card_size))
    return joined(title, next((mine for mine, theirs in words if mine not in theirs), name))


def recipe_word(card: Card) -> str:
    return _(card.recipe_title or card.recipe)


def card_size(card: Card) -> str:
    return size_word(data_name(card), card.size)


def data_name(card: Card) -> str:
    """Returns the data set that the model was trained on, without the part."""
    part = next((part for part in PARTS if card.data.startswith(part)), "")
    return card.data.removeprefix(part)
