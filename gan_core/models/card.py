"""The model card, `card.toml`, checked when it is read.

A model is a folder with `card.toml`, `weights.safetensors` and `sample.png`.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from gan_core.errors import BadCheckpoint
from gan_core.files import write_atomically

FORMAT = 1
CARD, WEIGHTS, SAMPLE = "card.toml", "weights.safetensors", "sample.png"
NEIGHBOURS = "neighbours.png"  # samples above their closest training images, if measured
OF_LISTS = ("fields", "attributes")  # tables whose values are lists


@dataclass(frozen=True)
class Card:
    """Everything needed to build, verify, credit and assess a model."""

    name: str  # "dcgan.fashion_mnist"
    title: str
    recipe: str
    data: str
    size: int  # pixels
    steps: int
    images: int  # seen in training
    seed: int
    licence: str  # of the weights, not of the code
    origin: str  # of the data
    cost: str  # training time and machine
    limits: str  # limitations of the model
    sha256: str  # of the weights' file
    bytes: int
    parameters: Mapping[str, int]  # network -> weights
    hparams: Mapping[str, Any]
    fields: Mapping[str, tuple[int, ...]]
    class_names: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> values, if learnt
    metrics: Mapping[str, float] = field(default_factory=dict)  # names carry net and sample count
    pictures: str = "8 bits"  # pictures for the metrics, see metrics/pictures.py
    recipe_title: str = ""  # these three describe the recipe while the recipes aren't loaded
    task: str = "images"
    capabilities: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()  # captions of the pictures side by side on the sample of a translation model
    generator: str = ""  # of an encoder: the sha256 of its generator's weights
    vocabulary: tuple[str, ...] = ()  # of models of text: the words of tokens
    rate: int = 0  # of models of sound, Hz
    format: int = FORMAT


def write_card(folder: Path, card: Card) -> None:
    """Writes `card.toml`, whole or not at all."""
    write_atomically(folder / CARD, _toml(dataclasses.asdict(card)).encode())


def read_card(folder: Path) -> Card:
    """Reads `card.toml`; raises BadCheckpoint if it is missing, truncated, lacks a field or has a newer format."""
    try:
        return _card(folder.name, (folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCheckpoint("No model in {folder}: {card} is missing.", folder=folder.name, card=CARD) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCheckpoint(
            "The model card in {folder} can't be read: {reason}.", folder=folder.name, reason=error
        ) from None


@lru_cache(256)  # pages survey all cards at each call, and TOML takes a millisecond each
def _card(folder: str, text: str) -> Card:
    values = tomllib.loads(text)
    if isinstance(values.get("format"), int) and values["format"] > FORMAT:
        raise BadCheckpoint(
            "The model {folder} has format {format}, written by a newer version of GANscope; this one reads up to "
            "{newest}.",
            folder=folder, format=values["format"], newest=FORMAT,
        )  # fmt: skip
    known = {one.name: one for one in dataclasses.fields(Card)}
    missing = sorted(name for name, one in known.items() if _needed(one) and name not in values)
    if missing:
        raise BadCheckpoint("The model card in {folder} lacks {names}.", folder=folder, names=", ".join(missing))
    kept = {name: value for name, value in values.items() if name in known}
    wrong = sorted(name for name, value in kept.items() if not _fits(value, known[name]))
    if wrong:
        raise BadCheckpoint(
            "The model card in {folder} can't be read: {reason}.", folder=folder, reason=", ".join(wrong)
        )
    kept |= {table: {n: tuple(v) for n, v in kept[table].items()} for table in OF_LISTS if table in kept}
    kept |= {name: tuple(value) for name, value in kept.items() if isinstance(value, list)}
    return Card(**kept)


def _needed(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _fits(value: Any, one: dataclasses.Field[Any]) -> bool:
    """Whether the TOML value has the field's type: text, a whole number, a list or a table, and what these hold."""
    match str(one.type):
        case "str":
            return isinstance(value, str)
        case "int":
            return _whole(value)
        case "tuple[str, ...]":
            return isinstance(value, list) and _all(str, value)
    if not isinstance(value, dict):
        return False
    match one.name:
        case "fields":
            return all(isinstance(sides, list) and all(_whole(side) and side > 0 for side in sides)
                       for sides in value.values())  # fmt: skip
        case "attributes":
            return all(isinstance(names, list) and _all(str, names) for names in value.values())
        case "parameters" | "metrics":
            return _all((int, float), value.values())
    return True


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _all(kind: type | tuple[type, ...], values: Iterable[Any]) -> bool:
    return all(isinstance(value, kind) for value in values)


def _toml(values: Mapping[str, Any]) -> str:
    """Plain values as TOML: text, numbers, lists, and tables one level deep (JSON's literals are TOML's)."""
    flat = [f"{name} = {_value(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
    for name, table in values.items():
        if isinstance(table, Mapping):
            flat += ["", f"[{name}]", *(f"{json.dumps(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(flat) + "\n"


def _value(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
