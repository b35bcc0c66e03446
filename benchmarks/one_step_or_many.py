"""A GAN, a VAE and a diffusion model on the same data for the same processor time: lesson 14's numbers.

    python -m benchmarks.one_step_or_many                     # points and digits, seeds 0 to 2: about five minutes

Each preset trains for `--seconds` of processor time, at constant rates, on one thread. It is measured
LOOKS times, as in `benchmarks.folklore`: distance and variety are means over the last quarter of the looks, unrest is
the standard deviation of log distance over the second half. Good samples lie within 3 sigma of a mode, or are clearly a
digit. Drawing is timed for 1,000 samples, the minimum of five.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.folklore import SAMPLES, drawn, loaded, measure
from benchmarks.timing import Row, report
from gan_core.data.sets.points import MODES
from gan_core.gans import recipes
from gan_core.metrics import density
from gan_core.metrics.digit_classifier import digit_classifier
from gan_core.metrics.points import coverage
from gan_core.pictures.grids import to_uint8
from gan_core.training.trainer import Trainer

LOOKS = 8
PRESETS = {
    "points": (("points", "ring8"), ("vae_points", "ring8"), ("diffusion_points", "ring8")),
    "digits": (("mlp_gan", "digits_30s"), ("vae", "digits"), ("diffusion", "digits")),
}


@dataclass(frozen=True)
class Outcome:
    """The result of one seed."""

    steps: int
    distance: float
    variety: float
    unrest: float
    found: int  # modes covered of 8, or digits that make 3 % of the samples, of 10
    good: float
    milliseconds: float  # for 1,000 samples


def train(bed: str, recipe_name: str, preset_name: str, seed: int, seconds: float) -> Outcome:
    recipe = recipes.get(recipe_name)
    preset = recipe.preset(preset_name)
    hparams = recipe.settings({**preset.hparams, "schedule": "constant", "seed": seed})
    trainer = Trainer(recipe, hparams, loaded(preset.data, preset.size))
    count = density.SAMPLES if bed == "points" else SAMPLES
    looks = []
    spent = 0.0
    for place in range(LOOKS):
        began = time.process_time()
        while spent + time.process_time() - began < seconds * (place + 1) / LOOKS:
            trainer.train_step()
        spent += time.process_time() - began
        looks.append(measure(bed)(drawn(trainer, count)))
    distances = np.array([distance for distance, _variety in looks])
    found, good = judged(bed, preset.data, drawn(trainer, 2500))
    return Outcome(
        trainer.step, distances[-LOOKS // 4 :].mean(), statistics.fmean(look[1] for look in looks[-LOOKS // 4 :]),
        float(np.log(distances[LOOKS // 2 :]).std()), found, good, 1000 * min(timed(trainer) for _ in range(5)),
    )  # fmt: skip


def judged(bed: str, reference: str, samples: np.ndarray) -> tuple[int, float]:
    """How many modes or digits there are, and the share of good samples."""
    if bed == "points":
        counted = coverage(samples, MODES[reference])
        return counted.covered, counted.quality
    share, classes = digit_classifier().shares(to_uint8(torch.from_numpy(samples))[..., 0])
    return int((classes >= 0.03).sum()), share


def timed(trainer: Trainer) -> float:
    began = time.process_time()
    drawn(trainer, 1000)
    return time.process_time() - began


def row(name: str, outcomes: list[Outcome]) -> Row:
    def mean(part: str) -> float:
        return statistics.fmean(getattr(outcome, part) for outcome in outcomes)

    said = (
        f"distance {mean('distance'):.3g}, variety {mean('variety'):.2f}, unrest {mean('unrest'):.2f}, found "
        f"{mean('found'):.1f}, good {mean('good'):.0%}, {mean('milliseconds'):.1f} ms"
    )
    each = "; ".join(f"{one.distance:.3g}, {one.found}, {one.good:.0%}, {one.steps} steps" for one in outcomes)
    return Row(name, said, samples=each)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the processor, for each run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--beds", nargs="+", choices=PRESETS, default=list(PRESETS))
    parser.add_argument("--only", nargs="+", help="recipes, such as vae or diffusion_points")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for bed in options.beds:
        for recipe, preset in PRESETS[bed]:
            if options.only and recipe not in options.only:
                continue
            rows.append(
                row(f"{bed}: {recipe}", [train(bed, recipe, preset, seed, options.seconds) for seed in options.seeds])
            )
            print(rows[-1].what, rows[-1].measured, rows[-1].samples, flush=True)
    report("One step or many", rows)


if __name__ == "__main__":
    main()
