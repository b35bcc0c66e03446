"""Views of simple solids, rendered by our own code: 3,000 scenes, each seen once from a known pose.

A view's pose is (yaw, pitch) in degrees, float32 (N, 2). The scene and the pose of view i depend on i and the seed
alone; the test part has scenes of another seed.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from gan_core.data import cache, solids
from gan_core.data.base import DataSet, Progress, Source, register, tracked

COUNT, TEST_COUNT = 3000, 500
SEED, TEST_SEED = 0, 1
SIZE = 32
CHUNK = 50  # views rendered between two reports
LICENCE = "rendered by GANscope; free to use"


def scene_and_pose(number: int, seed: int = SEED) -> tuple[list[solids.Solid], tuple[float, float]]:
    """The solids of a view, and its yaw and pitch in degrees."""
    random = np.random.default_rng([seed, number])
    scene = solids.sample_scene(random)
    return scene, (float(random.uniform(*solids.YAW)), float(random.uniform(*solids.PITCH)))


def _load(name: str, count: int, seed: int, size: int | None, progress: Progress) -> DataSet:
    pixels = size or SIZE
    poses = np.array([scene_and_pose(number, seed)[1] for number in range(count)], np.float32)

    def write(writer: cache.Writer) -> None:
        for start in tracked(range(0, count, CHUNK), max(1, count // CHUNK), progress, "Rendering views"):
            for number in range(start, min(start + CHUNK, count)):
                scene, pose = scene_and_pose(number, seed)
                writer.add(solids.render(scene, *pose, pixels)[0])

    kept = cache.entry(name.replace(":", "-"), pixels, f"{_code_version()}.{count}.{seed}", write)
    return DataSet(name, {"real": kept.arrays["real"], "pose": poses}, (), LICENCE)


def _code_version() -> str:
    """Changes with the code that renders."""
    modules = sorted(Path(solids.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


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
