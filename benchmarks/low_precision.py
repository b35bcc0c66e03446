"""Training speed in bfloat16 against float32, and against an older commit.

    python -m benchmarks.low_precision                              # on a processor with AMX, nothing else running
    python -m benchmarks.low_precision --before CHECKOUT            # also the older commit's float32

Recipes are trained with their own settings on drawn faces of 64 pixels, each way in a process of its own and in
alternation; images per second by the clock. It needs a machine on which `--precision auto` chooses bfloat16.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import torch

from benchmarks.timing import Child, Row, answer, at_least, interleaved, median_ratio, rate, report
from gan_core import data
from gan_core.gans import recipes
from gan_core.training.trainer import Trainer

RECIPES = {"dcgan": 8, "stylegan2": 16, "projected_gan": 16, "srgan": 24}  # steps of a repetition
DATA, SIZE = "avatars", 64
ASKED = 1.6


def compare(name: str, repetitions: int, before: Path | None) -> list[Row]:
    ways = {way: Child("benchmarks.low_precision", "--child", name, way) for way in ("fp32", "bf16")}
    if before:
        ways["before"] = Child("benchmarks.low_precision", "--child", name, "fp32", before=before)
    try:
        found = interleaved({way: child.rate for way, child in ways.items()}, repetitions)
    finally:
        for child in ways.values():
            child.close()
    speeds = {way: statistics.median(rates) for way, rates in found.items()}
    note = f"{repetitions} x {RECIPES[name]} steps; " + ", ".join(f"{way} {speeds[way]:.1f}" for way in speeds)
    return [
        at_least(f"{name} {SIZE} px, bf16 against {other}", median_ratio(found["bf16"], found[other]), ASKED, note)
        for other in speeds
        if other != "bf16"
    ]


def train(name: str, precision: str) -> None:
    """The side of the child: images per second."""
    recipe = recipes.get(name)
    hparams = recipe.settings({})
    options = {}
    if precision != "fp32":
        from gan_core.training.computation import Computation

        options = {"computation": Computation(precision=precision)}
    trainer = Trainer(recipe, hparams, data.load(DATA, SIZE), **options)
    for _ in range(4):
        trainer.train_step()
    steps = rate(trainer.train_step, RECIPES[name])
    answer(lambda: steps() * hparams.batch_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of an older commit")
    parser.add_argument("--recipes", nargs="*", default=list(RECIPES), choices=RECIPES)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return train(*options.child)
    rows = [row for name in options.recipes for row in compare(name, options.repetitions, options.before)]
    report(f"Training in bfloat16, {torch.get_num_threads()} threads, images per second", rows)


if __name__ == "__main__":
    sys.exit(main())
