"""Time of a super-resolution model for a picture, and memory for a large one.

    python -m benchmarks.enlarging                      # all models of the table that enlarge
    python -m benchmarks.enlarging srresnet.bsds_x4 --megapixels 16

Networks are built as in the table (gan_core/models/plans.py); their weights don't matter here. A picture of
256 x 256 pixels is enlarged by the model's factor, in tiles that the memory allows. Memory is that of a process of its
own above its idle size, while it enlarges a picture of that size twice.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.timing import ROOT, Row, at_most, report, seconds
from gan_core import data
from gan_core.gans import recipes
from gan_core.models.enlarging import enlarge, factor
from gan_core.models.plans import plan, plans
from gan_core.models.sampler import Sampler

SIDE = 256
SLOWEST = 4.0  # seconds, required of a model for everyday use
MOST_MEMORY = 1.5  # GiB

MEASURE = """
import sys
import numpy as np
from benchmarks.enlarging import built
from benchmarks.timing import peak, reset_peak
from gan_core.models.enlarging import enlarge
sampler, side = built(sys.argv[1]), int(sys.argv[2])
array = np.broadcast_to(np.linspace(0, 255, side).astype(np.uint8)[None, :, None], (side, side, 3)).copy()
enlarge(sampler, array[:64, :64].copy())
reset_peak()
idle = peak()
enlarge(sampler, array, 2)
print(peak() - idle)
"""


def built(name: str) -> Sampler:
    """The networks of a model of the table, untrained."""
    wanted = plan(name)
    recipe = recipes.get(wanted.recipe)
    hparams, spec = recipe.settings(wanted.hparams), data.source(wanted.data).spec(wanted.size)
    generator = recipe.build(hparams, spec)["generator"].eval().requires_grad_(False)
    return Sampler(recipe, hparams, spec, {"generator": generator})


def duration(name: str, repetitions: int) -> Row:
    """Seconds for one picture; the first, in which torch chooses its kernels, isn't counted."""
    sampler = built(name)
    picture = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    enlarge(sampler, picture)
    took = [seconds(lambda: enlarge(sampler, picture)) for _ in range(repetitions)]
    what = f"{name}: {SIDE} x {SIDE} to {factor(sampler) * SIDE} x {factor(sampler) * SIDE}"
    return at_most(what, statistics.median(took), SLOWEST, "s", f"{repetitions}")


def memory(name: str, megapixels: float) -> Row:
    """Peak memory above the idle size for a square picture."""
    side = int((megapixels * 1e6) ** 0.5)
    command = [sys.executable, "-c", MEASURE, name, str(side)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    gibibytes = float(done.stdout) / 2**10
    return at_most(f"{name}: memory for {side} x {side}", gibibytes, MOST_MEMORY, "GiB", "1")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models of the table; default: all that enlarge")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--megapixels", type=float, default=0.0, help="0: memory isn't measured")
    options = parser.parse_args(arguments)
    names = options.names or [name for name in plans if recipes.get(plan(name).recipe).task == "super_resolution"]
    rows = [duration(name, options.repetitions) for name in names]
    if options.megapixels:
        rows += [memory(name, options.megapixels) for name in names]
    report("Upscaling", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
