"""What pages know about models without torch: cards, damage and preview pictures."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from gan_core.errors import GanscopeError
from gan_core.files import check_whole
from gan_core.media import medium_of
from gan_core.models import listing
from gan_core.models.card import SAMPLE, WEIGHTS, Card
from ui.classroom.shell.grids import encode
from ui.classroom.shell.i18n import STATE, _
from ui.texts import card_size, data_name, data_title, joined, recipe_word, sentence

COLUMNS, ROWS = 4, 3  # samples on a card's picture; complete rows if pictures are side by side
WIDE = 640  # minimum width in pixels: enlarged by integer factors, so that edges stay sharp when the browser shrinks it
GAP = 1  # pixels between the samples of a sheet
TRANSLATION = ("paired", "unpaired", "super_resolution", "inpainting", "attributes")  # tasks
INVERSION = "inversion"


@dataclass(frozen=True)
class Shelf:
    """The models that can be used by name, and the reasons why others can't."""

    models: Mapping[str, Card]
    trouble: Mapping[str, str]

    @property
    def drawing(self) -> dict[str, Card]:
        """Returns the most attractive models first: in colour, then large, then controllable."""
        found = {name: card for name, card in self.models.items() if draws(card)}
        return dict(sorted(found.items(), key=lambda pair: _prominence(pair[1]), reverse=True))

    @property
    def translating(self) -> dict[str, Card]:
        return {name: card for name, card in self.models.items() if card.task in TRANSLATION}

    @property
    def finding(self) -> dict[str, Card]:
        return {name: card for name, card in self.models.items() if encodes(card)}

    @property
    def feature_nets(self) -> dict[str, Card]:
        return {name: card for name, card in self.models.items() if classifies(card)}


def shelf() -> Shelf:
    """Returns all models; checks the weights against the card once per version of the file."""
    folders = listing.folders()
    cards, damaged = listing.survey(folders)
    trouble = {one.name: sentence(one.reason.message, one.reason.values) for one in damaged}
    trouble |= {name: words for name, card in cards.items() if (words := damage(folders[name], card))}
    return Shelf({name: card for name, card in cards.items() if name not in trouble}, trouble)


def damage(folder: Path, card: Card) -> str:
    """Returns what is wrong with a model's weights; "" if they are fine."""
    message, values = _damage(folder / WEIGHTS, _stamp(folder / WEIGHTS), card.sha256)
    return sentence(message, values) if message else ""


@st.cache_data(show_spinner=False, max_entries=256)
def _damage(weights: Path, stamp: tuple[int, int], sha256: str) -> tuple[str, dict[str, Any]]:
    try:
        check_whole(weights, sha256)
    except GanscopeError as error:
        return error.message, error.values
    return "", {}


def _stamp(path: Path) -> tuple[int, int]:
    """Returns a value that changes with the file; (0, 0) if it doesn't exist."""
    try:
        facts = path.stat()
    except OSError:
        return 0, 0
    return facts.st_mtime_ns, facts.st_size


def classifies(card: Card) -> bool:
    """Whether the model classifies images, or says which sentence fits one, and generates none."""
    return card.task in ("supervised", "matching") or "features" in card.parameters


def translates(card: Card) -> bool:
    """Whether the model maps pictures to pictures: translation, super-resolution, inpainting or encoders."""
    return card.task in TRANSLATION or encodes(card)


def encodes(card: Card) -> bool:
    """Whether the model encodes pictures into the latent space of another one."""
    return card.task == INVERSION


def draws(card: Card) -> bool:
    """Whether the model generates pictures from a seed alone."""
    return not classifies(card) and not translates(card)


def _prominence(card: Card) -> tuple[int, int, int]:
    """Sort key: channels, size and number of controls; 0 for points."""
    if card.task == "points" or medium_of(card.task):
        return 0, 0, 0
    return next(iter(card.fields.values()))[0], card.size, len(card.capabilities)


def link(name: str) -> dict[str, str]:
    """Returns the query of a model's page."""
    return {"model": name, "lang": st.session_state.get(STATE, "en")}


def one_line(card: Card) -> str:
    """Returns recipe, data and size. Plain text."""
    reference = data_name(card)
    return joined(recipe_word(card), data_title(reference), card_size(card))


def kinds(card: Card) -> str:
    """Returns the labels of the pictures side by side in an image-to-image model's sheet. Plain text."""
    return _(", ").join(_(kind) for kind in card.compared)


def short_licence(card: Card) -> str:
    """Returns the licence's name without the owners; for a set of several sources, each one's."""
    parts = re.split(r"\s*[;；]\s*", re.sub(r"\s*[(（][^)）]*[)）]", "", _(card.licence)))
    makers = [part for part in parts if re.match(r"[^:：]+[:：]", part)]
    return "; ".join(makers) if len(makers) > 1 else parts[0]


def thumbnail(folder: Path, card: Card) -> bytes:
    """Returns a corner of the model's sample sheet as PNG: few samples, large; grey if there is no picture."""
    kinds = len(card.compared) or 1
    columns = kinds * max(1, COLUMNS // kinds)
    rows = math.ceil(columns * ROWS / COLUMNS)
    size = 0 if card.task == "points" or medium_of(card.task) else card.size
    return _thumbnail(folder / SAMPLE, _stamp(folder / SAMPLE), size, columns, rows)


@st.cache_data(show_spinner=False, max_entries=256)
def _thumbnail(path: Path, stamp: tuple[int, int], size: int, columns: int, rows: int) -> bytes:
    try:
        picture = _opened(path)
    except OSError:
        picture = Image.new("L", (COLUMNS * 10, ROWS * 10), 128)
    if size:
        cell = size + GAP
        picture = picture.crop((0, 0, min(picture.width, columns * cell - GAP), min(picture.height, rows * cell - GAP)))
    return encode(enlarged(picture, WIDE))


def enlarged_file(path: Path) -> bytes:
    """Returns a model's whole sample sheet as PNG, enlarged; raises OSError if there is none."""
    return _enlarged_file(path, _stamp(path))


@st.cache_data(show_spinner=False, max_entries=64)
def _enlarged_file(path: Path, stamp: tuple[int, int]) -> bytes:
    return encode(enlarged(_opened(path), WIDE))


def _opened(path: Path) -> Image.Image:
    """Returns the whole picture; raises OSError if it doesn't exist or isn't a picture."""
    opened = Image.open(io.BytesIO(path.read_bytes()))
    opened.load()
    return opened


def enlarged(picture: Image.Image, width: int) -> Image.Image:
    """Enlarges by an integer factor to at least this width, keeping pixels sharp."""
    factor = max(1, -(-width // picture.width))
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
