"""How quickly a recipe trains, and in how much memory, as it computes.

Eagerly in single precision, compiled, in 16 bits where that is quicker, with batches accumulated from parts, with
recomputed blocks:

    python -m benchmarks.computation --device cuda
    python -m benchmarks.computation --only dcgan,stylegan2 --size 64 --memory

Ratios are of rates that were measured in turn, in one process; the time that compiling takes is told apart. Memory is
what a step adds at most: on CUDA what is allocated; on a CPU, with `--memory`, the largest resident size of a process
of its own, less its size before the first step.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

import psutil
import torch

from benchmarks.timing import ROOT, interleaved, machine, median_ratio, seconds
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.training.computation import USUAL, Computation, asked_for
from gan_core.training.recomputing import fits
from gan_core.training.trainer import Trainer

REPETITIONS = 5
NAMES = ("dcgan", "sngan", "stylegan2", "projected_gan", "cyclegan", "srgan")


def computations(device: str) -> dict[str, Computation]:
    """Those that work on a device."""
    found = {"eager": USUAL, "compiled": Computation(compiled=True)}
    if asked_for("auto", device).precision == "bf16":
        found |= {"bf16": asked_for("bf16", device), "bf16, compiled": asked_for("bf16", device, True)}
    if device.startswith("cuda"):
        found["fp16"] = asked_for("fp16", device)
    return found | {"accumulated from 4": Computation(accumulate=4), "recomputed": Computation(recompute=True)}


def fitting(name: str, ways: dict[str, Computation], shown: DataSet) -> dict[str, Computation]:
    """Those that the networks and the batch of a recipe allow."""
    recipe = recipes.get(name)
    can = fits(recipe.build(recipe.hparams, shown.spec))
    return {
        way: one for way, one in ways.items()
        if (can or not one.recompute) and recipe.hparams.batch_size % one.accumulate == 0
    }  # fmt: skip


def added_memory(name: str, device: str, size: int | None, way: str) -> float:
    """MiB that the first steps of a run add at most, in this process."""
    recipe = recipes.get(name)
    shown = data.load(recipe.data, size or recipe.fit_size(data.source(recipe.data).size))
    trainer = Trainer(recipe, recipe.hparams, shown, device, computations(device)[way])
    if not device.startswith("cuda"):
        before = psutil.Process().memory_info().rss / 2**20
        trainer.train_step()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - before
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) / 2**20
    trainer.train_step()
    return torch.cuda.max_memory_allocated(device) / 2**20 - before


def in_a_process(name: str, device: str, size: int | None, way: str) -> str:
    """The same, measured by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.computation", "--only", name, "--device", device, "--way", way]
    command += ["--size", str(size)] if size else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return f"{float(done.stdout):.0f} MiB"


def measure(
    name: str, device: str, size: int | None, ways: dict[str, Computation], steps: int, memory: bool = False
) -> list[str]:
    """A line of the table for each way to compute."""
    recipe = recipes.get(name)
    shown = data.load(recipe.data, size or recipe.fit_size(data.source(recipe.data).size))
    ways = fitting(name, ways, shown)
    trainers = {way: Trainer(recipe, recipe.hparams, shown, device, chosen) for way, chosen in ways.items()}

    def train(trainer: Trainer) -> float:
        def several() -> None:
            for _ in range(steps):
                trainer.train_step()
            if device.startswith("cuda"):
                torch.cuda.synchronize(device)

        return steps * recipe.hparams.batch_size / seconds(several)

    first = {way: seconds(lambda trainer=trainer: train(trainer)) for way, trainer in trainers.items()}
    rates = interleaved({way: lambda trainer=trainer: train(trainer) for way, trainer in trainers.items()}, REPETITIONS)
    return [
        f"| {name} | {shown.spec.size} | {way} | {statistics.median(found):.0f} | "
        f"{median_ratio(found, rates['eager']):.2f} | {first[way]:.0f} s | "
        f"{in_a_process(name, device, size, way) if memory else ''} |"
        for way, found in rates.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help="recipes, separated by commas")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, help="pixels; default: the size of each recipe's data")
    parser.add_argument("--steps", type=int, default=16, help="in one repetition")
    parser.add_argument("--memory", action="store_true", help="also measure the memory of each way")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        return print(added_memory(options.only, options.device, options.size, options.way))
    ways = computations(options.device)
    print(f"\n## Ways to compute, on {options.device}\n\n{machine()}\n")
    print(
        "| recipe | pixels | computes | images/s | against eager | first steps | memory |\n"
        "| --- | --- | --- | --- | --- | --- | --- |"
    )
    for name in options.only.split(","):
        print("\n".join(measure(name, options.device, options.size, ways, options.steps, options.memory)), flush=True)


if __name__ == "__main__":
    main()
