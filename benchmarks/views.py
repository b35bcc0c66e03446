"""How well the views of generated scenes agree, and how fast they are: `python -m benchmarks.views [--model NAME]`.

A view is warped by its depth to a pose 10, 20 and 40 degrees away and compared with the view from there (PSNR over what
both see, `gan_core/views/agreement.py`). For comparison: the same of the true solids with their true depth, the best
that pixels allow, and of generated pictures whose depth is replaced by that of another scene, the floor.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from benchmarks.timing import machine
from gan_core.data.sets.solids import TEST_SEED, scene_and_pose
from gan_core.data.solids import render
from gan_core.data.solids.camera import FAR, PITCH
from gan_core.models import loading
from gan_core.views import Scene, View, mesh
from gan_core.views.agreement import agreement

TURNS = (10, 20, 40)  # degrees
SIDE = 32  # pixels of a view
PITCHES = (5.0, 20.0, 35.0)


def true_view(number: int, yaw: float, pitch: float, size: int) -> View:
    """Renders a scene of the test part from any pose."""
    picture, depth = render(scene_and_pose(number, TEST_SEED)[0], yaw, pitch, size)
    seen = np.isfinite(depth)
    return View(picture.transpose(1, 2, 0), np.where(seen, depth, FAR).astype(np.float32), seen, yaw, pitch)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="triplane.solids")
    parser.add_argument("--scenes", type=int, default=50)
    asked = parser.parse_args(arguments)
    print(machine())
    sampler = loading.load(asked.model)
    size = max(SIDE, sampler.spec.size)
    scenes = [Scene(sampler, seed) for seed in range(asked.scenes)]
    random = np.random.default_rng(0)
    poses = [(float(random.uniform(-180, 180 - max(TURNS))), PITCHES[place % len(PITCHES)])
             for place in range(asked.scenes)]  # fmt: skip
    print(f"reprojection PSNR in dB, median over {asked.scenes} scenes at {size} pixels (share that agrees in depth)")
    print(f"{'degrees':>8}{'true solids':>20}{'generated':>20}{'depth of another':>20}")
    for turned in TURNS:
        rows: dict[str, list[tuple[float, float]]] = {"true": [], "made": [], "floor": []}
        for place, (yaw, pitch) in enumerate(poses):
            one, other = (true_view(place, angle, pitch, size) for angle in (yaw, yaw + turned))
            first, second = (scenes[place].view(angle, pitch, size) for angle in (yaw, yaw + turned))
            wrong = scenes[place - 1].view(yaw, pitch, size)
            mixed = View(first.picture, wrong.depth, first.seen & wrong.seen, yaw, pitch)
            for name, pair in (("true", (one, other)), ("made", (first, second)), ("floor", (mixed, second))):
                found = agreement(*pair)
                rows[name].append((found.psnr, found.share))
        cells = [f"{np.nanmedian([p for p, _s in row]):.1f} ({np.mean([s for _p, s in row]):.2f})"
                for row in rows.values()]  # fmt: skip
        print(f"{turned:8}" + "".join(f"{one:>20}" for one in cells))
    times = []
    for step in range(40):
        began = time.perf_counter()
        scenes[0].view(-180 + 9 * step, PITCH[0], size)
        times.append(time.perf_counter() - began)
    print(f"a view: {1000 * statistics.median(times):.0f} ms (median of {len(times)}), "
          f"{1 / statistics.median(times):.0f} a second; a new scene: {_new(sampler):.0f} ms")  # fmt: skip
    if mesh.available():
        shape = mesh.mesh(scenes[0])
        print(f"a mesh of 64 cells: {len(shape.points):,} points, {len(shape.faces):,} triangles, volume "
              f"{shape.volume:.2f}")  # fmt: skip


def _new(sampler: object) -> float:
    times = []
    for seed in range(10):
        began = time.perf_counter()
        Scene(sampler, 100 + seed)  # type: ignore[arg-type]
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
