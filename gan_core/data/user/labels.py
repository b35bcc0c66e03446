"""The class of each of the user's images, by folder or from StyleGAN's `dataset.json`; and the names of classes.

A label is only an index into the list of names, which changes when folders are added or removed. Therefore networks
store the names of their classes, and other images are matched with them by name (`matched`).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from gan_core.data.base import DataSet
from gan_core.errors import BadData, listed
from gan_core.pictures.decoding import SUFFIXES

LABELS = "dataset.json"  # the file name of StyleGAN's tool
MOST_LABELS = 64 * 2**20  # bytes of such a file
LEARNT = ("train", "training")  # folders of training images, beside those for evaluation
MEASURED = ("val", "valid", "validation", "dev", "test", "testing")


@dataclass(frozen=True)
class Labelled:
    """Classes and labels int64 (N,) of N images, -1 for one that is left out; `labels` is None if there are none."""

    class_names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    reason: str = ""  # why images are left out
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """The content of a `dataset.json`: the class of each file by name, and notes on the labels."""

    file: str
    classes: Mapping[str, str]
    note: str


def natural(name: str) -> tuple[list[Any], str]:
    """A key that sorts numbers within names as numbers: "9" before "10", "a2" before "a10"."""
    parts = re.split(r"([0-9]+)", name)  # text and digits in turn
    # int() refuses very long numbers; without leading zeros the longer number is the larger one
    return [_number(part) if place % 2 else part for place, part in enumerate(parts)], name


def _number(digits: str) -> tuple[int, str]:
    plain = digits.lstrip("0")
    return len(plain), plain


def labelled(names: Sequence[str], given: Given | None = None) -> Labelled:
    """Classes of the images with these relative names: from `given`, else by their folders.

    Common parent folders, as in many zips, are skipped: `pets/cat/1.png` and `pets/dog/1.png` have the classes `cat`
    and `dog`. A few images without a class among many with one are left out.
    """
    of_each = [given.classes.get(name) for name in names] if given else _by_folder(names)
    found = tuple(sorted({name for name in of_each if name is not None}, key=natural))
    notes = (given.note,) if given else ()
    if given and given.classes and not found:
        notes = (f"The classes of {given.file} aren't used: it gives none to any of these images.",)
    if len(found) < 2:
        return Labelled(notes=notes)
    alone = of_each.count(None)
    if 2 * alone >= len(names):
        return Labelled(notes=(_too_many(alone, len(names), found, given),))
    places = {name: label for label, name in enumerate(found)}
    labels = np.asarray([-1 if name is None else places[name] for name in of_each], np.int64)
    if given:
        return Labelled(found, labels, f"{given.file} gives it no class", notes)
    return Labelled(found, labels, f"beside the class folders {listed(found)}: move it into one of them, or elsewhere")


def _by_folder(names: Sequence[str]) -> list[str | None]:
    """The folder that is each image's class, at the first level with several; None beside or above them."""
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    depth = 0
    while here := {parts[depth] for parts in folders if len(parts) > depth}:
        if len(here) > 1:
            return [parts[depth] if len(parts) > depth else None for parts in folders]
        depth += 1
    return [None] * len(names)


def _too_many(alone: int, count: int, found: Sequence[str], given: Given | None) -> str:
    if given:
        return f"The classes of {given.file} aren't used: {alone} of {count} images have none there."
    return (
        f"The folders {listed(found)} aren't read as classes: {alone} of {count} images lie beside them. Move each "
        "into the folder of its class."
    )


def splits(names: Sequence[str]) -> dict[str, list[str]]:
    """Files by their folders `train`, `val`, `test` etc., such as "pets/train/".

    Empty if images are in folders with other names, or in only one of these.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names if name.lower().endswith(SUFFIXES)]
    depth = 0
    while len(here := {parts[: depth + 1] for parts in folders if len(parts) > depth}) == 1:
        depth += 1
    if not here or not all(parts[-1].lower() in LEARNT + MEASURED for parts in here):
        return {}
    prefixes = ["/".join(parts) + "/" for parts in sorted(here)]
    return {prefix: [name for name in names if name.startswith(prefix)] for prefix in prefixes}


def learnt(prefixes: Iterable[str]) -> list[str]:
    """The training folders of `splits`: all, if none has such a name."""
    found = list(prefixes)
    return [prefix for prefix in found if PurePosixPath(prefix).name.lower() in LEARNT] or found


def given_labels(name: str, file: BinaryIO) -> Given:
    """The labels of a `dataset.json` in the format of StyleGAN's tool: `{"labels": [["00000/1.png", 3], ...]}`, or
    null.

    A class is given by its number, possibly one-hot, or by its name. Names of files are relative to the
    folder of `name`. Raises ValueError for a file of another kind.
    """
    content = file.read(MOST_LABELS + 1)
    if len(content) > MOST_LABELS:
        raise ValueError(f"larger than {MOST_LABELS // 2**20} MiB")
    try:
        read = json.loads(content)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    if not isinstance(read, dict) or "labels" not in read:
        raise ValueError("it has no labels")
    pairs = read["labels"]
    pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs or []
    if not isinstance(pairs, list) or not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
        raise ValueError("its labels aren't pairs of a file and a label")
    around = PurePosixPath(name).parent
    classes: dict[str, str] = {}
    for path, label in pairs:
        if label is None:
            continue
        if (called := _called(label)) is None:
            return Given(name, {}, f"The labels of {name} aren't used: that of {path} is not a class.")
        classes[str(around / str(path).replace("\\", "/"))] = called
    return Given(name, classes, f"The classes are those of {name}." if classes else f"{name} holds no labels.")


def _called(label: Any) -> str | None:
    """The name of a class by its label; None for a label that is no class."""
    if isinstance(label, str):
        return label.strip() or None
    if isinstance(label, list):
        numbers = all(type(value) in (int, float) for value in label)
        one_hot = label and numbers and sorted(label) == [0] * (len(label) - 1) + [1]
        return str(label.index(1)) if one_hot else None
    if isinstance(label, (int, float)) and not isinstance(label, bool) and label == label // 1:
        return str(int(label))
    return None


def matched(data: DataSet, known: Sequence[str]) -> DataSet:
    """The set with its labels as indices into `known`, the names that networks were trained with.

    Raises BadData, which lists both, if the set has an unknown class.
    """
    if not known or not data.class_names or tuple(known) == data.class_names:
        return data
    places = {name: label for label, name in enumerate(known)}
    if any(name not in places for name in data.class_names):
        raise BadData(
            "'{name}' has the classes {found}, and the networks have learnt {known}. Rename the folders so that the "
            "names agree, or start a new run.",
            name=data.name, found=listed(data.class_names), known=listed(known),
        )  # fmt: skip
    labels = np.asarray([places[name] for name in data.class_names], np.int64)[data.arrays["label"]]
    gone = [name for name in known if name not in data.class_names]
    notes = (*data.notes, f"No images are left of the classes {listed(gone)}.") if gone else data.notes
    return dataclasses.replace(
        data, arrays={**data.arrays, "label": labels}, class_names=tuple(known), notes=notes
    )  # fmt: skip
