"""The models that the Studio has open, each with its directions. No front end in here."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gan_core.errors import BadCheckpoint, BadValue, GanscopeError, UnknownName
from gan_core.models import listing
from gan_core.models.card import Card, read_card
from ui.studio.models import marks, runs
from ui.studio.models.kept import Shelf

if TYPE_CHECKING:
    from torch import nn

    from gan_core.latent.directions import Direction
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.familiarity import Familiarity
    from gan_core.latent.inversion import Encode
    from gan_core.latent.measured import Measured
    from gan_core.metrics.perception import Perception

MOST_OPEN, MOST_BYTES = 3, 2**29  # models kept in memory, and what their weights may take together
FOUND = 12  # directions of each kind that are computed
MOST_OWN = 64  # directions of visitors that are remembered
SLOTS = 6  # sliders that are seen first
FIRST = ("projected_gan", "stylegan2", "stylegan", "progan")  # which models make the best first impression

# a slider for each, in this order: of several directions the first that the model has. Chosen by eye and by the judge
# of tests/studio/test_first_sliders.py on 12 seeds: shapes of hats and hair smear, and tones of skin turn grey
WANTED = (
    ("mouth: laugh", "mouth: smile"),
    ("glasses: sun", "glasses: round", "glasses: square"),
    ("eye_colour: blue", "eye_colour: green"),
    ("cheeks: rosy", "cheeks: freckles"),
    ("beard: goatee", "beard: full", "beard: moustache"),
    ("gaze: left", "gaze: right"),
)


def hosted() -> bool:
    """Whether strangers visit: then nothing outside the shelf is opened. The default in a Space."""
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
        """All directions by name: those that came with the model first, then computed ones."""
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
        """A direction by its name, a visitor's own among them; raises BadValue where there is none."""
        if name in self.directions:
            return self.directions[name]
        if name not in self._own:
            made = marks.made(self.explorer, name)
            if len(self._own) >= MOST_OWN:
                self._own.clear()
            self._own[name] = made
        return self._own[name]

    @cached_property
    def _own(self) -> dict[str, Direction]:
        return {}

    @cached_property
    def measured(self) -> Measured | None:
        """What a judge has measured of directions and layers; None where that wasn't done, or with other weights."""
        from gan_core.latent.measured import MEASURED, read_measured

        try:
            return read_measured(self.folder / MEASURED, self.explorer)
        except BadCheckpoint:
            return None

    @cached_property
    def encode(self) -> Encode | None:
        """What finds a picture in w+ in a single pass; None where the shelf has no encoder of this model."""
        from gan_core.latent.encoding import encode_of

        try:
            return encode_of(self.explorer)
        except GanscopeError:  # damaged: a search without it still finds
            return None

    @cached_property
    def familiarity(self) -> Familiarity:
        """What tells whether a picture is of a kind that the model knows."""
        from gan_core.latent.familiarity import Familiarity

        return Familiarity(self.explorer.apart())  # sliders of the model don't wait for it

    @cached_property
    def perceive(self) -> Perception | None:
        """The eye of the net that has learnt from the model's data; None where the shelf has none that fits."""
        from gan_core.metrics.perception import perception

        net, (cards, _damaged) = f"features.{self.card.data.removeprefix('train:')}", listing.survey()
        fits = net in cards and cards[net].fields == {"real": self.explorer.image_shape}
        return perception(net) if fits else None

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """The directions that have a slider of their own, six at most."""
        chosen = []
        for names in WANTED:
            chosen += [name for name in names if name in self.directions][:1]
        rest = [name for name in self.directions if name not in chosen]
        return tuple([*chosen, *rest][:SLOTS])

    @cached_property
    def apart(self) -> Explorer:
        """The same weights for looks that change the networks on their way: nobody else's pictures may show it."""
        return self.explorer.apart()

    @property
    def truncates(self) -> bool:
        return self.explorer.sampler.recipe.truncate is not None


