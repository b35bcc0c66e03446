"""Views of simple solids, rendered by our own code: 3,000 scenes, each seen once from a known pose.

A view's pose is (yaw, pitch) in degrees, float32 (N, 2). The scene and the pose of view i depend on i and the seed
alone; the test part has scenes of another seed.
"""

from __future__ import annotations

from functools import partial

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.solids import scenes, views
from gan_core.data.solids.views import LICENCE, SEED, SIZE, TEST_SEED

COUNT, TEST_COUNT = 3000, 500

scene_and_pose = partial(views.scene_and_pose, scenes.sample_scene)


def _load(name: str, count: int, seed: int, size: int | None, progress: Progress) -> DataSet:
    return views.load_views(name, scenes.sample_scene, scenes.__file__, count, seed, size or SIZE, progress)


register(
    Source(
        name="solids",
        title="Solids",
        about="3,000 rendered views of simple solids: a box, a roof and a smaller solid beside it. The camera's pose "
        "is known for each.",
        licence=LICENCE,
        size=SIZE,
        channels=3,
        items=COUNT,
        class_names=(),
        load=partial(_load, "solids", COUNT, SEED),
        test=partial(_load, "test:solids", TEST_COUNT, TEST_SEED),
        available=lambda: True,
        task="views",
        shapes={"pose": (2,)},
    )
)
