"""The gain of a knob at equal cost: a plan of the shelf, trained for a given processor time with one change.

    python -m benchmarks.time_to_quality projected_gan.avatars positions=0 positions=16 positions=64
    python -m benchmarks.time_to_quality projected_gan.avatars "positions=16 batch_size=8" --seconds 300 --seeds 0 1 2
    python -m benchmarks.time_to_quality projected_gan.avatars positions=16 --until 67.3 --seconds 3600

Each setting is a plan of gan_core/models/plans.py with the named knobs; without a setting, the plan itself.
It is trained on one thread, in `--precision`, by the ordinary trainer, and after each `--every` seconds of processor
time, measuring left out, the averaged generator's samples are compared with images that it hasn't learnt from, in the
shelf's net for them. `--until` stops as soon as the Frechet distance is reached, and prints the time. `--pictures
FOLDER` keeps 32 samples of each setting.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.parts import held_out, kind_of
from gan_core.errors import GanscopeError
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams
from gan_core.knobs import to_dict
from gan_core.metrics.answers import sureness
from gan_core.metrics.evaluate import count_text, evaluate
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.streams import of_model
from gan_core.models.plans import Plan, plan
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import grid, png, to_uint8
from gan_core.training.computation import USUAL, Computation, asked_for
from gan_core.training.trainer import Trainer

PICTURES, COLUMNS = 32, 8


@dataclass(frozen=True)
class Point:
    """The state of a training after some processor time."""

    seconds: float
    images: int
    fd: float
    recall: float
    sure: float

    def __str__(self) -> str:
        return (
            f"{self.seconds:.0f} s, {self.images:,} images: FD {self.fd:.1f}, recall {self.recall:.3f}, "
            f"readable {self.sure:.1%}"
        )


def settings_of(wanted: Plan, text: str, seed: int) -> TrainingHParams:
    """The plan's settings with the knobs in a text such as "positions=16 batch_size=8"; raises BadValue."""
    changes: dict[str, Any] = dict(wanted.hparams)
    for part in text.split():
        name, _, value = part.partition("=")
        changes[name] = value
    return recipes.get(wanted.recipe).settings({**changes, "seed": seed})


def train(
    wanted: Plan,
    hparams: TrainingHParams,
    budget: float,
    every: float,
    until: float,
    samples: int,
    pictures: Path | None = None,
    computation: Computation = USUAL,
) -> list[Point]:
    """Trains for `budget` seconds of processor time, or until the Frechet distance is `until` or less."""
    trained = data.load(wanted.data, wanted.size)
    reference = data.load(held_out(wanted.data) or wanted.data, wanted.size)
    net = FeatureNet.from_shelf(f"features.{kind_of(wanted.data)}")
    trainer = Trainer(recipes.get(wanted.recipe), hparams, trained, computation=computation)
    points: list[Point] = []
    spent = 0.0
    while spent < budget and (not points or points[-1].fd > until):
        began = time.process_time()
        trainer.train_step()
        spent += time.process_time() - began
        if spent >= min(every * (len(points) + 1), budget):
            points.append(measured(trainer, spent, reference, net, samples))
            print(f"  {points[-1]}", flush=True)
    if pictures is not None:
        drawn = sampler_of(trainer).sample(PICTURES, 0)
        pictures.write_bytes(png(grid(to_uint8(drawn), COLUMNS)))
    return points


def sampler_of(trainer: Trainer) -> Sampler:
    """The averaged networks, ready to draw."""
    networks = {**trainer.networks, **trainer.ema.networks}
    for network in trainer.ema.networks.values():
        network.eval()
    return Sampler(trainer.recipe, trainer.hparams, trainer.spec, networks)


def measured(trainer: Trainer, spent: float, reference: DataSet, net: FeatureNet, samples: int) -> Point:
    stream = of_model(sampler_of(trainer), samples, seed=0, name="samples")
    found = evaluate(stream, reference, net, ("fd", "prdc"))
    end = f"{count_text(found.samples)}_{net.name}"
    values = found.values
    return Point(spent, trainer.images_seen, values[f"fd{end}"], values[f"recall{end}"], sureness(found.made_answers))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a plan of gan_core/models/plans.py that generates images")
    parser.add_argument("settings", nargs="*", help='knobs such as "positions=16 batch_size=8", one text a training')
    parser.add_argument("--seconds", type=float, default=200.0, help="processor time for each training")
    parser.add_argument("--every", type=float, default=100.0, help="seconds between two measurements")
    parser.add_argument("--until", type=float, default=-math.inf, help="Frechet distance at which to stop")
    parser.add_argument("--samples", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--pictures", type=Path, help="folder for samples of each setting")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    try:
        wanted, computation = plan(asked.model), asked_for(asked.precision, "cpu")
        tried = {text: [settings_of(wanted, text, seed) for seed in asked.seeds] for text in asked.settings or [""]}
        for place, (text, seeds) in enumerate(tried.items()):
            print(text or "as planned", to_dict(seeds[0]) if not text else "", flush=True)
            folder = asked.pictures and asked.pictures / f"{place}.png"
            last = [
                train(wanted, hparams, asked.seconds, asked.every, asked.until, asked.samples, folder, computation)[-1]
                for hparams in seeds
            ]
            rows.append(_row(text or "as planned", last))
    except GanscopeError as error:
        print(error, file=sys.stderr)
        return 2
    report(f"{asked.model}, one thread, {computation.precision}, {asked.samples:,} samples", rows)
    return 0


def _row(text: str, last: list[Point]) -> Row:
    distances = [point.fd for point in last]
    images, seconds = (statistics.median(kind) for kind in ([p.images for p in last], [p.seconds for p in last]))
    spread = f" ({min(distances):.1f} to {max(distances):.1f})" if len(last) > 1 else ""
    return Row(
        text,
        f"FD {statistics.median(distances):.1f}{spread}, recall {statistics.median(p.recall for p in last):.3f}, "
        f"readable {statistics.median(p.sure for p in last):.1%} "
        f"after {seconds:.0f} s, {images:,.0f} images",
        samples=f"{len(last)} seed{'s' * (len(last) > 1)}",
    )


if __name__ == "__main__":
    sys.exit(main())
