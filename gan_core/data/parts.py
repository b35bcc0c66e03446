"""Parts of a data set: `test:NAME` is held out from all training, `train:NAME` is the rest.

If a set has a test part, `NAME` alone is the train part. For any other set every tenth item is the test part, the same
on every machine; `NAME` alone is then the whole set.

`quarter:NAME` and `half:NAME` are every fourth and every second item of a set or of a part, such as `half:train:NAME`,
for learning curves.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, sources
from gan_core.data.user.references import UserImages, user_images
from gan_core.errors import BadData

PARTS = ("train", "test")
SHARES = {"quarter": 4, "half": 2}  # name -> every nth item
EVERY = 10


def held_out(name: str) -> str:
    """The name of the part that a model trained on the data set `name` hasn't seen; "" if there is none."""
    part, _, whole = name.partition(":")
    if part in SHARES:
        return held_out(whole)
    if part == "train" and whole in sources:
        return f"test:{whole}"
    return f"test:{name}" if name in sources and sources.get(name).test else ""


def whole(name: str) -> str:
    """The name of a part's data set; other names unchanged."""
    part, _, rest = name.partition(":")
    return whole(rest) if part in (*PARTS, *SHARES) and rest else name


def kind_of(name: str) -> str:
    """The name of the set whose feature nets suit a data set or a part: another one that it is `like`, or its own."""
    known = whole(name)
    return (sources.get(known).like or known) if known in sources else known


def user_images_of(name: str) -> UserImages | None:
    """The user's own data to which a name refers, or a part of them; raises BadValue like `references`."""
    return user_images(whole(name))


def part_of(whole: Source, part: str) -> Source:
    """The source of a part; with the number of `items` if known."""
    _check_parts(whole)

    def load(size: int | None, progress: Progress) -> DataSet:
        if whole.test is not None:
            return whole.test(size, progress) if part == "test" else whole.load(size, progress)
        return cut(whole.load(size, progress), part)

    items = whole.items if whole.test else len(chosen(whole.items, part))
    return dataclasses.replace(whole, name=f"{part}:{whole.name}", load=load, items=items, test=None)


def share_of(whole: Source, share: str) -> Source:
    """The source of every second or fourth item, a key of `SHARES`."""
    _check_parts(whole)
    return dataclasses.replace(
        whole, name=f"{share}:{whole.name}", items=-(-whole.items // SHARES[share]), test=None,
        load=lambda size, progress: thinned(whole.load(size, progress), share),
    )  # fmt: skip


def _check_parts(whole: Source) -> None:
    if whole.task == "points":
        raise BadData("'{name}' has no train/test split: its points are sampled anew each time.", name=whole.name)
    if not whole.items:
        raise BadData(
            "'{name}' is streamed, so it has no train/test split. Name other shards instead.", name=whole.name
        )


def thinned(data: DataSet, share: str) -> DataSet:
    """Keeps every second or fourth item of a set."""
    arrays = {name: array[:: SHARES[share]] for name, array in data.arrays.items()}
    return dataclasses.replace(data, name=f"{share}:{data.name}", arrays=arrays)


def cut(data: DataSet, part: str) -> DataSet:
    """Keeps every tenth item of a set, or all others."""
    places = chosen(len(data), part)
    arrays = {name: array[places] for name, array in data.arrays.items()}
    return dataclasses.replace(data, name=f"{part}:{data.name}", arrays=arrays)


def chosen(count: int, part: str) -> np.ndarray:
    """The indices of a part's items among `count`."""
    places = np.arange(count)
    return np.flatnonzero((places % EVERY == EVERY - 1) == (part == "test"))
