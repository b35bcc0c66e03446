"""Points that a user drew or pasted, as a data set: `drawn:CODE`, where the code encodes the points themselves.

A link with such a reference contains the whole set, of up to IN_LINK points; each coordinate has 10 bits of [-3, 3]. A
larger set is stored in a file of the state folder, `drawn:@NAME`. Training data are drawn from a Gaussian around each
point, as wide as a pen's stroke, so that the set has a density that a generator can match.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re

import numpy as np

from gan_core.data.base import DataSet, Progress, Source
from gan_core.errors import BadData, BadValue
from gan_core.files import write_atomically
from gan_core.paths import home

PREFIX = "drawn:"
REACH = 3.0  # points lie in [-REACH, REACH] in both directions
SIGMA = 0.08  # of the Gaussian around each point
LEAST, MOST = 2, 10_000
IN_LINK = 300  # points in a link, at most
LEVELS = 1023
ITEMS = 100_000  # points of the training set
LICENCE = "your own"
_STORED = re.compile(r"@[0-9a-f]{16}")
_LINE = re.compile(r"[\s,;]+")


def is_drawn(reference: str) -> bool:
    """Whether a data set is one of drawn points."""
    return reference.startswith(PREFIX)


def check(points: np.ndarray) -> np.ndarray:
    """The points (N, 2) as float64; raises BadValue for invalid points."""
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise BadValue("Points are pairs of x and y.")
    if len(points) < LEAST:
        raise BadValue("A set needs at least {least} points, not {count}.", least=LEAST, count=len(points))
    if len(points) > MOST:
        raise BadValue("A set can have at most {most} points, not {count}.", most=f"{MOST:,}", count=f"{len(points):,}")
    for place, (x, y) in enumerate(points):
        if not (math.isfinite(x) and math.isfinite(y)):
            raise BadValue("Point {place} is ({x}, {y}): both must be numbers.", place=place + 1, x=x, y=y)
        if max(abs(x), abs(y)) > REACH:
            raise BadValue(
                "Point {place} is ({x}, {y}): x and y must be between {low} and {high}.",
                place=place + 1, x=f"{x:g}", y=f"{y:g}", low=f"{-REACH:g}", high=f"{REACH:g}",
            )  # fmt: skip
    if np.ptp(points, axis=0).max() < 2 * REACH / LEVELS:
        raise BadValue("All points are the same. Draw at least two that differ.")
    return points


def parse(text: str) -> np.ndarray:
    """Points from lines such as `0.5, -1`, (N, 2); raises BadValue and names the line that can't be read."""
    found = []
    for place, line in enumerate(text.splitlines()):
        parts = [part for part in _LINE.split(line.strip()) if part]
        if not parts:
            continue
        try:
            x, y = map(float, parts)
        except ValueError:
            raise BadValue(
                "Line {place} is '{line}': each line must hold x and y, such as 0.5, -1.",
                place=place + 1,
                line=line[:40],
            ) from None
        found.append((x, y))
    return check(np.array(found).reshape(-1, 2))


def reference(points: np.ndarray) -> str:
    """The reference of a data set of these points; stores a file for a large one. Raises BadValue."""
    points = check(points)
    if len(points) <= IN_LINK:
        return PREFIX + _encode(points)
    content = points.astype("<f4").tobytes()
    name = "@" + hashlib.sha256(content).hexdigest()[:16]
    folder = home() / "points"
    folder.mkdir(exist_ok=True)
    write_atomically(folder / f"{name[1:]}.f32", content)
    return PREFIX + name


def in_link(name: str) -> str:
    """The set for a link: of more than IN_LINK points an even selection. Raises the errors of `points_of`."""
    points = points_of(name)
    if len(points) <= IN_LINK:
        return PREFIX + _encode(points)
    return PREFIX + _encode(points[np.linspace(0, len(points) - 1, IN_LINK).round().astype(int)])


def points_of(name: str) -> np.ndarray:
    """The points (N, 2) of a reference; raises BadValue if it can't be read, BadData if its file is gone."""
    code = name.removeprefix(PREFIX)
    if not code.startswith("@"):
        return check(_decode(code))
    path = home() / "points" / f"{code[1:]}.f32"
    if not _STORED.fullmatch(code) or not path.is_file():
        raise BadData("The drawn points {name} aren't on this computer.", name=code[:20])
    return check(np.frombuffer(path.read_bytes(), "<f4").reshape(-1, 2))


def source(name: str) -> Source:
    """The data set of a reference; raises the errors of `points_of`."""
    nodes = points_of(name)

    def load(size: int | None, progress: Progress) -> DataSet:
        random = np.random.default_rng(0)
        chosen = nodes[random.integers(len(nodes), size=ITEMS)]
        points = chosen + SIGMA * random.standard_normal((ITEMS, 2))
        return DataSet(name, {"real": points.astype(np.float32)}, (), LICENCE)

    return Source(
        name=name, title="Drawn points", about="Points that a user drew, each blurred a little.", licence=LICENCE,
        size=2, channels=0, items=len(nodes), class_names=(), load=load, available=lambda: True, task="points",
    )  # fmt: skip


def _encode(points: np.ndarray) -> str:
    levels = np.round((points + REACH) / (2 * REACH) * LEVELS).astype(np.int64).ravel()  # (N, 2) -> (2N,)
    bits = (levels[:, None] >> np.arange(9, -1, -1)) & 1
    return base64.urlsafe_b64encode(np.packbits(bits.astype(np.uint8).ravel()).tobytes()).decode().rstrip("=")


def _decode(code: str) -> np.ndarray:
    try:
        if len(code) > 2 * MOST or not re.fullmatch(r"[\w-]+", code, re.ASCII):
            raise ValueError
        content = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except (ValueError, binascii.Error):
        raise BadValue("The drawn points in this link can't be read.") from None
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    whole = bits[: len(bits) // 20 * 20].reshape(-1, 10)
    levels = whole @ (1 << np.arange(9, -1, -1))
    return (levels.reshape(-1, 2) / LEVELS * 2 - 1) * REACH