def bytes_of(networks: Mapping[str, nn.Module]) -> int:
    """What the weights of some networks take in memory."""
    held = (one for network in networks.values() for one in (*network.parameters(), *network.buffers()))
    return sum(one.numel() * one.element_size() for one in held)


_open: Shelf[Opened] = Shelf(MOST_OPEN, MOST_BYTES, lambda model: bytes_of(model.explorer.sampler.networks))
_added: dict[str, Path] = {}  # models from elsewhere, by name, where their user asked for them


def offered() -> dict[str, Card]:
    """The models that draw pictures from latents, the best first impression first, runs last. Needs no torch."""
    cards, _damaged = listing.survey()
    cards |= {name: read_card(folder) for name, folder in _added.items() if folder.is_dir()}
    drawing = first_to_last(cards)
    return drawing if hosted() else drawing | runs.cards() | _opened_runs()


def first_to_last(cards: Mapping[str, Card]) -> dict[str, Card]:
    """Those of some models that draw pictures from latents, the best first impression first."""
    drawing = {name: card for name, card in cards.items() if _draws(card)}
    return dict(sorted(drawing.items(), key=lambda item: _rank(item[1])))


def _opened_runs() -> dict[str, Card]:
    """Of runs that go on, checkpoints that are looked at and aren't the newest any more."""
    return {name: model.card for name, model in _open.items() if runs.is_run(name)}


def _draws(card: Card) -> bool:
    return card.task == "images" and "latent_size" in card.hparams


def _rank(card: Card) -> int:
    return next((place for place, start in enumerate(FIRST) if card.name.startswith(start)), len(FIRST))


def opened(name: str) -> Opened:
    """A model of the shelf, or a run's, loaded once; raises UnknownName, BadCheckpoint, BadValue or StoreError.

    Only names are taken, never paths or addresses: a name can come from a link.
    """
    if not isinstance(name, str):  # a list where nothing is chosen
        raise UnknownName("model", "", offered())
    return _open.get(name, lambda: _loaded(name))


def _loaded(name: str) -> Opened:
    if runs.is_run(name) and not hosted():
        card, explorer, folder = runs.load(name)
        return Opened(name, card, explorer, folder)
    from gan_core.latent.explorer import Explorer
    from gan_core.models import loading

    folder = folder_of(name)
    return Opened(name, read_card(folder), Explorer(loading.load(str(folder))), folder)


def named(name: str) -> tuple[str, GanscopeError | None]:
    """The name of a model that can be opened, and what of the one asked for can't be had.

    Raises UnknownName, and for runs what `runs.resolved` raises.
    """
    if runs.is_run(name) and not hosted():
        return runs.resolved(name)
    names = list(offered())
    if name not in names:
        raise UnknownName("model", name[:60], names)
    return name, None


def folder_of(name: str) -> Path:
    """Where a model stands; raises UnknownName."""
    return _added[name] if name in _added else listing.standing(name)


def add(reference: str) -> str:
    """A model from a folder or from the Hub (`hf://owner/name`), until the Studio ends; returns its name.

    Only its own user may ask for that: raises BadValue where strangers visit, and what `listing.folder_of` raises.
    """
    if hosted():
        raise BadValue("Only models of the shelf can be opened here: this Studio is open to everybody.")
    folder = listing.folder_of(reference.strip())
    card = read_card(folder)
    if not _draws(card):
        raise BadValue("{recipe} has no latent space.", recipe=card.recipe_title or card.recipe)
    name = card.name if card.name not in listing.names() else f"{card.name} ({folder.name})"
    _added[name] = folder
    _open.drop(name)
    return name


def warm() -> None:
    """Opens the first model and imports what searches need, so that the first visitor need not wait.

    What goes wrong is told to who asks for it.
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
    importlib.import_module("torch._dynamo")  # as the first optimiser of a process would, for seconds
