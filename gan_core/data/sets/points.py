"""Points in the plane with known modes: where an objective can be checked in seconds.

Every set has 100,000 points, float32 (N, 2), in its own units; `MODES` holds the centres and the spread of those
that are mixtures of Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gan_core.data.base import DataSet, Modes, Progress, Source, register

COUNT = 100_000
SEED = 0
LICENCE = "made by GANscope; free to use"
Draw = Callable[[np.random.Generator, int], np.ndarray]  # count -> (count, 2)


def _ring(count: int, radius: float) -> np.ndarray:
    angles = 2 * math.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def _lattice(side: int, spacing: float) -> np.ndarray:
    places = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)  # (side, side, 2) -> (side^2, 2)


MODES: dict[str, Modes] = {
    "ring8": Modes(_ring(8, 2.0), 0.02),  # as in 1611.02163
    "grid25": Modes(_lattice(5, 2.0), 0.05),  # as in 1705.07761
    "two_blobs": Modes(np.array([[-1.5, 0.0], [1.5, 0.0]]), 0.3),
}


def two_moons(random: np.random.Generator, count: int) -> np.ndarray:
    """Two half circles that reach into each other."""
    angles = math.pi * random.random(count)
    upper = random.random(count) < 0.5
    x = np.where(upper, np.cos(angles), 1 - np.cos(angles)) - 0.5
    y = np.where(upper, np.sin(angles), 0.5 - np.sin(angles)) - 0.25
    moons: np.ndarray = 1.5 * np.stack([x, y], 1) + 0.05 * random.standard_normal((count, 2))
    return moons


def spiral(random: np.random.Generator, count: int) -> np.ndarray:
    """One arm, one and three quarter turns."""
    turn = np.sqrt(random.random(count))  # evenly along the arm
    angle = 3.5 * math.pi * turn
    arm: np.ndarray = 2 * turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return arm + 0.03 * random.standard_normal((count, 2))


def line(random: np.random.Generator, count: int) -> np.ndarray:
    """A slanted segment: data of one dimension in a plane."""
    place = 4 * random.random(count) - 2
    return np.stack([place, 0.5 * place], 1) + 0.02 * random.standard_normal((count, 2))


def disjoint(random: np.random.Generator, count: int) -> np.ndarray:
    """Two parallel segments: the example in which only the Wasserstein distance has a slope (1701.07875, example 1)."""
    side = np.where(random.random(count) < 0.5, -1.5, 1.5)
    return np.stack([side, 3 * random.random(count) - 1.5], 1) + 0.02 * random.standard_normal((count, 2))


def pinwheel(random: np.random.Generator, count: int) -> np.ndarray:
    """Five curved arms."""
    arm = random.integers(5, size=count)
    radial = 1 + 0.3 * random.standard_normal(count)
    across = 0.1 * random.standard_normal(count)
    angle = 2 * math.pi * arm / 5 + 0.25 * np.exp(radial)
    cosine, sine = np.cos(angle), np.sin(angle)
    return 1.5 * np.stack([radial * cosine - across * sine, radial * sine + across * cosine], 1)


def _register(name: str, title: str, about: str, draw: Draw) -> Source:
    def load(size: int | None, progress: Progress) -> DataSet:
        points = draw(np.random.default_rng(SEED), COUNT).astype(np.float32)
        return DataSet(name, {"real": points}, (), LICENCE)

    return register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=2, channels=0, items=COUNT, class_names=(),
            load=load, available=lambda: True, task="points", modes=MODES.get(name),
        )
    )  # fmt: skip


_register("ring8", "Ring of 8", "Eight narrow modes on a circle of radius 2: the classic test for collapse.",
          MODES["ring8"].draw)  # fmt: skip
_register("grid25", "Grid of 25", "Twenty-five narrow modes, two apart.", MODES["grid25"].draw)
_register("two_moons", "Two moons", "Two half circles that reach into each other.", two_moons)
_register("spiral", "Spiral", "One arm, one and three quarter turns.", spiral)
_register("line", "Line", "A segment: data of one dimension in a plane.", line)
_register("two_blobs", "Two blobs", "Two wide modes, three apart: where a step can be followed by eye.",
          MODES["two_blobs"].draw)  # fmt: skip
_register("disjoint", "Disjoint", "Two parallel segments that a generator must jump between.", disjoint)
_register("pinwheel", "Pinwheel", "Five curved arms.", pinwheel)
