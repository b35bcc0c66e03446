"""Scenes at random: a box, something on it, and a smaller solid beside it."""

from __future__ import annotations

import numpy as np

from gan_core.data.solids.rendering import Solid

COLOURS = (  # RGB in [0, 1]
    (0.90, 0.30, 0.26), (0.96, 0.72, 0.20), (0.36, 0.68, 0.38), (0.25, 0.52, 0.86), (0.58, 0.38, 0.74),
)  # fmt: skip
GROUND = -0.62  # the height at which all scenes stand


def sample_scene(random: np.random.Generator) -> list[Solid]:
    """Three solids of different colours."""
    base, top, beside = (COLOURS[place] for place in random.permutation(len(COLOURS))[:3])
    width, height, depth = random.uniform(0.26, 0.4), random.uniform(0.2, 0.36), random.uniform(0.26, 0.4)
    ground = GROUND
    box = Solid("box", (0.0, ground + height, 0.0), (width, height, depth), base)
    roof = ground + 2 * height
    kind = ("cone", "sphere", "box")[random.integers(3)]
    radius = float(random.uniform(0.2, 0.32))
    if kind == "cone":
        high = float(random.uniform(0.18, 0.3))
        upper = Solid("cone", (0.0, roof + high, 0.0), (1.25 * radius, high, 1.25 * radius), top)
    elif kind == "sphere":
        upper = Solid("sphere", (0.0, roof + 0.85 * radius, 0.0), (radius, radius, radius), top)
    else:
        upper = Solid("box", (0.0, roof + 0.7 * radius, 0.0), (0.8 * radius, 0.7 * radius, 0.8 * radius), top)
    small = float(random.uniform(0.13, 0.2))
    half = (small, small, small)
    other = ("sphere", "cone", "box")[random.integers(3)]
    return [box, upper, Solid(other, (0.36 + small + 0.06, ground + small, 0.1), half, beside)]  # type: ignore[arg-type]
