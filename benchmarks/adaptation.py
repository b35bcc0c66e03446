"""What DANN gains on a domain without labels: `python -m benchmarks.adaptation [--seeds 3] [--steps 1000]`.

Each seed trains two classifiers with equal settings on MNIST and MNIST-M, one that sees the classes of MNIST only and
one that adapts (the recipe `dann`; `adaptation` 0 and 1), and tests both on all 10,000 test digits of either domain.
The last line is a classifier that was given the classes of MNIST-M: what could be had at most.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.metrics.domains import Domains, measured
from gan_core.training.trainer import Trainer

LINE = "{:22}{:>14}{:>14}{:>22}{:>12}"


def trained(train: DataSet, test: DataSet, seed: int, steps: int, weight: float) -> tuple[Domains, float]:
    """What came out on the test digits, and the processor's seconds of training."""
    recipe = recipes.get("dann")
    changes = {"seed": seed, "adaptation": weight, "adaptation_steps": steps}
    trainer = Trainer(recipe, recipe.settings(changes), train)
    began = time.process_time()
    for _ in range(steps):
        trainer.train_step()
    seconds = time.process_time() - began
    trainer.ema.refresh(trainer.hparams.ema)
    network = trainer.ema.networks["features"].eval()
    return measured(network, test.arrays["a"], test.arrays["b"], test.arrays["label"]), seconds


def line(name: str, found: list[tuple[Domains, float]]) -> str:
    """Means over seeds, with the range."""
    shares = np.array([(one.source, one.target, one.apart) for one, _seconds in found])
    source, target, apart = shares.mean(0)
    low, high = shares[:, 1].min(), shares[:, 1].max()
    told = f"{100 * target:.1f} ({100 * low:.1f}-{100 * high:.1f})"
    return LINE.format(name, f"{100 * source:.1f} %", told, f"{100 * apart:.1f} % told apart",
                       f"{np.mean([seconds for _one, seconds in found]):.0f} s")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--items", type=int, default=0, help="digits of each part; 0: all")
    asked = parser.parse_args(arguments)
    train, test = (_cut(data.load(name), asked.items) for name in ("mnist_m", "test:mnist_m"))
    print(f"{len(train):,} digits of each domain, {asked.steps:,} steps of 64 + 64, {asked.seeds} seeds; "
          f"accuracy on {len(test):,} test digits")  # fmt: skip
    print(LINE.format("", "MNIST", "MNIST-M", "features", "CPU time"))
    told = replace(train, arrays={**train.arrays, "a": train.arrays["b"]})
    for name, known, weight in (("source only", train, 0.0), ("DANN", train, 1.0), ("trained on MNIST-M", told, 0.0)):
        found = [trained(known, test, seed, asked.steps, weight) for seed in range(asked.seeds)]
        print(line(name, found), flush=True)


def _cut(whole: DataSet, items: int) -> DataSet:
    return replace(whole, arrays={name: array[: items or None] for name, array in whole.arrays.items()})


if __name__ == "__main__":
    main()
