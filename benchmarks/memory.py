"""Memory stays flat: the resident size of a process that trains `mlp_gan` on digits with previews on.

    python -m benchmarks.memory --steps 20000

The size is read every quarter of a second. The first fifth of the steps is warm-up, in which caches fill; after that,
every reading is compared with the median of the rest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import Row, report
from gan_core.gans import recipes
from gan_core.runs.store import RunStore
from gan_core.training.session import Session

ASKED = 0.02
EVERY = 0.25  # seconds between readings
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Reading:
    step: int
    bytes: int


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE


def watch(steps: int) -> list[Reading]:
    """Trains while reading the resident size."""
    recipe = recipes.get("mlp_gan")
    preset = recipe.preset("digits_30s")
    readings = []
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder:
        store = RunStore(Path(folder))
        run = store.create(recipe.plan(preset.data, preset.size, steps, preset.hparams))
        session = Session(store, run.id).start()
        while not session.join(EVERY):
            if hasattr(session, "trainer"):
                readings.append(Reading(session.trainer.step, resident()))
    return readings


def deviation(readings: list[Reading], warm_up: int) -> tuple[float, float, int]:
    """The largest relative deviation of a reading below and above the median, and the number of readings."""
    sizes = [reading.bytes for reading in readings if reading.step >= warm_up]
    middle = statistics.median(sizes)
    return (middle - min(sizes)) / middle, (max(sizes) - middle) / middle, len(sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    options = parser.parse_args()
    readings = watch(options.steps)
    below, above, count = deviation(readings, options.steps // 5)
    size = readings[-1].bytes / 2**20
    what = f"resident size over {options.steps} steps with previews (mlp_gan, digits)"
    measured = f"-{below:.1%} / +{above:.1%} of {size:.0f} MiB"
    report("Memory", [Row(what, measured, "+-2 %", max(below, above) <= ASKED, f"{count} readings")])


if __name__ == "__main__":
    main()
