"""The generative models that the Studio has loaded, with their directions. Imports no front end."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.data.parts import kind_of
from gan_core.errors import BadCheckpoint, BadValue, GanscopeError, UnknownName
from gan_core.latent.sliders import first
from gan_core.models import listing
from gan_core.models.card import Card, read_card
from ui.studio.models import cache, marks, runs

if TYPE_CHECKING:
    from torch import nn

    from gan_core.latent.directions import Direction
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.familiarity import Familiarity
    from gan_core.latent.inversion import Encode
    from gan_core.latent.measured import Measured
    from gan_core.metrics.feature_net import FeatureNet
    from gan_core.metrics.perception import Perception

FOUND = 12  # number of computed directions of each kind
MOST_CUSTOM = 64  # number of visitors' directions kept per model
FIRST = ("projected_gan", "stylegan2", "stylegan", "progan")  # recipes that are offered first


def hosted() -> bool:
    """Whether the Studio is public: then only installed models can be opened. The default in a Space."""
    return os.environ.get("GANSCOPE_HOSTED", "1" if os.environ.get("SPACE_ID") else "0") == "1"


@dataclass(frozen=True, eq=False)
class Opened:
    """A model in memory."""

    name: str
    card: Card
    explorer: Explorer
    folder: Path

    @cached_property
    def directions(self) -> Mapping[str, Direction]:
        """Returns all directions by name: those stored with the model first, then computed ones."""
        from gan_core.latent.directions import vector_space
        from gan_core.latent.files import DIRECTIONS, read_directions
        from gan_core.latent.ganspace import pca
        from gan_core.latent.sefa import sefa

        path = self.folder / DIRECTIONS
        named = read_directions(path, self.explorer) if path.is_file() else []
        count = min(FOUND, self.explorer.space(vector_space(self.explorer)).shape[0])
        found = [*named, *pca(self.explorer, count)]
        if "codes" not in self.explorer.spaces:
            found += sefa(self.explorer, count)
        return {one.name: one for one in found}

    def direction(self, name: str) -> Direction:
        """Returns a direction by name, including visitors' own; raises BadValue if it doesn't exist."""
        if name in self.directions:
            return self.directions[name]
        if name not in self._custom:
            if not marks.is_custom(name):
                raise BadValue("The model has no direction named {name}. Valid: {valid}.", name=name[:60],
                               valid=", ".join(self.directions))  # fmt: skip
            made = marks.made(self.explorer, name)
            if len(self._custom) >= MOST_CUSTOM:
                self._custom.clear()
            self._custom[name] = made
        return self._custom[name]

    @cached_property
    def _custom(self) -> dict[str, Direction]:
        return {}

    @cached_property
    def measured(self) -> Measured | None:
        """Returns the measurements of directions and layers; None if there are none, or for other weights."""
        from gan_core.latent.measured import MEASURED, read_measured

        try:
            return read_measured(self.folder / MEASURED, self.explorer)
        except BadCheckpoint:
            return None

    @cached_property
    def encode(self) -> Encode | None:
        """Returns the encoder to w+; None if there is none for this model."""
        from gan_core.latent.encoding import encode_of

        try:
            return encode_of(self.explorer)
        except GanscopeError:  # damaged: the search works without it
            return None

    @cached_property
    def familiarity(self) -> Familiarity:
        """Returns the detector of pictures that are unlike the model's training data."""
        from gan_core.latent.familiarity import Familiarity

        return Familiarity(self.explorer.apart())  # so that it doesn't block the model's sliders

    @cached_property
    def perceive(self) -> Perception | None:
        """Returns the perceptual distance of the feature network for the model's data; None if there is none."""
        from gan_core.metrics.perception import perception

        return perception(self._net) if self._net else None

    @cached_property
    def reader(self) -> FeatureNet | None:
        """Returns the feature network for the model's data, which says what it recognises; None if there is none."""
        from gan_core.metrics.feature_net import FeatureNet

        return FeatureNet.from_shelf(self._net) if self._net else None

    @cached_property
    def _net(self) -> str:
        """The name of the feature network for pictures like these, "" if there is none."""
        name, (cards, _damaged) = f"features.{kind_of(self.card.data)}", listing.survey()
        fits = name in cards and cards[name].fields == {"real": self.explorer.image_shape}
        return name if fits else ""

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """Returns the directions with sliders of their own, at most SLOTS."""
        return first(self.directions)

    @cached_property
    def apart(self) -> Explorer:
        """Returns the same weights for analyses that modify the networks, so that other pictures aren't affected."""
        return self.explorer.apart()

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        return self.explorer.sampler.networks

    @property
    def truncates(self) -> bool:
        return self.explorer.sampler.recipe.truncate is not None


