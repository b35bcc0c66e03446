"""A record for every figure: what it measures, with which net and how many images, its interval and its floor.

The name carries the count, the net and the side: `fd10k_mnistnet` is the Frechet distance of 10,000 samples to as many
real images in the features of `mnistnet`; the suffix `_train` means that the real images are the model's training
images, and `_64px` that a net for any size was applied to images of 64 pixels. Only figures of one column (the same
net, count, side and size, and the same real images) can be compared. This module needs no torch.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from gan_core.metrics.bootstrap import Interval

TRAIN = "train"  # side: the model's training images
BACK_PREFIX = "back_"  # prefix of figures of a translator's second direction
PIXELS = "pixels"  # instead of a net: the images themselves
ANY_SIZE = ("imagenet", "inception")  # nets for images of any size, which is part of their figures' names


class Column(NamedTuple):
    """The properties that two figures must share to be compared."""

    kind: str
    n: int
    net: str
    of: str
    side: str
    pixels: int
    origin: str
    against: str


@dataclass(frozen=True)
class Figure:
    """One figure. `low` and `high` are its 95 % interval, `floor` is the score of real images instead of samples.

    The floor is computed from `floor_n` images per side; it is the best that a model can reach, not always the lowest
    number.
    """

    kind: str  # "fd", "precision"
    n: int  # samples, and as many real images
    net: str  # "mnistnet", or PIXELS
    value: float
    low: float = math.nan
    high: float = math.nan
    floor: float = math.nan
    floor_n: int = 0
    of: str = ""  # its class or attribute
    side: str = ""  # TRAIN, or "" for images that the model wasn't trained on or for a folder
    pixels: int = 0  # height and width of the images
    origin: str = ""  # identifies the net of that name
    against: str = ""  # the data set of the real images; `Result` sets it

    @property
    def name(self) -> str:
        size = f"{self.pixels}px" if self.net in ANY_SIZE else ""
        parts = (f"{self.kind}{count_text(self.n)}", self.net, size, self.of, self.side)
        return "_".join(part for part in parts if part)

    @property
    def column(self) -> Column:
        return Column(self.kind, self.n, self.net, self.of, self.side, self.pixels, self.origin, self.against)

    @property
    def interval(self) -> Interval:
        return self.low, self.high

    @property
    def known(self) -> bool:
        """Whether the interval is known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def with_floor(self, floor: float, count: int) -> Figure:
        return replace(self, floor=floor, floor_n=count)

    def facts(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"name": self.name}


def count_text(count: int) -> str:
    """The count in a figure's name: 10k for 10,000, else the number itself."""
    return f"{count // 1000}k" if count % 1000 == 0 and count else str(count)


NAME = re.compile(r"([a-z_]+?)(?:(\d+k?)((?:_[a-z0-9]+)*))?")


class Named(NamedTuple):
    """The parts encoded in a figure's name; empty if it has none."""

    kind: str
    number: str  # of samples, e.g. "10k"
    net: str
    pixels: str  # e.g. "64px"
    of: str
    side: str


def parsed(name: str) -> Named:
    """The parts of a figure's name, also for names on older cards."""
    match = NAME.fullmatch(name)
    if not match or not match[2]:
        return Named(name, "", "", "", "", "")
    rest = match[3].split("_")[1:]
    side = rest.pop() if rest[-1:] == [TRAIN] else ""
    net = rest.pop(0) if rest and (rest[0].endswith("net") or rest[0] in (PIXELS, *ANY_SIZE)) else ""
    pixels = rest.pop(0) if net in ANY_SIZE and rest and rest[0].endswith("px") else ""
    return Named(match[1], match[2], net, pixels, "_".join(rest), side)


def by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def apart(one: Figure, other: Figure) -> bool:
    """Whether two figures of a column differ by more than their intervals: the difference's interval excludes 0."""
    if one.column != other.column or not (one.known and other.known):
        return False
    halves = [(figure.high - figure.low) / 2 for figure in (one, other)]
    return abs(one.value - other.value) > math.hypot(*halves)


def table(rows: Mapping[str, Sequence[Figure]]) -> dict[Column, dict[str, Figure]]:
    """The figures of several subjects by column, in the order of their first appearance: column -> subject -> figure.

    Figures with another net, count, side, size or other real images are in separate columns.
    """
    found: dict[Column, dict[str, Figure]] = {}
    for subject, figures in rows.items():
        for figure in figures:
            found.setdefault(figure.column, {})[subject] = figure
    return found


FIELDS = ("subject", "name", *Figure.__dataclass_fields__)


def as_csv(rows: Mapping[str, Sequence[Figure]]) -> str:
    """One line for each figure, with its complete record; unknown numbers are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for subject, figures in rows.items():
        for figure in figures:
            facts = {name: "" if _missing(value) else value for name, value in figure.facts().items()}
            writer.writerow({"subject": _harmless(subject)} | facts)
    return text.getvalue()


def _missing(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _harmless(text: str) -> str:
    """Escapes the first characters that make a spreadsheet treat a cell as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
