"""Checks the arrays of a data set that was made in Python, where `DataSet` says what they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_core.data.base import FIELDS, NOT_SHOWN_TO_NETWORKS, OF_NUMBERS, OF_PICTURES, DataSet
from gan_core.errors import BadData

PICTURES = ("real", "source", "target", "a", "b")
COLOURS = (1, 3)


def check_arrays(data: DataSet) -> None:
    """Raises BadData for arrays of another type or shape, of unequal lengths or without items, and for labels without
    names. Arrays of other names, which an objective of one's own may need, can be of any type.
    """
    task = data.spec.task
    for name in data.arrays.keys() & {*FIELDS[task], *NOT_SHOWN_TO_NETWORKS}:
        _check_form(data, name, name in PICTURES and task in OF_PICTURES)
    _check_lengths(data)
    _check_labels(data)


def _check_form(data: DataSet, name: str, pictures: bool) -> None:
    array = data.arrays[name]
    kind: np.dtype[Any] = np.dtype(np.float32)
    if pictures or name == "frames":
        kind = np.dtype(np.uint8)
    elif name in (*OF_NUMBERS, "label", "attributes"):
        kind = np.dtype(np.int64)
    elif name == "visible":
        kind = np.dtype(np.bool_)
    shaped = not pictures or (array.ndim == 4 and array.shape[1] in COLOURS and array.shape[2] == array.shape[3])
    if isinstance(array, np.ndarray) and array.dtype == kind and shaped:
        return
    wanted = "uint8 (N, 1 or 3, H, H) with levels from 0 to 255" if pictures else kind.name
    raise BadData(
        "The array '{array}' of {data} must be a NumPy array of {wanted}, got {given}.",
        array=name, data=data.name, wanted=wanted, given=f"{array.dtype} {tuple(array.shape)}",
    )  # fmt: skip


def _check_lengths(data: DataSet) -> None:
    lengths = {name: len(array) for name, array in data.arrays.items()}
    if not all(lengths.values()):
        raise BadData("{data} has no items.", data=data.name)
    domains = [name for name in lengths if name not in NOT_SHOWN_TO_NETWORKS]
    independent = domains[1:] if data.unpaired else []  # labels are those of the first domain
    if len({length for name, length in lengths.items() if name not in independent}) > 1:
        raise BadData(
            "The arrays of {data} must have equally many items, got {lengths}.",
            data=data.name, lengths=", ".join(f"{name} {length}" for name, length in lengths.items()),
        )  # fmt: skip


def _check_labels(data: DataSet) -> None:
    labels, classes = data.arrays.get("label"), len(data.class_names)
    if labels is None and not classes:
        return
    if labels is None or labels.min() < 0 or labels.max() >= classes:
        raise BadData(
            "The array 'label' of {data} must give each item one of its class names, as a number below their count of "
            "{classes}, got {given}.",
            data=data.name, classes=classes, given="none" if labels is None else f"{labels.min()} to {labels.max()}",
        )  # fmt: skip
