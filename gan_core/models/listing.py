"""The models: those bundled with GANscope (`pretrained/`), and the user's own (`GANSCOPE_HOME/models`).

`hf://owner/name` names a model on the Hugging Face Hub (hub.py). Reads only cards and needs no torch, so that a gallery
is shown at once; `loading` reads weights.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_core import paths
from gan_core.data.base import Progress, silent
from gan_core.data.user.archives import seen
from gan_core.errors import BadCheckpoint, UnknownName
from gan_core.files import check_whole
from gan_core.models import hub
from gan_core.models.card import CARD, WEIGHTS, Card, read_card

WEIGHT_FILES = (".pth", ".pt", ".ckpt", ".safetensors")  # endings of weight files from other projects
BUNDLED = paths.ROOT / "pretrained"


@dataclass(frozen=True)
class Damaged:
    """A model that can't be used, and why."""

    name: str
    reason: BadCheckpoint


def shelves() -> list[Path]:
    """The folders that hold models."""
    return [BUNDLED, paths.home() / "models"]


def names() -> list[str]:
    """All models by name, the bundled ones first."""
    return list(folders())


def standing(name: str) -> Path:
    """The folder of a model on a shelf; raises UnknownName. Accepts no path, so that links can contain the name."""
    known = folders()
    if name not in known:
        raise UnknownName("model", name, list(known))
    return known[name]


def folders(own: bool = False) -> dict[str, Path]:
    """The folders of all models by name, or only of the user's `own`; if both shelves have one, that of the first."""
    found: dict[str, Path] = {}
    for shelf in shelves()[own:]:
        for folder in seen(shelf.glob("*")):
            if folder.name not in found and (folder / CARD).is_file():
                found[folder.name] = folder
    return found


def is_model(name: str) -> bool:
    """Whether a model of this name is on a shelf, or the name is an address on the Hub."""
    return hub.is_address(name) or name in names()


def folder_of(name: str, progress: Progress = silent) -> Path:
    """The folder of a model by name or address, or by path; raises UnknownName, and the errors of `hub`."""
    if hub.is_address(name):
        return hub.folder(name, progress)
    known, path = folders(), Path(name)
    # os.path: a name that is too long for a folder is none
    return path if name not in known and os.path.isdir(path) else known.get(name) or standing(name)


def upscalers() -> dict[str, Path]:
    """The user's stored super-resolution files from other projects (community.py), by name."""
    found = seen((paths.home() / "upscalers").glob("*"))
    return {path.name: path for path in found if path.suffix.lower() in WEIGHT_FILES and path.is_file()}


def card(name: str) -> Card:
    """A model's card, without fetching weights; raises UnknownName, BadCheckpoint, or the errors of `hub`."""
    return hub.card(name) if hub.is_address(name) else read_card(folder_of(name))


def survey(found: Mapping[str, Path] | None = None) -> tuple[dict[str, Card], list[Damaged]]:
    """Every model whose card can be read, by name, and the damaged ones, of the `found` folders or of all. Weights are
    not checked.
    """
    cards: dict[str, Card] = {}
    damaged = []
    for name, folder in (folders() if found is None else found).items():
        try:
            cards[name] = read_card(folder)
        except BadCheckpoint as error:
            damaged.append(Damaged(name, error))
    return cards, damaged


def check_weights(folder: Path, described: Card) -> None:
    """Raises BadCheckpoint if a model's weights are missing or don't match its card."""
    check_whole(folder / WEIGHTS, described.sha256)
