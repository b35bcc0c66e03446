"""Passages of a generator compared with Bach's: counts of mistakes, and the distribution of notes.

    python -m benchmarks.music                       # the installed model
    python -m benchmarks.music --model run:ID --samples 500

Generated from scratch, and continued from first bars of kept-aside chorales (then the second bars alone are measured).
The floor are as many passages of the training chorales, compared with the kept-aside ones in the same way.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from gan_core import data
from gan_core.data.voices import BAR
from gan_core.metrics.music import measure
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore

MODEL = "musegan.chorales"
SAMPLES = 1000


def continued(sampler: Sampler, real: np.ndarray) -> np.ndarray:
    """Second bars (N, V, BAR) that continue the first bars of real passages (N, V, T)."""
    latents, _ = sampler.latents(len(real), 1)
    return sampler.draw(latents, torch.from_numpy(real[:, :, :BAR])).numpy()[:, :, BAR:]


def report(sampler: Sampler, samples: int) -> None:
    """Prints a table, a row for each kind of passages."""
    others, learnt = data.load("test:chorales").arrays["voices"], data.load("chorales").arrays["voices"]
    samples = min(samples, len(others))
    rows = {
        "Bach, other chorales (floor)": measure(learnt[:samples], others),
        "generated": measure(sampler.sample(samples, 1).numpy(), others),
        "second bars: Bach (floor)": measure(learnt[:samples, :, BAR:], others[:, :, BAR:]),
        "second bars: continued": measure(continued(sampler, others[:samples]), others[:, :, BAR:]),
    }
    names = list(next(iter(rows.values())))
    print(f"| {samples} passages | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    for title, found in rows.items():
        print(f"| {title} | " + " | ".join(f"{found[name]:.3f}" for name in names) + " |")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.music", description=__doc__)
    parser.add_argument("--model", default=MODEL, help="a model of the shelf, or run:ID")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    name = options.model
    sampler = loading.from_run(RunStore(), name[4:]) if name.startswith("run:") else loading.load(name)
    report(sampler, options.samples)


if __name__ == "__main__":
    main()
