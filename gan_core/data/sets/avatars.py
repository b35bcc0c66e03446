"""The avatars: faces drawn by GANscope's code, once for each size, and pairs of a face and its pencil drawing or edges.

The attributes of face i are row i of `sample_attributes(COUNT, SEED)`. `avatars_20k` begins with other faces, for
generators that would overfit 4,000. The test part of both has new faces, from another seed.
A face's true partner is known exactly, so that a translation can be measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import avatars, cache
from gan_core.data.avatars.attributes import ATTRIBUTES as KNOWN
from gan_core.data.avatars.attributes import sample_attributes, visible
from gan_core.data.avatars.pencil import draw_pencil
from gan_core.data.base import DataSet, Progress, Source, register, tracked
from gan_core.data.pairs import Pair, cached_pairs, unpaired
from gan_core.pictures import edges
from gan_core.pictures.decoding import square

COUNT, PAIRS = 4000, 2000
SEED = 0
MANY, MANY_SEED = 20_000, 3
TEST_COUNT, TEST_PAIRS = 10_000, 500
TEST_SEED = 1
SIZE = 64
CHUNK = 20  # faces drawn between two reports
LICENCE = "drawn by GANscope; free to use"
ATTRIBUTES = {attribute.name: attribute.values for attribute in KNOWN}

Partner = Callable[[np.ndarray, np.ndarray, int], np.ndarray]  # attributes, faces, size -> (N, 3, size, size)


def count_and_seed(name: str) -> tuple[int, int]:
    """How many faces "avatars" or "avatars_20k" has, and the seed of their attributes."""
    return (COUNT, SEED) if name == "avatars" else (MANY, MANY_SEED)


def _load(name: str, size: int | None, progress: Progress) -> DataSet:
    count, seed = count_and_seed(name)
    attributes = sample_attributes(count, seed)
    images = drawn_faces(name, attributes, f"{count}.{seed}", size or SIZE, progress)
    return DataSet(name, {"real": images, "attributes": attributes}, (), LICENCE, attributes=ATTRIBUTES)


def _test(name: str, size: int | None, progress: Progress) -> DataSet:
    attributes = sample_attributes(TEST_COUNT, TEST_SEED)
    images = drawn_faces("test-avatars", attributes, f"{TEST_COUNT}.{TEST_SEED}", size or SIZE, progress)
    arrays = {"real": images, "attributes": attributes, "visible": visible(attributes)}
    return DataSet(f"test:{name}", arrays, (), LICENCE, attributes=ATTRIBUTES)


def drawn_faces(name: str, attributes: np.ndarray, version: str, size: int, progress: Progress) -> np.ndarray:
    """Pictures (N, 3, size, size) of attributes (N, K), kept by name and version."""
    drawn_at = _drawn_at(size)

    def write(writer: cache.Writer) -> None:
        count = len(attributes)
        for start in tracked(range(0, count, CHUNK), max(1, count // CHUNK), progress, "Drawing faces"):
            for face in avatars.draw_avatars(attributes[start : start + CHUNK], drawn_at):
                writer.add(_resized(face, size))

    return cache.entry(name, size, f"{_code_version()}.{version}", write).arrays["real"]


def _pairs(name: str, partner: Partner, size: int | None, progress: Progress, *, test: bool = False) -> DataSet:
    """Pairs with faces as targets, and the output of `partner` as sources."""
    pixels = size or SIZE
    count, seed = (TEST_PAIRS, TEST_SEED) if test else (PAIRS, SEED)
    drawn_at = _drawn_at(pixels)

    def pairs() -> Iterator[Pair]:
        attributes = sample_attributes(count, seed)
        for start in range(0, count, CHUNK):
            rows = attributes[start : start + CHUNK]
            faces = avatars.draw_avatars(rows, drawn_at)
            for source, target in zip(partner(rows, faces, drawn_at), faces, strict=True):
                yield _resized(source, pixels), _resized(target, pixels)

    whole = f"test:{name}" if test else name
    version = f"{_code_version(Path(edges.__file__))}.{count}.{seed}"
    return cached_pairs(whole, pixels, version, count, pairs, LICENCE, progress)


def _drawn_at(size: int) -> int:
    """The smallest size for drawing that isn't below `size`; faces are then resized."""
    return min((offered for offered in avatars.SIZES if offered >= size), default=max(avatars.SIZES))


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    return square(Image.fromarray(image.transpose(1, 2, 0)), size)  # (C, H, W) -> (H, W, C)


def _code_version(*more: Path) -> str:
    """A version of the drawing code; it doesn't depend on this file's texts or on the sentences about faces."""
    modules = [*more, *sorted(Path(avatars.__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def _pencil(attributes: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    return draw_pencil(attributes, size)


def _edges(attributes: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    return edges.edges(faces)


def _register_pairs(name: str, title: str, about: str, partner: Partner, domains: tuple[str, str]) -> Source:
    return register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=SIZE, channels=3, items=PAIRS, class_names=(),
            load=partial(_pairs, name, partner), test=partial(_pairs, name, partner, test=True),
            available=lambda: True, task="paired", domains=domains,
        )
    )  # fmt: skip


def _register_faces(name: str, title: str, about: str, items: int, like: str = "") -> None:
    register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=SIZE, channels=3, items=items, class_names=(),
            load=partial(_load, name), test=partial(_test, name), available=lambda: True,
            attributes=ATTRIBUTES, like=like,
        )
    )  # fmt: skip


_register_faces(
    "avatars",
    "Avatars",
    "4,000 drawn faces: skin, hair, eyes, glasses, hats. Every attribute is known exactly.",
    COUNT,
)
_register_faces(
    "avatars_20k",
    "Avatars, 20,000",
    "20,000 other drawn faces, for long training: a discriminator memorises 4,000.",
    MANY,
    like="avatars",
)
AVATARS_PENCIL = _register_pairs(
    "avatars_pencil",
    "Pencil drawings to avatars",
    "2,000 drawn faces, each as a pencil drawing and in colour. The pencil tells shapes and tones; the colours must be "
    "guessed.",
    _pencil,
    ("Pencil", "Colour"),
)
EDGES2AVATARS = _register_pairs(
    "edges2avatars",
    "Edges to avatars",
    "2,000 drawn faces, each as its edges alone and in colour. Nothing says which side of an edge is darker.",
    _edges,
    ("Edges", "Face"),
)
register(unpaired(AVATARS_PENCIL, "Pencil drawings and avatars"))
register(unpaired(EDGES2AVATARS, "Edges and avatars"))