_added: dict[str, Path] = {}  # models from elsewhere, by name, added by the local user


def offered() -> dict[str, Card]:
    """Returns the latent generative models, best first, runs last. Needs no torch."""
    cards, _damaged = listing.survey()
    cards |= {name: read_card(folder) for name, folder in _added.items() if folder.is_dir()}
    drawing = first_to_last(cards)
    return drawing if hosted() else drawing | runs.cards() | _opened_runs()


def first_to_last(cards: Mapping[str, Card]) -> dict[str, Card]:
    """Those of some models that draw pictures from latents, the best first impression first."""
    drawing = {name: card for name, card in cards.items() if draws_pictures(card)}
    return dict(sorted(drawing.items(), key=lambda item: _rank(item[1])))


def _opened_runs() -> dict[str, Card]:
    """Returns open checkpoints of active runs that are no longer the newest."""
    models = cache.models.items()
    return {name: model.card for name, model in models if runs.is_run(name) and isinstance(model, Opened)}


def draws_pictures(card: Card) -> bool:
    """Whether it has a latent space of pictures."""
    return card.task == "images" and "latent_size" in card.hparams


def _rank(card: Card) -> int:
    return next((place for place, start in enumerate(FIRST) if card.name.startswith(start)), len(FIRST))


def opened(name: str) -> Opened:
    """Returns an installed model or one of a run, loaded once, and again if it was replaced.

    Raises UnknownName, BadCheckpoint, BadValue or StoreError. Accepts only names, never paths or addresses, because a
    name can come from a link.
    """
    if not isinstance(name, str):  # an empty selection is a list
        raise UnknownName("model", "", offered())
    model = cache.models.get(name, lambda: _loaded(name), lambda kept: isinstance(kept, Opened) and _current(kept))
    assert isinstance(model, Opened)
    return model


def _current(kept: Opened) -> bool:
    """Whether the weights in memory are those on the shelf; a checkpoint's name stands for its weights."""
    return runs.is_run(kept.name) or kept.card.sha256 == read_card(folder_of(kept.name)).sha256


def _loaded(name: str) -> Opened:
    if runs.is_run(name) and not hosted():
        card, explorer, folder = runs.load(name)
        return Opened(name, card, explorer, folder)
    from gan_core.latent.explorer import Explorer
    from gan_core.models import loading

    folder = folder_of(name)
    return Opened(name, read_card(folder), Explorer(loading.load(str(folder))), folder)


def named(name: str) -> tuple[str, GanscopeError | None]:
    """Returns the name of a model that can be opened, and the problem with the requested one, if any.

    Raises UnknownName, and for runs what `runs.resolved` raises.
    """
    if runs.is_run(name) and not hosted():
        return runs.resolved(name)
    names = list(offered())
    if name not in names:
        raise UnknownName("model", name[:60], names)
    return name, None


def folder_of(name: str) -> Path:
    """Returns the model's folder; raises UnknownName."""
    return _added[name] if name in _added else listing.standing(name)


def add(reference: str) -> str:
    """Adds a model from a folder or the Hub (`hf://owner/name`) until the Studio ends; returns its name.

    Only for the local user: raises BadValue in a public Studio, and what `listing.folder_of` raises.
    """
    if hosted():
        raise BadValue("Only installed models can be opened here, because this Studio is public.")
    folder = listing.folder_of(reference.strip())
    card = read_card(folder)
    if not draws_pictures(card):
        raise BadValue("{recipe} has no latent space.", recipe=card.recipe_title or card.recipe)
    name = card.name if card.name not in listing.names() else f"{card.name} ({folder.name})"
    _added[name] = folder
    cache.models.drop(name)
    return name


def warm() -> None:
    """Loads the first model, so that the first visitor needn't wait.

    Errors are reported when a visitor runs into them.
    """
    names = list(offered())
    if not names:
        return
    try:
        model = opened(names[0])
        model.explorer.draw(model.explorer.sample(1))
        len(model.slots)
    except GanscopeError:
        return
    gc.freeze()  # torch's half a million objects are permanent; the garbage collector can skip them
