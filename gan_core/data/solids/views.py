"""Sets of views: each scene is seen once, from a known pose, rendered on demand and kept in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, tracked
from gan_core.data.solids.camera import PITCH, YAW
from gan_core.data.solids.rendering import Solid, render

CHUNK = 50  # views rendered between two reports
LICENCE = "rendered by GANscope; free to use"
SEED, TEST_SEED = 0, 1  # of the training part and of the test part
SIZE = 32

Sample = Callable[[np.random.Generator], list[Solid]]  # draws a scene


def scene_and_pose(sample: Sample, number: int, seed: int = SEED) -> tuple[list[Solid], tuple[float, float]]:
    """The solids of a view, and its yaw and pitch in degrees, which depend on number and seed alone."""
    random = np.random.default_rng([seed, number])
    scene = sample(random)
    return scene, (float(random.uniform(*YAW)), float(random.uniform(*PITCH)))


def load_views(name: str, sample: Sample, file: str, count: int, seed: int, size: int, progress: Progress) -> DataSet:
    """`count` views of `size` pixels with their poses; `file` is the module of `sample`, on which the cache depends."""
    poses = np.array([scene_and_pose(sample, number, seed)[1] for number in range(count)], np.float32)

    def write(writer: cache.Writer) -> None:
        for start in tracked(range(0, count, CHUNK), max(1, count // CHUNK), progress, "Rendering views"):
            for number in range(start, min(start + CHUNK, count)):
                scene, pose = scene_and_pose(sample, number, seed)
                writer.add(render(scene, *pose, size)[0])

    kept = cache.entry(name.replace(":", "-"), size, f"{_code_version(Path(file))}.{count}.{seed}", write)
    return DataSet(name, {"real": kept.arrays["real"], "pose": poses}, (), LICENCE)


def _code_version(file: Path) -> str:
    """Changes with the code that renders."""
    modules = {*Path(__file__).parent.glob("*.py"), file}
    return hashlib.sha256(b"".join(module.read_bytes() for module in sorted(modules))).hexdigest()
