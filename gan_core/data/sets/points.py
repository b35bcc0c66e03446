"""Points in the plane with known modes, for checking objectives in seconds.

Every set has 100,000 points, float32 (N, 2), in its own units; `MODES` holds the centres and the spread of those
that are mixtures of Gaussians.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gan_core.data.base import DataSet, Modes, Progress, Source, register
from gan_core.data.mixtures import Mixture

COUNT = 100_000
NODES = 2000  # of a curve, whose density is a mixture around them
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
    "ring8": Modes(_ring(8, 2.0), 0.02),  # from 1611.02163
    "grid25": Modes(_lattice(5, 2.0), 0.05),  # from 1705.07761
    "two_blobs": Modes(np.array([[-1.5, 0.0], [1.5, 0.0]]), 0.3),
}


def on_moons(turn: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Points on two interleaving half circles: angles in [0, pi] and the index of the half."""
    x = np.where(upper, np.cos(turn), 1 - np.cos(turn)) - 0.5
    y = np.where(upper, np.sin(turn), 0.5 - np.sin(turn)) - 0.25
    return 1.5 * np.stack([x, y], 1)


def on_spiral(share: np.ndarray) -> np.ndarray:
    """Points on one arm of one and three quarter turns; evenly spaced shares in [0, 1] are evenly spaced along it."""
    turn = np.sqrt(share)
    angle = 3.5 * math.pi * turn
    arm: np.ndarray = 2 * turn[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return arm


def on_line(share: np.ndarray) -> np.ndarray:
    """Points on a slanted segment: data of one dimension in a plane."""
    place = 4 * share - 2
    return np.stack([place, 0.5 * place], 1)


def on_segments(share: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Points on two parallel segments."""
    return np.stack([np.where(left, -1.5, 1.5), 3 * share - 1.5], 1)


def on_pinwheel(arm: np.ndarray, radial: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points of five curved arms, from coordinates along and across an arm."""
    angle = 2 * math.pi * arm / 5 + 0.25 * np.exp(radial)
    cosine, sine = np.cos(angle), np.sin(angle)
    return 1.5 * np.stack([radial * cosine - across * sine, radial * sine + across * cosine], 1)


MOONS_SIGMA, SPIRAL_SIGMA, LINE_SIGMA = 0.05, 0.03, 0.02  # of the noise around the curves


def two_moons(random: np.random.Generator, count: int) -> np.ndarray:
    """Two interleaving half circles."""
    angles = math.pi * random.random(count)
    return on_moons(angles, random.random(count) < 0.5) + MOONS_SIGMA * random.standard_normal((count, 2))


def spiral(random: np.random.Generator, count: int) -> np.ndarray:
    """One spiral arm with 1.75 turns."""
    return on_spiral(random.random(count)) + SPIRAL_SIGMA * random.standard_normal((count, 2))


def line(random: np.random.Generator, count: int) -> np.ndarray:
    """A slanted segment: data of one dimension in a plane."""
    return on_line(random.random(count)) + LINE_SIGMA * random.standard_normal((count, 2))


def disjoint(random: np.random.Generator, count: int) -> np.ndarray:
    """Two parallel segments: an example where only the Wasserstein distance has a gradient (1701.07875, example 1)."""
    left = random.random(count) < 0.5
    return on_segments(random.random(count), left) + LINE_SIGMA * random.standard_normal((count, 2))


def pinwheel(random: np.random.Generator, count: int) -> np.ndarray:
    """Five curved arms."""
    arm = random.integers(5, size=count)
    radial = 1 + 0.3 * random.standard_normal(count)
    return on_pinwheel(arm, radial, 0.1 * random.standard_normal(count))


def _middles(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count


def _moons() -> Mixture:
    turn = math.pi * _middles(NODES)
    halves = [on_moons(turn, np.full(NODES, upper)) for upper in (True, False)]
    return Mixture(np.concatenate(halves), MOONS_SIGMA)


def _pinwheel() -> Mixture:
    """A lattice in each arm's two normal coordinates; the width of the nodes equals their distance."""
    from scipy.special import ndtri

    along, across = 240, 28
    radial, aside = np.meshgrid(1 + 0.3 * ndtri(_middles(along)), 0.1 * ndtri(_middles(across)))
    arms = [on_pinwheel(np.full(radial.size, arm), radial.ravel(), aside.ravel()) for arm in range(5)]
    return Mixture(np.concatenate(arms), 0.02)


MIXTURES: dict[str, Callable[[], Mixture]] = {
    **{
        name: lambda known=known: Mixture(known.centres, known.sigma)  # type: ignore[misc]
        for name, known in MODES.items()
    },
    "two_moons": _moons,
    "spiral": lambda: Mixture(on_spiral(_middles(NODES)), SPIRAL_SIGMA),
    "line": lambda: Mixture(on_line(_middles(NODES)), LINE_SIGMA),
    "disjoint": lambda: Mixture(
        np.concatenate([on_segments(_middles(NODES), np.full(NODES, left)) for left in (True, False)]),
        LINE_SIGMA,
    ),
    "pinwheel": _pinwheel,
}


def _register(name: str, title: str, about: str, draw: Draw) -> Source:
    def load(size: int | None, progress: Progress) -> DataSet:
        points = draw(np.random.default_rng(SEED), COUNT).astype(np.float32)
        return DataSet(name, {"real": points}, (), LICENCE)

    return register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=2, channels=0, items=COUNT, class_names=(),
            load=load, available=lambda: True, task="points", modes=MODES.get(name),
            mixture=MIXTURES[name],
        )
    )  # fmt: skip


_register("ring8", "Ring of 8", "Eight narrow modes on a circle of radius 2: the classic test for mode collapse.",
          MODES["ring8"].draw)  # fmt: skip
_register("grid25", "Grid of 25", "Twenty-five narrow modes, 2 apart.", MODES["grid25"].draw)
_register("two_moons", "Two moons", "Two interleaving half circles.", two_moons)
_register("spiral", "Spiral", "One spiral arm with 1.75 turns.", spiral)
_register("line", "Line", "A line segment: one-dimensional data in a plane.", line)
_register("two_blobs", "Two blobs", "Two wide modes, 3 apart, where single steps can be followed by eye.",
          MODES["two_blobs"].draw)  # fmt: skip
_register("disjoint", "Disjoint", "Two parallel segments: the generator must bridge the gap.", disjoint)
_register("pinwheel", "Pinwheel", "Five curved arms.", pinwheel)
