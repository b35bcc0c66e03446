"""The small digits as pairs, in grey and in colour: each digit has its own hue, which identifies it."""

from __future__ import annotations

import colorsys

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register, silent
from gan_core.data.pairs import unpaired
from gan_core.data.sets.digits import DIGITS

INK, PAPER = (0.9, 1.0), (0.75, 0.3)  # saturation and value


def _load(size: int | None, progress: Progress) -> DataSet:
    """Loads grey digits, and the same in the colours of their class."""
    grey = DIGITS.load(size, silent)
    levels = grey.arrays["real"].astype(np.float32) / 255  # (N, 1, H, W)
    ink, paper = (np.array([_colour(digit, *shade) for digit in range(10)]) for shade in (INK, PAPER))
    label = grey.arrays["label"]
    coloured = paper[label][..., None, None] * (1 - levels) + ink[label][..., None, None] * levels  # (N, 3, H, W)
    arrays = {
        "source": grey.arrays["real"].repeat(3, 1),  # (N, 1, H, W) -> (N, 3, H, W)
        "target": np.rint(255 * coloured).astype(np.uint8),
    }
    progress(1.0, "Preparing pairs")
    return DataSet("digits_coloured", arrays, (), DIGITS.licence)


def _colour(digit: int, saturation: float, value: float) -> tuple[float, float, float]:
    """Red, green and blue in [0, 1]: each digit has its own hue, on dark paper of the complementary hue."""
    hue = digit / 10 + (0.5 if value < 0.5 else 0.0)
    return colorsys.hsv_to_rgb(hue % 1, saturation, value)


DIGITS_COLOURED = register(
    Source(
        name="digits_coloured",
        title="Grey digits to coloured ones",
        about="1,797 digits in grey and in colour: each digit has a colour of its own, so a translator must know what "
        "it reads.",
        licence=DIGITS.licence,
        size=DIGITS.size,
        channels=3,
        items=DIGITS.items,
        class_names=(),
        load=_load,
        available=DIGITS.available,
        needs=DIGITS.needs,
        task="paired",
        domains=("Grey", "Coloured"),
    )
)
register(unpaired(DIGITS_COLOURED, "Grey digits and coloured ones"))
