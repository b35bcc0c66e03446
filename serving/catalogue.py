"""Which models are served, by what they can do. Cards are read again after a while, not for each request."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gan_core.errors import BadValue, UnknownName
from gan_core.models import listing
from gan_core.models.card import Card
from serving.answers import formats_of
from serving.sampling import SAMPLED
from ui.studio.models.image_models import TRANSLATING
from ui.studio.models.opened import draws_pictures, first_to_last

FRESH = 10.0  # seconds
GENERATE = "generate"  # by seed: samples of any kind
EXPLORING = ("edit", "interpolate", "invert", "evaluate")  # calls for models with a latent space of pictures
OF_PICTURES = {"super_resolution": "upscale", "inpainting": "inpaint", **dict.fromkeys(TRANSLATING, "translate")}


@dataclass(frozen=True)
class Offer:
    """A model, and the calls that it supports."""

    card: Card
    calls: tuple[str, ...]

    def described(self) -> dict[str, Any]:
        """For clients."""
        card = self.card
        return {
            "name": card.name, "title": card.title, "recipe": card.recipe, "task": card.task, "size": card.size,
            "classes": list(card.class_names), "latent_size": card.hparams.get("latent_size"),
            "truncation": "truncation" in card.capabilities, "licence": card.licence, "limits": card.limits,
            "sha256": card.sha256, "calls": list(self.calls), "formats": list(formats_of(card.task)),
        }  # fmt: skip


class Catalogue:
    """The shelf: models that come with GANscope and those of `GANSCOPE_HOME`. Runs and files aren't served."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._until = 0.0
        self._lock = threading.Lock()

    def offers(self) -> Mapping[str, Offer]:
        """All models by name, those that draw first. Once they are known, they are read again in the background."""
        with self._lock:
            now = time.monotonic()
            stale = now > self._until
            if stale:
                self._until = now + FRESH
            if not self._offers:
                self._offers = _read()
            elif stale:
                threading.Thread(target=self._read_again, name="cards", daemon=True).start()
            return self._offers

    def _read_again(self) -> None:
        self._offers = _read()

    def chosen(self, name: str, call: str) -> str:
        """The model of that name, or the first that supports the call. Raises UnknownName, or BadValue for one that
        doesn't.
        """
        offers = self.offers()
        fit = [one for one, offer in offers.items() if call in offer.calls]
        if not fit:
            raise BadValue("No model on the shelf can be used for {kind}.", kind=f"/v1/{call}")
        if not name:
            return fit[0]
        if name not in offers and name not in listing.names():
            raise UnknownName("model", name[:60], fit)
        if name not in fit:
            raise BadValue("{name} can't be used for {kind}. Valid: {valid}.", name=name, kind=f"/v1/{call}",
                           valid=", ".join(fit))  # fmt: skip
        return name


def _read() -> dict[str, Offer]:
    cards, _damaged = listing.survey()
    in_order = first_to_last(cards) | cards  # those that draw pictures from latents first
    return {name: Offer(card, calls) for name, card in in_order.items() if (calls := _calls(card))}


def _calls(card: Card) -> tuple[str, ...]:
    if card.task in OF_PICTURES:
        return (OF_PICTURES[card.task],)
    if draws_pictures(card):
        return (GENERATE, *EXPLORING, *("mix",) * ("style_mixing" in card.capabilities))
    return (GENERATE,) * (card.task in SAMPLED)
