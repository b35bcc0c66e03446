"""Pairs from published sets: emoji of two makers, characters seen from two sides, photos and the edges people drew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.pairs import Pair, cached_pairs, unpaired
from gan_core.data.parts import EVERY
from gan_core.data.prepared import UNREADABLE
from gan_core.data.published.emoji import base
from gan_core.data.shared_sets import TILE, files_of
from gan_core.errors import BadData
from gan_core.pictures.decoding import square

Read = Callable[[list[Path], str], tuple[int, Iterable[tuple[Image.Image, Image.Image]]]]


def _emoji(found: list[Path], part: str) -> tuple[int, Iterable[tuple[Image.Image, Image.Image]]]:
    """All tones of one emoji lie in one part: they hardly differ, and the test would be of what was learnt."""
    with found[0].open("rb") as file, np.load(file) as packed:
        noto, twemoji, codes = packed["noto"], packed["twemoji"], packed["codes"]
    places = emoji_places([str(code) for code in codes], part)
    return len(places), ((Image.fromarray(noto[place]), Image.fromarray(twemoji[place])) for place in places)


def emoji_places(codes: list[str], part: str) -> list[int]:
    """Every tenth emoji with all its tones is the test part; those that come in one tone alone stand last."""
    members: dict[str, list[int]] = {}
    for place, code in enumerate(codes):
        members.setdefault(base(code), []).append(place)
    groups = [
        group for number, group in enumerate(members.values()) if (number % EVERY == EVERY - 1) == (part == "test")
    ]
    return [place for group in sorted(groups, key=lambda group: len(group) == 1) for place in group]


def _heroes(found: list[Path], part: str) -> tuple[int, Iterable[tuple[Image.Image, Image.Image]]]:
    """The front and the left side of each character; every tenth character is the test part."""
    with found[0].open("rb") as file, np.load(file) as packed:
        images, views = packed["images"], [str(view) for view in packed["views"]]
    front, left = views.index("front"), views.index("left")
    chosen = [place for place in range(len(images)) if (place % EVERY == EVERY - 1) == (part == "test")]
    return len(chosen), ((Image.fromarray(images[i, front]), Image.fromarray(images[i, left])) for i in chosen)


def _photos(found: list[Path], part: str) -> tuple[int, Iterable[tuple[Image.Image, Image.Image]]]:
    """Six squares of each photo, and of its edges as dark lines on white."""
    return 6 * len(found), (pair for photo in found for pair in _tiles(photo))


def _tiles(photo: Path) -> Iterator[tuple[Image.Image, Image.Image]]:
    drawn = photo.parent.parent / "edges" / photo.parent.name / f"{photo.stem}.png"
    with Image.open(photo) as first, Image.open(drawn) as second:
        picture, lines = first.convert("RGB"), second.convert("L").point(lambda level: 255 - level).convert("RGB")
    for top, _ in pairwise(range(0, picture.height + 1, TILE)):
        for left, _ in pairwise(range(0, picture.width + 1, TILE)):
            box = (left, top, left + TILE, top + TILE)
            yield lines.crop(box), picture.crop(box)


def _source(
    read: Read, patterns: dict[str, str], needed: str, name: str, title: str, about: str, licence: str, size: int,
    items: int,
) -> Source:  # fmt: skip
    """`patterns` name the files of the train and of the test part; `needed` is the published set they belong to."""
    needs = f"Run `ganscope data get {needed}`. Or: Set GANSCOPE_DATA to a folder that holds {patterns['train']}."

    def load(wanted: int | None, progress: Progress, *, part: str = "train") -> DataSet:
        found = files_of(patterns[part])
        if not found:
            raise BadData("'{name}' isn't here. {needs}", name=name, needs=needs)
        whole, pixels = f"test:{name}" if part == "test" else name, wanted or size
        try:
            count, images = read(found, part)
            version = cache.fingerprint((str(file), file) for file in found)
        except UNREADABLE as error:
            raise BadData("The files of '{name}' can't be read ({reason}).", name=name, reason=error) from error

        def pairs() -> Iterator[Pair]:
            return ((square(source, pixels), square(target, pixels)) for source, target in images)

        return cached_pairs(whole, pixels, version, count, pairs, licence, progress)

    return Source(
        name=name, title=title, about=about, licence=licence, size=size, channels=3, items=items, class_names=(),
        load=load, test=partial(load, part="test"), available=lambda: bool(files_of(patterns["train"])), needs=needs,
        task="paired", published=needed,
    )  # fmt: skip


_EMOJI = "emoji/emoji_pairs_64.npz"
_HEROES = "TinyHero/tinyhero_64.npz"
EMOJI_STYLES = _source(
    _emoji, {"train": _EMOJI, "test": _EMOJI}, "emoji",
    name="emoji_styles",
    title="Noto's emoji to Twemoji's",
    about="The same emoji as two makers draw it, with all skin tones. An emoji of the test part is seen in training in "
    "no tone at all.",
    licence="Noto: Apache-2.0 (Google); Twemoji: CC BY 4.0 (Twitter, Inc and other contributors)",
    size=64,
    items=2750,
)  # fmt: skip
HEROES_TURNED = _source(
    _heroes, {"train": _HEROES, "test": _HEROES}, "tinyhero",
    name="heroes_turned",
    title="Heroes from the front to the left side",
    about="Pixel-art characters seen from the front, and the same from their left.",
    licence="CC BY-SA 3.0 or GPL-3.0 (Liberated Pixel Cup artists)",
    size=64,
    items=738,
)  # fmt: skip
EDGES2PHOTOS = _source(
    _photos, {"train": "BSDS500/train/*.jpg", "test": "BSDS500/test/*.jpg"}, "bsds500",
    name="edges2photos",
    title="Drawn edges to photos (BSDS500)",
    about="Six squares from each of 199 photos, and the edges that people drew in them.",
    licence="non-commercial research and education; cite Arbelaez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011",
    size=128,
    items=1194,
)  # fmt: skip
SOURCES = (
    EMOJI_STYLES,
    HEROES_TURNED,
    EDGES2PHOTOS,
    unpaired(EMOJI_STYLES, "Noto's and Twemoji's emoji"),
    unpaired(HEROES_TURNED, "Heroes from two sides"),
    unpaired(EDGES2PHOTOS, "Drawn edges and photos"),
)
