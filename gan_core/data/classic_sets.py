"""The sets that translation without pairs is known by, brought by `ganscope data get` (published/classic.py)."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.published.classic import CLASSICS, NEEDED, Classic
from gan_core.data.shared_sets import homes
from gan_core.data.user import pairs
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData

SIZE = 256  # pixels of the pictures


def _folder(name: str) -> Path | None:
    whole = (place for home in homes() if all(any((place := home / name).glob(pattern)) for pattern in NEEDED))
    return next(whole, None)


def _source(classic: Classic) -> Source:
    name = classic.name
    needs = f"Run `ganscope data get {name}`. Or: Set GANSCOPE_DATA to a folder that holds {name}/trainA/*.jpg."

    def load(size: int | None, progress: Progress, *, part: str = "train") -> DataSet:
        folder = _folder(name)
        if folder is None:
            raise BadData("'{name}' isn't here. {needs}", name=name, needs=needs)
        found = pairs.load_unpaired(UserImages("unpaired", str(folder)), size or SIZE, progress, part)
        whole = f"test:{name}" if part == "test" else name
        return dataclasses.replace(found, name=whole, licence=classic.licence)

    return Source(
        name=name, title=classic.title, about=classic.about, licence=classic.licence, size=SIZE, channels=3,
        items=min(classic.pictures[:2]), class_names=(), load=load, test=partial(load, part="test"),
        available=lambda: _folder(name) is not None, needs=needs, task="unpaired", published=name,
    )  # fmt: skip


SOURCES = tuple(_source(classic) for classic in CLASSICS)
