"""What DANN gains on a domain without labels: `python -m benchmarks.adaptation [--seeds 3] [--steps 1000]`.

Each seed trains classifiers with equal settings and tests them on all 10,000 test digits of either domain: one that
sees MNIST only (the recipe `dann`, `adaptation` 0), one whose batch normalisation sees MNIST-M too (as AdaBN,
1603.04779), one that adapts (the usual weight), and one that was given the classes of MNIST-M: what could be had at
most. `--keep` writes what the page Few labels shows.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace

import numpy as np

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.metrics.domains import Domains, looked_at, measured, plane
from gan_core.pictures.grids import grid, scatter
from gan_core.training.trainer import Trainer
from ui.classroom.labels.page import FEATURES, KEPT

LINE = "{:22}{:>10}{:>20}{:>22}{:>12}"
SHOWN = 400  # digits of each domain in the picture
LITTLE = 1e-9  # a weight that learns nothing of domain b, whose pictures count for batch normalisation alone


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out on the test digits, the processor's seconds of training, and features of the first of them in their
    plane."""

    found: Domains
    seconds: float
    plane: tuple[np.ndarray, np.ndarray]


def trained(train: DataSet, test: DataSet, seed: int, steps: int, weight: float) -> Trained:
    recipe = recipes.get("dann")
    changes = {"seed": seed, "adaptation": weight, "adaptation_steps": steps}
    trainer = Trainer(recipe, recipe.settings(changes), train)
    began = time.process_time()
    for _ in range(steps):
        trainer.train_step()
    seconds = time.process_time() - began
    trainer.ema.refresh(trainer.hparams.ema)
    network = trainer.ema.networks["features"].eval()
    some = plane(*(looked_at(network, test.arrays[domain][:SHOWN])[0] for domain in ("a", "b")))
    return Trained(measured(network, test.arrays["a"], test.arrays["b"], test.arrays["label"]), seconds, some)


def line(name: str, found: list[Trained]) -> str:
    """Means over seeds, with the range."""
    shares = np.array([(one.found.source, one.found.target, one.found.apart) for one in found])
    source, target, apart = shares.mean(0)
    low, high = shares[:, 1].min(), shares[:, 1].max()
    told = f"{100 * target:.1f} ({100 * low:.1f}-{100 * high:.1f})"
    return LINE.format(name, f"{100 * source:.1f} %", told, f"{100 * apart:.1f} % told apart",
                       f"{np.mean([one.seconds for one in found]):.0f} s")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--keep", action="store_true", help="write what the page shows")
    parser.add_argument("--items", type=int, default=0, help="digits of each part; 0: all")
    asked = parser.parse_args(arguments)
    train, test = (_cut(data.load(name), asked.items) for name in ("mnist_m", "test:mnist_m"))
    print(f"{len(train):,} digits of each domain, {asked.steps:,} steps of 64 + 64, {asked.seeds} seeds; "
          f"accuracy on {len(test):,} test digits")  # fmt: skip
    print(LINE.format("", "MNIST", "MNIST-M", "features", "CPU time"))
    told = replace(train, arrays={**train.arrays, "a": train.arrays["b"]})
    arms = {"source": ("source only", train, 0.0), "statistics": ("statistics of both", train, LITTLE),
            "dann": ("DANN", train, recipes.get("dann").hparams.adaptation),
            "target": ("trained on MNIST-M", told, 0.0)}  # fmt: skip
    results = {}
    for arm, (name, known, weight) in arms.items():
        results[arm] = [trained(known, test, seed, asked.steps, weight) for seed in range(asked.seeds)]
        print(line(name, results[arm]), flush=True)
    if asked.keep:
        keep(results)


def keep(results: dict[str, list[Trained]]) -> None:
    """Writes what the page reads, and the features of the first seed before and after."""
    arms = {
        arm: {name: [round(getattr(one.found, name), 4) for one in found] for name in ("source", "target", "apart")}
        for arm, found in results.items()
    }
    whole = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    found = {"seeds": len(results["dann"]), "shown": SHOWN, "arms": arms}
    KEPT.write_text(json.dumps(whole | {"adaptation": found}, indent=1) + "\n", encoding="utf-8")
    clouds = [scatter(second, first, 480) for first, second in (results[arm][0].plane for arm in ("source", "dann"))]
    grid(np.stack([np.asarray(cloud) for cloud in clouds]), 2, gap=8).save(FEATURES, optimize=True)


def _cut(whole: DataSet, items: int) -> DataSet:
    return replace(whole, arrays={name: array[: items or None] for name, array in whole.arrays.items()})


if __name__ == "__main__":
    main()
