"""What DANN gains on a domain without labels: `python -m benchmarks.adaptation [--seeds 3] [--steps 1000]`, and what
translated pictures gain: `python -m benchmarks.adaptation --translator cyclegan --seeds 1`.

Each seed trains classifiers with equal settings and tests them on all 10,000 test digits of either domain: one that
sees MNIST only (the recipe `dann`, `adaptation` 0), one whose batch normalisation sees MNIST-M too (as AdaBN,
1603.04779), one that adapts (the usual weight), and one that was given the classes of MNIST-M: the upper
bound. `--translator` names a recipe of unpaired translation with the preset mnist_m: it learns, without labels, to draw
MNIST in the look of MNIST-M, and classifiers then learn from its drawings of labelled digits, which keep their labels
(pixel-level adaptation; 1612.05424, 1711.03213). `--only` leaves out the other arms. `--keep` writes what the page Few
labels shows.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from gan_core import data
from gan_core.data.base import DataSet
from gan_core.gans import Recipe, recipes
from gan_core.metrics.domains import CHUNK, Domains, looked_at, measured, plane
from gan_core.pictures.grids import grid, scatter, to_uint8
from gan_core.training.trainer import Trainer
from ui.classroom.labels.page import CLASSIFIERS, FEATURES, KEPT, TRANSLATED

LINE = "{:22}{:>10}{:>20}{:>22}{:>12}"
SHOWN = 400  # digits of each domain in the picture
COLUMNS = 16  # pairs of digits that show what a translator does
PRESET = "mnist_m"  # preset of the translators, and its data
TRANSLATORS = [
    one.name for one in recipes if one.task == "unpaired" and PRESET in {preset.name for preset in one.presets}
]
LITTLE = 1e-9  # a weight that learns nothing of domain b, whose pictures count for batch normalisation alone


@dataclass(frozen=True, eq=False)
class Trained:
    """Results on the test digits, processor seconds of training, and features of the first test digits in their
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
    trainer.ema.refresh()
    network = trainer.ema.networks["features"].eval()
    some = plane(*(looked_at(network, test.arrays[domain][:SHOWN])[0] for domain in ("a", "b")))
    return Trained(measured(network, test.arrays["a"], test.arrays["b"], test.arrays["label"]), seconds, some)


def translated(recipe: Recipe, hparams: Any, known: DataSet, steps: int) -> tuple[DataSet, float]:
    """The set with domain a in the look of domain b, by a translator that learns from both without labels, and the
    processor's seconds of its training. If it has several directions from a to b, digits use them in turn.
    """
    trainer = Trainer(recipe, hparams, known)
    began = time.process_time()
    for _ in range(steps):
        trainer.train_step()
    seconds = time.process_time() - began
    networks = trainer.ema.refresh()
    ways = [way for name, way in recipe.translations.items() if not name.startswith("b_")]
    plain, made = known.arrays["a"], np.empty_like(known.arrays["a"])
    for place, way in enumerate(ways):
        for start in range(place, len(plain), CHUNK * len(ways)):
            chosen = slice(start, start + CHUNK * len(ways), len(ways))
            with torch.no_grad():
                images = way(networks, trainer.hparams, torch.from_numpy(plain[chosen]).float() / 127.5 - 1)
            made[chosen] = to_uint8(images).transpose(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W)
    return replace(known, arrays={**known.arrays, "a": made}), seconds


def pixels(train: DataSet, test: DataSet, asked: argparse.Namespace) -> dict[str, list[Trained]]:
    """Classifiers that learn from translated digits, without and with the batch statistics of domain b."""
    recipe = recipes.get(asked.translator)
    preset = recipe.preset(PRESET)
    found: dict[str, list[Trained]] = {"translated": [], "translated_statistics": []}
    for seed in range(asked.seeds):
        hparams = recipe.settings({**preset.hparams, "seed": seed})
        made, seconds = translated(recipe, hparams, train, asked.translator_steps or preset.steps)
        for arm, weight in (("translated", 0.0), ("translated_statistics", LITTLE)):
            one = trained(made, test, seed, asked.steps, weight)
            found[arm].append(replace(one, seconds=one.seconds + seconds))
        if not seed and asked.keep:
            both = np.concatenate(
                [train.arrays["a"][:COLUMNS], made.arrays["a"][:COLUMNS], train.arrays["b"][-COLUMNS:]]
            )
            sheet = grid(both.transpose(0, 2, 3, 1), COLUMNS)  # (B, C, H, W) -> (B, H, W, C)
            sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(TRANSLATED, optimize=True)
    return found


