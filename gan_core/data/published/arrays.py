"""Converted sets on disk: writing, reading, and a digest that doesn't depend on the container.

A converted set is a mapping of names to arrays. It is stored as one compressed `.npz`, or as a folder of files whose
names are those of the arrays: `.jpg` has the bytes of the file (N,), `.png` its pixels (H, W).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.user.archives import seen

Arrays = Mapping[str, np.ndarray]


def digest(arrays: Arrays) -> str:
    """SHA-256 over names, types, shapes and values."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        if array.dtype.kind == "U":
            array = np.array(array.tolist())  # as wide as the longest text
        total.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write(arrays: Arrays, folder: Path, npz: str | None) -> None:
    """Writes the set to the folder, as one `.npz` or as files."""
    if npz:
        np.savez_compressed(folder / npz, **arrays)  # type: ignore[arg-type]  # the names are never "allow_pickle"
        return
    for name, array in arrays.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.suffix == ".jpg":
            place.write_bytes(array.tobytes())
        else:
            Image.fromarray(array).save(place, optimize=True)


def read(folder: Path, npz: str | None) -> Arrays:
    """The arrays that `write` wrote; raises OSError, ValueError and the errors of broken zip files."""
    if npz:
        with (folder / npz).open("rb") as file, np.load(file) as packed:
            return dict(packed)
    found = {}
    for place in seen((*folder.rglob("*.jpg"), *folder.rglob("*.png"))):
        name = place.relative_to(folder).as_posix()
        found[name] = np.frombuffer(place.read_bytes(), np.uint8) if place.suffix == ".jpg" else _pixels(place)
    return found


def _pixels(place: Path) -> np.ndarray:
    with Image.open(place) as image:
        return np.asarray(image)
