"""Views of heads made of ellipsoids, rendered by our own code: 4,000 heads, each seen once from a known pose.

A head looks along the axis z, so that yaw 0 sees its face; a pose is (yaw, pitch) in degrees, float32 (N, 2). Skin,
hair, eyes and shirt have one of a few colours; skull, nose and ears one of many shapes; hair is short, long, a bun or
not there. The head and the pose of view i depend on i and the seed alone; the test part has heads of another seed.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.solids import views
from gan_core.data.solids.rendering import Solid
from gan_core.data.solids.views import LICENCE, SEED, SIZE, TEST_SEED

COUNT, TEST_COUNT = 4000, 500
Colour = tuple[float, float, float]  # RGB in [0, 1]
SKIN: tuple[Colour, ...] = ((0.98, 0.84, 0.74), (0.93, 0.72, 0.56), (0.76, 0.53, 0.38), (0.50, 0.34, 0.25))
HAIR: tuple[Colour, ...] = (
    (0.14, 0.11, 0.11), (0.40, 0.24, 0.14), (0.88, 0.70, 0.32), (0.75, 0.34, 0.16), (0.66, 0.66, 0.70),
)  # fmt: skip
EYES: tuple[Colour, ...] = ((0.16, 0.11, 0.09), (0.16, 0.38, 0.66), (0.20, 0.48, 0.28))
SHIRT: tuple[Colour, ...] = ((0.80, 0.27, 0.26), (0.22, 0.45, 0.72), (0.30, 0.58, 0.40), (0.93, 0.74, 0.30))
MOUTH: Colour = (0.70, 0.26, 0.28)
WHITE: Colour = (1.0, 1.0, 1.0)
STYLES = ("none", "short", "long", "bun")  # of hair


def _ellipsoid(middle: tuple[float, float, float], half: tuple[float, float, float], colour: Colour) -> Solid:
    return Solid("ellipsoid", middle, half, colour)


def sample_head(random: np.random.Generator) -> list[Solid]:
    """The ellipsoids of a head; all within a ball of radius 1 around the origin."""
    skin, hair, eyes, shirt = (choices[random.integers(len(choices))] for choices in (SKIN, HAIR, EYES, SHIRT))
    style = STYLES[random.integers(len(STYLES))]
    wide, high, deep = (float(random.uniform(*span)) for span in ((0.34, 0.44), (0.44, 0.54), (0.40, 0.48)))
    nose, ear = float(random.uniform(0.06, 0.12)), float(random.uniform(0.08, 0.14))
    top = 0.12  # the height of the skull's middle
    front = 0.84 * deep  # where eyes and mouth lie
    parts = [
        _ellipsoid((0.0, top, 0.0), (wide, high, deep), skin),
        _ellipsoid((0.0, -0.50, -0.04), (0.17, 0.30, 0.17), skin),  # the neck
        _ellipsoid((0.0, -0.80, -0.04), (0.44, 0.17, 0.26), shirt),
        _ellipsoid((0.0, top - 0.06, 0.97 * deep), (0.6 * nose, 1.2 * nose, nose), skin),
        _ellipsoid((0.0, top - 0.26, 0.83 * deep), (0.3 * wide, 0.035, 0.07), MOUTH),
    ]
    for side in (-1, 1):
        parts += [
            _ellipsoid((side * 0.99 * wide, top - 0.02, 0.0), (0.06, ear, 0.6 * ear), skin),
            _ellipsoid((side * 0.40 * wide, top + 0.08, front), (0.085, 0.07, 0.06), WHITE),
            _ellipsoid((side * 0.40 * wide, top + 0.08, front + 0.035), (0.045, 0.05, 0.035), eyes),
        ]
    return parts + _hair(style, top, (wide, high, deep), hair)


def _hair(style: str, top: float, skull: tuple[float, float, float], colour: Colour) -> list[Solid]:
    """A cap that leaves the face free, and what hangs from it or stands on it."""
    wide, high, deep = skull
    if style == "none":
        return []
    parts = [_ellipsoid((0.0, top + 0.14, -0.13), (wide + 0.05, high - 0.05, deep + 0.02), colour)]
    if style == "long":
        parts.append(_ellipsoid((0.0, top - 0.28, -0.24), (wide + 0.06, 0.50, 0.24), colour))
    if style == "bun":
        parts.append(_ellipsoid((0.0, top + 0.44, -0.36), (0.17, 0.17, 0.17), colour))
    return parts


scene_and_pose = partial(views.scene_and_pose, sample_head)


def _load(name: str, count: int, seed: int, size: int | None, progress: Progress) -> DataSet:
    return views.load_views(name, sample_head, __file__, count, seed, size or SIZE, progress)


register(
    Source(
        name="rendered_heads",
        title="Heads",
        about="4,000 rendered views of heads made of ellipsoids, from all sides. The camera's pose is known for each.",
        licence=LICENCE,
        size=SIZE,
        channels=3,
        items=COUNT,
        class_names=(),
        load=partial(_load, "rendered_heads", COUNT, SEED),
        test=partial(_load, "test:rendered_heads", TEST_COUNT, TEST_SEED),
        available=lambda: True,
        task="views",
        shapes={"pose": (2,)},
    )
)
