"""How quickly a recipe trains as it computes: eagerly in single precision, compiled, and on CUDA in bfloat16 as well.

    python -m benchmarks.computation --device cuda
    python -m benchmarks.computation --only dcgan,stylegan2 --size 64

Ratios are of rates that were measured in turn, in one process; the time that compiling takes is told apart.
"""

from __future__ import annotations

import argparse
import statistics

import torch

from benchmarks.timing import interleaved, machine, median_ratio, seconds
from gan_core import data
from gan_core.gans import recipes
from gan_core.training.computation import USUAL, Computation, asked_for
from gan_core.training.trainer import Trainer

REPETITIONS = 5
NAMES = ("dcgan", "sngan", "stylegan2", "projected_gan", "cyclegan", "srgan")


def computations(device: str) -> dict[str, Computation]:
    """Those that work on a device."""
    found = {"eager": USUAL, "compiled": asked_for("fp32", device, True)}
    if asked_for("auto", device).precision == "bf16":
        found |= {"bf16": asked_for("bf16", device), "bf16, compiled": asked_for("bf16", device, True)}
    return found


def measure(name: str, device: str, size: int | None, ways: dict[str, Computation], steps: int) -> list[str]:
    """A line of the table for each way to compute."""
    recipe = recipes.get(name)
    shown = data.load(recipe.data, size or recipe.fit_size(data.source(recipe.data).size))
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
        f"{median_ratio(found, rates['eager']):.2f} | {first[way]:.0f} s |"
        for way, found in rates.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NAMES), help="recipes, separated by commas")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, help="pixels; default: the size of each recipe's data")
    parser.add_argument("--steps", type=int, default=16, help="in one repetition")
    options = parser.parse_args()
    ways = computations(options.device)
    print(f"\n## Ways to compute, on {options.device}\n\n{machine()}\n")
    print(
        "| recipe | pixels | computes | images/s | against eager | first steps |\n| --- | --- | --- | --- | --- | --- |"
    )
    for name in options.only.split(","):
        print("\n".join(measure(name, options.device, options.size, ways, options.steps)), flush=True)


if __name__ == "__main__":
    main()
