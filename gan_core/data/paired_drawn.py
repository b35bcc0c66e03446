"""Pairs that need no download: faces and their pencil drawings or edges, digits and the same in colour.

What a picture's partner looks like is known exactly, so that a translation can be measured and not only looked at.
"""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import digits
from gan_core.data.base import DataSet, Progress, Source, silent
from gan_core.data.drawn import LICENCE, SEED, TEST_SEED
from gan_core.data.pairs import Pair, cached_pairs, unpaired
from gan_core.pictures.decoding import square

COUNT = 2000
TEST_COUNT = 500
SIZE = 64
CHUNK = 20  # faces drawn at once
EDGE = 10  # how far a step in colour darkens the drawing of the edges

Partner = Callable[[np.ndarray, np.ndarray, int], np.ndarray]  # attributes, faces, size -> (N, 3, size, size)


def _faces(name: str, partner: Partner, size: int | None, progress: Progress, *, test: bool = False) -> DataSet:
    """Faces as targets, and what `partner` makes of them as sources."""
    from gan_core.data import avatars

    pixels = size or SIZE
    count, seed = (TEST_COUNT, TEST_SEED) if test else (COUNT, SEED)
    drawn_at = min((offered for offered in avatars.SIZES if offered >= pixels), default=max(avatars.SIZES))

    def pairs() -> Iterator[Pair]:
        attributes = avatars.sample_attributes(count, seed)
        for start in range(0, count, CHUNK):
            rows = attributes[start : start + CHUNK]
            faces = avatars.draw_avatars(rows, drawn_at)
            for source, target in zip(partner(rows, faces, drawn_at), faces, strict=True):
                yield _resized(source, pixels), _resized(target, pixels)

    whole = f"test:{name}" if test else name
    return cached_pairs(whole, pixels, f"{_drawer()}.{count}.{seed}", count, pairs, LICENCE, progress)


def _resized(image: np.ndarray, size: int) -> np.ndarray:
    return square(Image.fromarray(image.transpose(1, 2, 0)), size)  # (C, H, W) -> (H, W, C)


def _drawer() -> str:
    """A version that changes with the code that draws."""
    from gan_core.data import avatars

    modules = [Path(__file__), *sorted(Path(avatars.__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


def _pencil(attributes: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    from gan_core.data.avatars.pencil import draw_pencil

    return draw_pencil(attributes, size)


def edges(attributes: np.ndarray, faces: np.ndarray, size: int) -> np.ndarray:
    """(N, 3, size, size): dark lines on white where the colour of a face (N, 3, size, size) steps."""
    levels = faces.astype(np.int16)
    across, down = np.zeros_like(levels), np.zeros_like(levels)
    across[..., :, 1:] = np.abs(np.diff(levels, axis=3))
    down[..., 1:, :] = np.abs(np.diff(levels, axis=2))
    step = np.maximum(across, down).max(1, keepdims=True)  # (N, C, H, W) -> (N, 1, H, W)
    lines = (255 - np.minimum(255, np.maximum(0, step - EDGE) * EDGE)).astype(np.uint8)
    return np.repeat(lines, 3, 1)


def _coloured_digits(size: int | None, progress: Progress) -> DataSet:
    """Grey digits, and the same in the colours of their class."""
    grey = digits.SOURCE.load(size, silent)
    levels = grey.arrays["real"].astype(np.float32) / 255  # (N, 1, H, W)
    ink, paper = (np.array([_colour(digit, *shade) for digit in range(10)]) for shade in ((0.9, 1.0), (0.75, 0.3)))
    label = grey.arrays["label"]
    coloured = paper[label][..., None, None] * (1 - levels) + ink[label][..., None, None] * levels  # (N, 3, H, W)
    arrays = {
        "source": grey.arrays["real"].repeat(3, 1),  # (N, 1, H, W) -> (N, 3, H, W)
        "target": np.rint(255 * coloured).astype(np.uint8),
    }
    progress(1.0, "Preparing pairs")
    return DataSet("digits_coloured", arrays, (), digits.LICENCE)


def _colour(digit: int, saturation: float, value: float) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1]: each digit has a hue of its own, and dark paper of the hue opposite to it."""
    hue = digit / 10 + (0.5 if value < 0.5 else 0.0)
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)


def _of_faces(name: str, title: str, about: str, partner: Partner) -> Source:
    return Source(
        name=name, title=title, about=about, licence=LICENCE, size=SIZE, channels=3, items=COUNT, class_names=(),
        load=partial(_faces, name, partner), test=partial(_faces, name, partner, test=True), available=lambda: True,
        task="paired",
    )  # fmt: skip


AVATARS_PENCIL = _of_faces(
    "avatars_pencil",
    "Pencil drawings to avatars",
    "2,000 drawn faces, each as a pencil drawing and in colour. The pencil tells shapes and tones; the colours must be "
    "guessed.",
    _pencil,
)
EDGES2AVATARS = _of_faces(
    "edges2avatars",
    "Edges to avatars",
    "2,000 drawn faces, each as its edges alone and in colour. Nothing says which side of an edge is darker.",
    edges,
)
DIGITS_COLOURED = Source(
    name="digits_coloured",
    title="Grey digits to coloured ones",
    about="1,797 digits in grey and in colour: each digit has a colour of its own, so a translator must know what it "
    "reads.",
    licence=digits.LICENCE,
    size=8,
    channels=3,
    items=1797,
    class_names=(),
    load=_coloured_digits,
    available=digits.SOURCE.available,
    needs=digits.SOURCE.needs,
    task="paired",
)
SOURCES = (
    AVATARS_PENCIL,
    EDGES2AVATARS,
    DIGITS_COLOURED,
    unpaired(AVATARS_PENCIL, "Pencil drawings and avatars"),
    unpaired(EDGES2AVATARS, "Edges and avatars"),
    unpaired(DIGITS_COLOURED, "Grey digits and coloured ones"),
)