def line(name: str, found: list[Trained]) -> str:
    """Means over seeds, with the range."""
    shares = np.array([(one.found.source, one.found.target, one.found.apart) for one in found])
    source, target, apart = shares.mean(0)
    low, high = shares[:, 1].min(), shares[:, 1].max()
    target_words = f"{100 * target:.1f} ({100 * low:.1f}-{100 * high:.1f})"
    return LINE.format(name, f"{100 * source:.1f} %", target_words, f"{100 * apart:.1f} % told apart",
                       f"{np.mean([one.seconds for one in found]):.0f} s")  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", default=PRESET, help="two domains that show the same, such as fashion_mnist_m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--translator", default="", choices=["", *TRANSLATORS], help="a recipe that translates")
    parser.add_argument("--translator-steps", type=int, default=0, help="0: those of the preset")
    parser.add_argument("--only", action="store_true", help="with --translator: leave out the other arms")
    parser.add_argument("--keep", action="store_true", help="write what the page shows")
    parser.add_argument("--items", type=int, default=0, help="digits of each part; 0: all")
    asked = parser.parse_args(arguments)
    train, test = (_cut(data.load(name), asked.items) for name in (asked.data, f"test:{asked.data}"))
    print(f"{asked.data}: {len(train):,} images of each domain, {asked.steps:,} steps of 64 + 64, {asked.seeds} seeds; "
          f"accuracy on {len(test):,} test images of each")  # fmt: skip
    print(LINE.format("", "domain a", "domain b", "features", "CPU time"))
    supervised = replace(train, arrays={**train.arrays, "a": train.arrays["b"]})
    arms = {"source": ("source only", train, 0.0), "statistics": ("statistics of both", train, LITTLE),
            "dann": ("DANN", train, recipes.get("dann").hparams.adaptation),
            "target": ("trained on b's labels", supervised, 0.0)}  # fmt: skip
    results = {}
    for arm, (name, known, weight) in ({} if asked.only else arms).items():
        results[arm] = [trained(known, test, seed, asked.steps, weight) for seed in range(asked.seeds)]
        print(line(name, results[arm]), flush=True)
    if asked.translator:
        for arm, found in pixels(train, test, asked).items():
            results[arm] = found
            print(line(arm.replace("_", ", "), found), flush=True)
    if asked.keep:
        keep(results)


def keep(results: dict[str, list[Trained]]) -> None:
    """Writes the page's file, with the features of the first seed before and after; arms that weren't run are kept."""
    arms = {
        arm: {name: [round(getattr(one.found, name), 4) for one in found] for name in ("source", "target", "apart")}
        for arm, found in results.items()
    }
    whole = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    arms = whole.get("adaptation", {}).get("arms", {}) | arms
    found = {
        "seeds": max(len(arm["target"]) for arm in arms.values()),
        "shown": SHOWN,
        "arms": {arm: arms[arm] for arm in CLASSIFIERS if arm in arms},
    }
    KEPT.write_text(json.dumps(whole | {"adaptation": found}, indent=1) + "\n", encoding="utf-8")
    if "dann" in results:
        clouds = [
            scatter(second, first, 480) for first, second in (results[arm][0].plane for arm in ("source", "dann"))
        ]
        grid(np.stack([np.asarray(cloud) for cloud in clouds]), 2, gap=8).save(FEATURES, optimize=True)


def _cut(whole: DataSet, items: int) -> DataSet:
    return replace(whole, arrays={name: array[: items or None] for name, array in whole.arrays.items()})


if __name__ == "__main__":
    main()
