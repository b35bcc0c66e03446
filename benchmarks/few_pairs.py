"""How much random crops and mirror images help when there are few training pairs.

    python -m benchmarks.few_pairs                                # pix2pix from 48 pairs at 64 pixels
    python -m benchmarks.few_pairs --data heroes_turned --pairs 100

pix2pix learns from the first pairs of a set with each setting of the knobs `jitter` and `mirror`, and is evaluated on
the test part: mean absolute error of pixels in [-1, 1] (L1) and SSIM against the truth.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import torch

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.batches import HELD_OUT, Batches
from gan_core.data.parts import held_out
from gan_core.gans import recipes
from gan_core.objectives.fidelity import ssim
from gan_core.training.trainer import Trainer

SETTINGS = {
    "channels": 16, "discriminator_channels": 16, "batch_size": 8, "generator_rate": 1e-3, "discriminator_rate": 4e-4,
    "ema": 0.995,
}  # fmt: skip
KNOBS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "mirrored": {"mirror": True},
    "random pieces": {"jitter": 0.12},
    "random pieces, mirrored": {"jitter": 0.12, "mirror": True},
}
MARKED = 300  # pairs of the test part, at most


def first(pairs: DataSet, count: int) -> DataSet:
    return dataclasses.replace(pairs, arrays={name: array[:count] for name, array in pairs.arrays.items()})


def marks(trainer: Trainer, test: DataSet) -> tuple[float, float]:
    """L1 and SSIM of the averaged generator's outputs for test pairs, in evaluation mode."""
    generator = trainer.ema.refresh()["generator"].eval()
    batch = Batches(test, 0, torch.device("cpu")).first(len(test))
    with torch.no_grad():
        made = torch.cat([generator(part) for part in batch["source"].split(50)])
    return float((made - batch["target"]).abs().mean()), float(ssim(made, batch["target"]).mean())


def measured(few: DataSet, test: DataSet, steps: int, seed: int) -> dict[str, tuple[float, float]]:
    """L1 and SSIM by setting."""
    recipe = recipes.get("pix2pix")
    found = {}
    for what, knobs in KNOBS.items():
        trainer = Trainer(recipe, recipe.settings(SETTINGS | knobs | {"seed": seed}), few)
        for _ in range(steps):
            trainer.train_step()
        found[what] = marks(trainer, test)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="edges2avatars")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not held_out(options.data):
        parser.error(f"{options.data} has no test part")
    if options.pairs < 3 * HELD_OUT:  # else fewer would be held out of training
        parser.error(f"--pairs must be {3 * HELD_OUT} at least")
    few = first(data.load(options.data, options.size), options.pairs + HELD_OUT)
    test = first(data.load(held_out(options.data), options.size), MARKED)
    found = measured(few, test, options.steps, options.seed)
    plain = found["as they are"][0]
    rows = [
        Row(what, f"L1 {error:.4f}, SSIM {likeness:.3f}", f"L1 < {plain:.4f}" if KNOBS[what] else "",
            error < plain if KNOBS[what] else None, f"{options.pairs} pairs, {len(test)} marked")
        for what, (error, likeness) in found.items()
    ]  # fmt: skip
    report(f"pix2pix on {options.pairs} pairs of {options.data}, {options.steps:,} steps, seed {options.seed}", rows)


if __name__ == "__main__":
    main()
