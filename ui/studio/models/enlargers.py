"""Models for super-resolution: which is offered first, what can be blended, and how large pictures may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gan_core.errors import BadValue
from gan_core.models.card import Card
from gan_core.pictures.photos import most_pixels
from ui.studio.models.costs import LONGEST, LONGEST_HOSTED, MOST_HOSTED, enlarging_cost
from ui.studio.models.image_models import COMMUNITY, ImageModel, image_models, open_image_model
from ui.studio.models.opened import hosted
from ui.texts import titles

if TYPE_CHECKING:
    from gan_core.models.sampler import Sampler

ENLARGING = ("super_resolution",)  # task of these models


def choices() -> list[tuple[str, str]]:
    """Titles and names of all."""
    return [(title, name) for name, title in titles(image_models(ENLARGING)).items()]


def first() -> str:
    """Returns the default model: the most faithful one, if there is one."""
    return _faithful() or next(iter(image_models(ENLARGING)), "")


def _faithful() -> str:
    """A model that was trained on pixels alone: it invents the least. "" where there is none."""
    cards = image_models(ENLARGING)
    plain = [
        name
        for name, card in cards.items()
        if card.hparams.get("adversarial_weight") == 0 and not card.hparams.get("damaged")
    ]
    return next((name for name in plain if _siblings(name, cards)), next(iter(plain), ""))


def for_damage() -> str:
    """A model that was trained on damaged pictures, else the one that invents the least."""
    return next((name for name in image_models(ENLARGING) if restores(name)), _faithful())


def restores(model: str) -> bool:
    """Whether it was trained on damaged pictures."""
    cards = image_models(ENLARGING)
    return model in cards and bool(cards[model].hparams.get("damaged"))


def most(scale: int) -> int:
    """Returns the maximum pixels of a picture at this scale."""
    return min(MOST_HOSTED, most_pixels(scale)) if hosted() else most_pixels(scale)


def longest() -> float:
    """Seconds that enlarging may take."""
    return LONGEST_HOSTED if hosted() else LONGEST


def scale_of(card: Card) -> int:
    """How many times it enlarges."""
    return int(card.hparams["scale"])


def partner(name: str, cards: dict[str, Card]) -> str:
    """Another model whose weights can be interpolated with this one's; "" if there is none."""
    siblings = _siblings(name, cards)
    if not siblings:
        return ""
    from gan_core.gans import recipes

    card = cards[name]
    key = recipes.get(card.recipe).blend_key
    same = (other for other in siblings if all(cards[other].hparams.get(k) == card.hparams.get(k) for k in key))
    return next(same, "") if key else ""


def _siblings(name: str, cards: dict[str, Card]) -> list[str]:
    """The other models of the same recipe. Needs no torch."""
    recipe = cards[name].recipe
    return [other for other, card in cards.items() if other != name and card.recipe == recipe != COMMUNITY]


def sampler(chosen: ImageModel, share: float) -> Sampler:
    """Returns the model, or a blend with its partner."""
    if not 0 <= share <= 1:
        raise BadValue("The share must be between 0 and 1, got {share}.", share=share)
    other = partner(chosen.name, image_models(ENLARGING))
    if not share or not other:
        return chosen.sampler
    from gan_core.models.enlarging import blended

    return blended(chosen.sampler, open_image_model(other, ENLARGING).sampler, share)


def cost(model: str, array: np.ndarray) -> tuple[str, float]:
    """What enlarging a picture (H, W, C) costs, for `workshop`."""
    return enlarging_cost(open_image_model(model, ENLARGING), array)
