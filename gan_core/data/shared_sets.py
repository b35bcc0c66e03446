"""Sets that lie in the folder of `GANSCOPE_DATA`, or where `ganscope data get` puts them: in `GANSCOPE_HOME/data`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.prepared import Pictures, of_array, prepare
from gan_core.data.user.archives import seen
from gan_core.errors import BadData, StoreError
from gan_core.paths import data_home, home

TILE = 160  # pixels: a photo of 321x481 gives 2 x 3 squares


def jpeg_stream(path: Path) -> Pictures:
    """JPEG files packed end to end in one `.npz`: `data`, `offsets` (N + 1) and `labels`."""
    with path.open("rb") as file, np.load(file) as packed:
        data, offsets, labels = packed["data"], packed["offsets"], packed["labels"]
    pairs = pairwise(offsets)
    images = (Image.open(io.BytesIO(data[start:end].tobytes())).convert("RGB") for start, end in pairs)
    return Pictures(len(labels), images, labels)


def _emoji(files: list[Path]) -> Pictures:
    """Noto's drawings without the five skin tones of each; the class is the emoji's group."""
    with files[0].open("rb") as file, np.load(file) as packed:
        chosen = packed["tones"] == 0
        images, groups, names = packed["noto"][chosen], packed["groups"][chosen], list(packed["group_names"])
    # two groups have no emoji here, so labels are counted over the others
    labels = np.asarray([EMOJI_GROUPS.index(names[group]) for group in groups])
    return Pictures(len(images), of_array(images), labels)


def _tinyhero(files: list[Path]) -> Pictures:
    """All four views of each character; the class is the view."""
    with files[0].open("rb") as file, np.load(file) as packed:
        images = packed["images"]
    count, views = images.shape[:2]
    flat = images.reshape(count * views, *images.shape[2:])  # (N, view, H, W, 3) -> (N * view, H, W, 3)
    return Pictures(len(flat), of_array(flat), np.tile(np.arange(views), count))


def _pneumonia(files: list[Path], part: str = "train") -> Pictures:
    with files[0].open("rb") as file, np.load(file) as packed:
        images, labels = packed[f"{part}_images"], packed[f"{part}_labels"]
    return Pictures(len(images), of_array(images), labels)


def _bccd(files: list[Path]) -> Pictures:
    return jpeg_stream(files[0])


def _bsds500(files: list[Path], part: str = "train") -> Pictures:
    """Six squares of 160 pixels from each photo, a grid without overlap: the same on every machine."""
    if part != "train":
        files = seen((files[0].parents[1] / part).glob("*.jpg"))
    return Pictures(6 * len(files), (tile for file in files for tile in _tiles(file)))


def _tiles(file: Path) -> Iterator[Image.Image]:
    with Image.open(file) as opened:
        photo = opened.convert("RGB")
    for top in range(0, photo.height - TILE + 1, TILE):
        for left in range(0, photo.width - TILE + 1, TILE):
            yield photo.crop((left, top, left + TILE, top + TILE))


def homes() -> list[Path]:
    """The folders in which data sets lie."""
    shared = data_home()
    folders = [shared] if shared else []
    with suppress(StoreError):
        folders.append(home() / "data")
    return folders


def files_of(pattern: str) -> list[Path]:
    for folder in homes():
        if files := seen(folder.glob(pattern)):
            return files
    return []


def _source(
    read: Callable[[list[Path]], Pictures],
    pattern: str,
    name: str,
    title: str,
    about: str,
    licence: str,
    size: int,
    channels: int,
    items: int,
    class_names: tuple[str, ...] = (),
    read_test: Callable[[list[Path]], Pictures] | None = None,
) -> Source:
    needs = f"Run `ganscope data get {name}`. Or: Set GANSCOPE_DATA to a folder that holds {pattern}."

    def load(part: str, reader: Callable[[list[Path]], Pictures], wanted: int | None, progress: Progress) -> DataSet:
        files = files_of(pattern)
        if not files:
            raise BadData("'{name}' isn't here. {needs}", name=name, needs=needs)
        return prepare(part, wanted or size, files, partial(reader, files), class_names, licence, progress)

    return Source(
        name=name,
        title=title,
        about=about,
        licence=licence,
        size=size,
        channels=channels,
        items=items,
        class_names=class_names,
        load=partial(load, name, read),
        available=lambda: bool(files_of(pattern)),
        needs=needs,
        published=name,
        test=partial(load, f"test:{name}", read_test) if read_test else None,
    )


EMOJI_GROUPS = (
    "smileys-emotion",
    "people-body",
    "animals-nature",
    "food-drink",
    "travel-places",
    "activities",
    "objects",
    "symbols",
)

SOURCES = (
    _source(
        _emoji,
        "emoji/emoji_pairs_64.npz",
        name="emoji",
        title="Emoji",
        about="1,538 emoji as Noto draws them, on white, without skin tones; the class is the group.",
        licence="Apache-2.0 (Noto Emoji, Google)",
        size=64,
        channels=3,
        items=1538,
        class_names=EMOJI_GROUPS,
    ),
    _source(
        _tinyhero,
        "TinyHero/tinyhero_64.npz",
        name="tinyhero",
        title="Pixel-art heroes",
        about="820 pixel-art characters, each from four sides; the class is the side.",
        licence="CC BY-SA 3.0 or GPL-3.0 (Liberated Pixel Cup artists)",
        size=64,
        channels=3,
        items=3280,
        class_names=("back", "left", "front", "right"),
    ),
    _source(
        _pneumonia,
        "PneumoniaMNIST/pneumoniamnist_28.npz",
        name="pneumonia",
        title="Chest X-rays (PneumoniaMNIST)",
        about="4,708 children's chest X-rays, normal or with pneumonia. Not for diagnosis.",
        licence="CC BY 4.0 (MedMNIST v2)",
        size=28,
        channels=1,
        items=4708,
        class_names=("normal", "pneumonia"),
        read_test=partial(_pneumonia, part="test"),
    ),
    _source(
        _bccd,
        "BCCD/bccd_cells_64_jpeg.npz",
        name="bccd",
        title="Blood cells",
        about="1,909 blood cells cut from microscope pictures: red, white, platelets.",
        licence="MIT (BCCD)",
        size=64,
        channels=3,
        items=1909,
        class_names=("RBC", "WBC", "Platelets"),
    ),
    _source(
        _bsds500,
        "BSDS500/train/*.jpg",
        name="bsds500",
        title="Photos (BSDS500)",
        about="Six squares from each of 199 photos; the test part is left for measuring.",
        licence="non-commercial research and education; cite Arbelaez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011",
        size=128,
        channels=3,
        items=1194,
        read_test=partial(_bsds500, part="test"),
    ),
)
