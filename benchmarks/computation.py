"""Speed and memory of training, by the way in which a recipe computes.

Eagerly in single precision, compiled, in 16 bits where that is quicker, with batches accumulated from parts, with
recomputed blocks:

    python -m benchmarks.computation --memory                     # the table of docs/benchmarks.md
    python -m benchmarks.computation --only dcgan,stylegan2 --device cuda

Times are those of one image against the eager one's, of repetitions in turn in one process: on a CPU the processor's
time, so that other work on the machine hardly matters, elsewhere the clock's. The time of the first steps, including
compilation, is reported separately. Memory is what a step adds at most: on CUDA what is allocated; on a CPU, with
`--memory`, the largest resident size of a process of its own, less its size before the first step.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from typing import Any

import psutil
import torch

from benchmarks.timing import ROOT, interleaved, machine, median_ratio, peak, processor_seconds, reset_peak, seconds
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.errors import BadValue
from gan_core.gans import Recipe, recipes
from gan_core.hparams import TrainingHParams
from gan_core.training.computation import USUAL, WORTH, Computation, asked_for, speedup_of_bf16
from gan_core.training.recomputing import fits
from gan_core.training.trainer import Trainer

REPETITIONS = 3
CASES: dict[str, tuple[int, int, dict[str, Any]]] = {  # recipe -> pixels, steps of a repetition, settings
    "dcgan": (32, 4, {"batch_size": 64}),
    "stylegan2": (64, 4, {"batch_size": 16, "channels": 8, "max_channels": 64, "latent_size": 64, "w_size": 64}),
    "cyclegan": (64, 2, {"batch_size": 4, "channels": 16, "blocks": 4}),
    "srgan": (64, 4, {"batch_size": 16, "channels": 16}),
}
SLOW_TO_COMPILE = ("stylegan2", "cyclegan")  # minutes on one thread of a CPU
DATA = {"cyclegan": "digits_coloured_unpaired", "srgan": "avatars"}  # models that come with GANscope


def computations(device: str) -> dict[str, Computation]:
    """Returns those that work on a device."""
    found = {"eager": USUAL, "compiled": Computation(compiled=True)}
    if speedup_of_bf16(device) >= WORTH:
        found |= {"bf16": asked_for("bf16", device), "bf16, compiled": asked_for("bf16", device, True)}
    if device.startswith("cuda"):
        found["fp16"] = asked_for("fp16", device)
    return found | {"accumulated from 4": Computation(accumulate=4), "recomputed": Computation(recompute=True)}


def case(name: str, size: int | None = None) -> tuple[Recipe, TrainingHParams, DataSet]:
    """Returns the case of a recipe: one of CASES, else its own settings and data."""
    recipe = recipes.get(name)
    pixels, _, changes = CASES.get(name, (recipe.fit_size(data.source(recipe.data).size), 0, {}))
    return recipe, recipe.settings(changes), data.load(DATA.get(name, recipe.data), size or pixels)


def fitting(name: str, device: str, ways: dict[str, Computation], shown: DataSet) -> dict[str, Computation]:
    """Returns those that a recipe's networks and batch allow, and that compile in less than minutes."""
    recipe, hparams, _ = case(name, shown.spec.size)
    can = fits(recipe.build(hparams, shown.spec))
    compiles = device.startswith("cuda") or name not in SLOW_TO_COMPILE
    return {
        way: one for way, one in ways.items()
        if (can or not one.recompute) and hparams.batch_size % one.accumulate == 0 and (compiles or not one.compiled)
    }  # fmt: skip


def added_memory(name: str, device: str, size: int | None, way: str) -> float:
    """MiB that the first steps of a run add at most, in this process."""
    trainer = Trainer(*case(name, size), device, computations(device)[way])
    if not device.startswith("cuda"):
        reset_peak()  # which loading has raised
        before = psutil.Process().memory_info().rss / 2**20
        trainer.train_step()
        return peak() - before
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) / 2**20
    trainer.train_step()
    return torch.cuda.max_memory_allocated(device) / 2**20 - before


def in_a_process(name: str, device: str, size: int | None, way: str) -> float:
    """The same, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.computation", "--only", name, "--device", device, "--way", way]
    command += ["--size", str(size)] if size else []
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def measure(
    name: str, device: str, size: int | None, ways: dict[str, Computation], steps: int, memory: bool = False
) -> list[str]:
    """A line of the table for each way to compute."""
    recipe, hparams, shown = case(name, size)
    ways = fitting(name, device, ways, shown)
    trainers = {way: Trainer(recipe, hparams, shown, device, chosen) for way, chosen in ways.items()}
    took = seconds if device.startswith("cuda") else processor_seconds

    def train(trainer: Trainer) -> float:
        def several() -> None:
            for _ in range(steps):
                trainer.train_step()
            if device.startswith("cuda"):
                torch.cuda.synchronize(device)

        return 1000 * took(several) / (steps * hparams.batch_size)

    first = {way: seconds(lambda trainer=trainer: train(trainer)) for way, trainer in trainers.items()}
    times = interleaved({way: lambda trainer=trainer: train(trainer) for way, trainer in trainers.items()}, REPETITIONS)
    added = {
        way: in_a_process(name, device, size, way)
        for way, one in ways.items()
        if memory and not one.compiled  # the compiler's own memory is more than the networks'
    }
    return [
        f"| {name} | {shown.spec.size} | {way} | {statistics.median(found):.2f} ms | "
        f"{median_ratio(found, times['eager']):.2f} | "
        + (f"{added[way]:.0f} MiB | {added[way] / added['eager']:.2f} | " if way in added else "| | ")
        + f"{first[way]:.0f} s |"
        for way, found in times.items()
    ]


def refused(device: str) -> str:
    """Why other precisions aren't in the table."""
    lines = []
    for precision in ("bf16", "fp16"):
        try:
            asked_for(precision, device)
        except BadValue as error:
            lines.append(f"- {precision}: {error}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), help="recipes, separated by commas")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, help="pixels; default: the size of each recipe's data")
    parser.add_argument("--steps", type=int, help="in one repetition")
    parser.add_argument("--memory", action="store_true", help="also measure the memory of each way")
    parser.add_argument("--ways", default="", help="only these, separated by commas; eager is always measured")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        return print(added_memory(options.only, options.device, options.size, options.way))
    chosen = ["eager", *options.ways.split(",")]
    ways = {way: one for way, one in computations(options.device).items() if not options.ways or way in chosen}
    print(f"\n## Ways to compute, on {options.device}\n\n{machine()}\n")
    print(
        "| recipe | pixels | computes | an image | time | a step's memory | memory | first steps |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |"
    )
    for name in options.only.split(","):
        steps = options.steps or CASES.get(name, (0, 8, {}))[1]
        print("\n".join(measure(name, options.device, options.size, ways, steps, options.memory)), flush=True)
    print(f"\n{refused(options.device)}")


if __name__ == "__main__":
    main()
