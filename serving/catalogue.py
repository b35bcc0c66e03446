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
from ui.studio.models.image_models import TRANSLATING
from ui.studio.models.opened import first_to_last

FRESH = 10.0  # seconds
DRAWING, MIXING, TRANSLATION, UPSCALING, INPAINTING = "drawing", "mixing", "translation", "upscaling", "inpainting"
TASKS = {"super_resolution": UPSCALING, "inpainting": INPAINTING, **dict.fromkeys(TRANSLATING, TRANSLATION)}
CALLS = {
    DRAWING: ("generate", "edit", "interpolate", "invert", "evaluate"), MIXING: ("mix",), TRANSLATION: ("translate",),
    UPSCALING: ("upscale",), INPAINTING: ("inpaint",),
}  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """A model, and the calls that it supports."""

    card: Card
    kinds: tuple[str, ...]

    def described(self) -> dict[str, Any]:
        """For clients."""
        card = self.card
        return {
            "name": card.name, "title": card.title, "recipe": card.recipe, "size": card.size,
            "classes": list(card.class_names), "latent_size": card.hparams.get("latent_size"),
            "truncation": "truncation" in card.capabilities, "licence": card.licence, "limits": card.limits,
            "sha256": card.sha256, "calls": [call for kind in self.kinds for call in CALLS[kind]],
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

    def chosen(self, name: str, kind: str) -> str:
        """The model of that name, or the first that can do it. Raises UnknownName, or BadValue for one that can't."""
        offers = self.offers()
        fit = [one for one, offer in offers.items() if kind in offer.kinds]
        if not fit:
            raise BadValue("No model on the shelf can be used for {kind}.", kind=kind)
        if not name:
            return fit[0]
        if name not in offers:
            raise UnknownName("model", name[:60], fit)
        if name not in fit:
            raise BadValue("{name} can't be used for {kind}. Valid: {valid}.", name=name, kind=kind,
                           valid=", ".join(fit))  # fmt: skip
        return name


def _read() -> dict[str, Offer]:
    cards, _damaged = listing.survey()
    found = {}
    for name, card in first_to_last(cards).items():
        found[name] = Offer(card, (DRAWING, MIXING) if "style_mixing" in card.capabilities else (DRAWING,))
    for name, card in cards.items():
        if card.task in TASKS:
            found[name] = Offer(card, (TASKS[card.task],))
    return found
