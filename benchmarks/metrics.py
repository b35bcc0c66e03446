"""How long all metrics of `ganscope eval` take beyond sampling, that their memory does not grow with the samples, and
what measuring costs a run that trains.

    python -m benchmarks.metrics --samples 10000
    python -m benchmarks.metrics --before CHECKOUT    # compared with an older commit, in alternation
    python -m benchmarks.metrics --training 120       # share of the time that metrics take while a run trains

Images are noise of 28 pixels, the net is an untrained one of the default size, the data set has 60,000 images: neither
time nor memory depends on their content. Memory is the peak resident size of a process for each number of samples. On
a busy machine the processor's seconds, of all threads together, are more reliable than those of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.timing import ROOT, Row, at_most, peak, report
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.metrics.evaluate import evaluate
from gan_core.metrics.feature_net import BATCH, FeatureNet
from gan_core.metrics.streams import Stream
from gan_core.models.sampler import Sampler
from gan_core.training.measuring import Measurer

SHAPE = (1, 28, 28)
ASKED = 10.0  # seconds for 10,000 samples
SHARE = 5.0  # per cent of the training time
MEMORY = 1.1  # times that of the older commit
GROWTH = 0.05  # of the peak memory, from n to 4 n


def noise(count: int, seed: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        yield random.integers(0, 256, (min(BATCH, count - start), *SHAPE), dtype=np.uint8)


def sampling(samples: int) -> float:
    """Seconds of the processor for generating the samples alone."""
    began = time.process_time()
    for _ in noise(samples, 1):
        pass
    return time.process_time() - began


def measure(samples: int, images: int) -> dict[str, float]:
    """Seconds by task, "cpu" of all threads, and "peak", the maximum bytes of memory."""
    data = DataSet("noise", {"real": np.concatenate(list(noise(images, 0)))}, tuple("0123456789"))
    recipe = recipes.get("feature_net")
    networks = {name: network.eval() for name, network in recipe.build(recipe.hparams, data.spec).items()}
    net = FeatureNet("noisenet", Sampler(recipe, recipe.hparams, data.spec, networks))
    stream = Stream("noise", samples, SHAPE, lambda: noise(samples, 1))
    began = time.process_time()
    seconds = evaluate(stream, data, net).seconds
    seconds["cpu"] = time.process_time() - began
    return seconds | {"peak": peak() * 2**20}


def in_a_process(samples: int, images: int, root: Path = ROOT) -> dict[str, float]:
    """The same in a process of its own with its own peak, for the code in `root`."""
    command = [sys.executable, "-m", "benchmarks.metrics", "--child", str(samples), "--images", str(images)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def rows(samples: int, images: int) -> list[Row]:
    few, many = in_a_process(samples, images), in_a_process(4 * samples, images)
    spent = {name: seconds for name, seconds in few.items() if name not in ("peak", "cpu", "sampling")}
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items())
    what = f"all metrics of {samples:,} samples of 28 px, beyond sampling"
    growth = many["peak"] / few["peak"] - 1
    return [
        at_most(what, sum(spent.values()), ASKED, " s", parts),
        Row("the same in seconds of the processor", f"{few['cpu'] - sampling(samples):.1f} s"),
        Row(
            f"peak memory of {4 * samples:,} samples beside {samples:,}",
            f"{growth:+.1%} of {few['peak'] / 2**20:.0f} MiB", f"<= {GROWTH:+.0%}", growth <= GROWTH,
        ),
    ]  # fmt: skip


def beside(samples: int, images: int, before: Path, repetitions: int) -> list[Row]:
    """All metrics of this commit and of an older one, in alternation, so that other work affects both."""
    runs = [(in_a_process(samples, images, before), in_a_process(samples, images)) for _ in range(repetitions)]
    spent = sampling(samples)
    seconds = [[found["cpu"] - spent for found in pair] for pair in runs]
    old, new = (statistics.median(pair[side] for pair in seconds) for side in (0, 1))
    memory = statistics.median(pair[1]["peak"] / pair[0]["peak"] for pair in runs)
    note = f"{repetitions} x {samples:,} samples; {new:.1f} s against {old:.1f} s of the processor"
    return [
        Row("all metrics beyond sampling, against the older commit", f"{new / old:.2f}x ({note})"),
        at_most("peak memory against the older commit", memory, MEMORY, "x", f"{repetitions} runs"),
    ]


def while_training(seconds: float) -> list[Row]:
    """The share of a run's time that its measurements take, over a stretch of training."""
    from benchmarks.overhead import plan, training

    found = []
    for recipe, preset, reference, size in (("mlp_gan", "digits_30s", "digits", 8), ("dcgan", "", "digits", 32)):
        spent = [0.0, 0]
        measure = Measurer.measure

        def timed(self: Measurer, spent: list = spent, measure: Any = measure) -> dict[str, float]:
            began = time.perf_counter()
            figures: dict[str, float] = measure(self)
            spent[0] += time.perf_counter() - began
            spent[1] += 1
            return figures

        with mock.patch.object(Measurer, "measure", timed), training(plan(recipe, preset, reference, size)):
            began = time.perf_counter()
            time.sleep(seconds)
            share = 100 * spent[0] / (time.perf_counter() - began)
        what = f"{recipe} {size} px: metrics while it trains, share of the time"
        found.append(at_most(what, share, SHARE, " %", f"{spent[1]} measurements in {seconds:g} s"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--before", type=Path, help="a checkout of an older commit")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--training", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options.images)))
        return
    if options.training:
        report("Metrics while training", while_training(options.training))
        return
    if options.before:
        report("Metrics", beside(options.samples, options.images, options.before, options.repetitions))
        return
    report("Metrics", rows(options.samples, options.images))


if __name__ == "__main__":
    main()
