"""Objectives and remedies in the plane: how many modes a generator finds, and how precisely.

    python -m benchmarks.points                                   # everything, over seeds 0 to 4: an hour
    python -m benchmarks.points --only "ring8" "collapses" --seeds 0 1
    python -m benchmarks.points --transport                       # WGAN-GP's estimate against exact optimal transport

Each row trains the recipe `points` on one thread with the ordinary trainer and counts 2,500 samples of the averaged
generator: modes with 20 close samples or more, modes with at least one, and the share of samples within 3 sigma of a
mode. `remedies` start from the preset `collapses` and change nothing but the remedy's own knobs. Seconds are those of
the processor, which on a quiet machine are those of the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import Row, at_most, report
from gan_core.data import source
from gan_core.data.base import DataSet
from gan_core.data.sets.points import MODES
from gan_core.gans import recipes
from gan_core.gans.points import PointsHParams
from gan_core.metrics.points import SAMPLES, Coverage, coverage, optimal_transport
from gan_core.training.trainer import Trainer

SAMPLE_SEED = 1_000_000
EVERY = 250  # steps between counts of a training that may end early
ENOUGH = 7.5  # modes of the ring, on average over the seeds
REMEDIES = 4  # number of remedies that must reach it

# each tuned separately; only the remedy's own knobs
remedies: Mapping[str, Mapping[str, Any]] = {
    "unrolling": {"unroll_steps": 5},
    "gradient penalty": {"penalty": "gradient_penalty", "penalty_weight": 1.0},
    "R1": {"penalty": "r1", "penalty_weight": 0.1},
    # 1802.05957 trains the discriminator five times to the generator's once
    "spectral norm with hinge": {"spectral_norm": "discriminator", "loss": "hinge", "discriminator_steps": 5},
    "minibatch discrimination": {"minibatch": "discrimination"},
    "instance noise": {"instance_noise": 0.7, "instance_noise_steps": 2_500},
    "two time-scales": {"rate_ratio": 0.25},
}
# other objectives in the setting of the preset `ring8`
objectives: Mapping[str, Mapping[str, Any]] = {
    "least squares": {"loss": "least_squares"},
    "hinge": {"loss": "hinge"},
    "relativistic average": {"relativistic": "average"},
    "Wasserstein with gradient penalty": {
        "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 0.1, "instance_noise": 0.0,
    },
    "no instance noise": {"instance_noise": 0.0},
    "R1 instead of noise": {"penalty": "r1", "penalty_weight": 0.1, "instance_noise": 0.0},
}  # fmt: skip


# modes by both counts, quality, and maximum seconds -> whether they meet the requirement
Good = Callable[[Sequence[int], Sequence[int], Sequence[float], float], bool]


@dataclass(frozen=True)
class Case:
    """A preset of `points`, some changed knobs, and its requirement."""

    name: str
    preset: str
    changes: Mapping[str, Any]
    asked: str = ""
    good: Good | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of one seed."""

    counted: Coverage
    seconds: float  # processor seconds


def remedied(name: str) -> str:
    return f"collapses + {name}"


def cases() -> list[Case]:
    """Returns all cases to be measured."""
    plain = {
        "ring8": Case(
            "ring8", "ring8", {}, "8 of 8, >= 90 % in 20 s",
            lambda covered, touched, quality, seconds: min(covered) == 8 and min(quality) >= 0.9 and seconds <= 20,
        ),
        "grid25": Case(
            "grid25", "grid25", {}, ">= 23 of 25, >= 88 % in 60 s",
            lambda covered, touched, quality, seconds: min(covered) >= 23 and min(quality) >= 0.88 and seconds <= 60,
        ),
        "collapses": Case(
            "collapses", "collapses", {}, "<= 2 of 8 (>= 1)",
            lambda covered, touched, quality, seconds: max(touched) <= 2,
        ),
    }  # fmt: skip
    return [
        *plain.values(),
        *(Case(remedied(name), "collapses", changes) for name, changes in remedies.items()),
        *(Case(f"ring8, {name}", "ring8", changes) for name, changes in objectives.items()),
    ]


def samples(trainer: Trainer, count: int) -> Tensor:
    """Points (count, 2) of the averaged generator."""
    hparams = trainer.hparams
    assert isinstance(hparams, PointsHParams)
    latents = torch.randn(count, hparams.latent_size, generator=torch.Generator().manual_seed(SAMPLE_SEED))
    with torch.no_grad():
        drawn: Tensor = trainer.ema.refresh()["generator"](latents)
    return drawn


def train(
    preset_name: str,
    changes: Mapping[str, Any],
    seed: int,
    data: DataSet,
    enough: Callable[[Coverage], bool] | None = None,
) -> Outcome:
    """Trains a preset for its own number of steps, and counts; ends early if a count is `enough`."""
    recipe = recipes.get("points")
    preset = recipe.preset(preset_name)
    trainer = Trainer(recipe, recipe.settings({**preset.hparams, **changes, "seed": seed}), data)
    began = time.process_time()
    for step in range(1, preset.steps + 1):
        trainer.train_step()
        if step == preset.steps or (enough and step % EVERY == 0):
            counted = coverage(samples(trainer, SAMPLES).numpy(), MODES[preset.data])
            if enough and enough(counted):
                break
    return Outcome(counted, time.process_time() - began)


def row(case: Case, outcomes: Sequence[Outcome]) -> Row:
    """The seeds of one case: means, and each seed's counts."""
    covered = [outcome.counted.covered for outcome in outcomes]
    touched = [outcome.counted.touched for outcome in outcomes]
    quality = [outcome.counted.quality for outcome in outcomes]
    seconds = max(outcome.seconds for outcome in outcomes)
    counts = f"{np.mean(covered):.1f} (>= 20), {np.mean(touched):.1f} (>= 1)"
    measured = f"{counts}, {np.mean(quality):.1%}, {seconds:.0f} s at most"
    each = "; ".join(f"{a}/{b} {q:.0%}" for a, b, q in zip(covered, touched, quality, strict=True))
    good = case.good(covered, touched, quality, seconds) if case.good else None
    return Row(case.name, measured, case.asked, good, each)


def mended(results: Mapping[str, Sequence[Outcome]]) -> Row:
    """How many remedies raise the collapsing setting to 7.5 of 8 modes on average."""
    found = [
        name
        for name in remedies
        if (outcomes := results.get(remedied(name)))
        and np.mean([outcome.counted.covered for outcome in outcomes]) >= ENOUGH
    ]
    return Row(
        f"remedies that reach {ENOUGH} of 8",
        str(len(found)),
        f">= {REMEDIES}",
        len(found) >= REMEDIES,
        ", ".join(found),
    )


def transport(seed: int = 0, steps: int = 400, count: int = 2000) -> tuple[float, float]:
    """The estimate of a converged WGAN-GP critic for a frozen generator, and the exact distance of `count` points.

    The critic's slope exceeds 1 by about the distance over twice the penalty's weight; hence the large weight.
    """
    recipe = recipes.get("points")
    points = source("ring8").load(None, lambda done, total: None).arrays["real"][:count]
    hparams = recipe.settings(
        {
            "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 50.0, "latent_size": 2,
            "discriminator_rate": 5e-3, "beta1": 0.0, "beta2": 0.9, "batch_size": 128, "seed": seed, "ema": 0.0,
            "schedule": "linear", "decay_steps": steps, "activation": "leaky_relu", "discriminator_widths": (64, 64),
        }
    )  # fmt: skip
    trainer = Trainer(recipe, hparams, DataSet("ring8", {"real": points}))
    for _ in range(steps):
        trainer.train_step(only="discriminator")
    fakes = samples(trainer, count)
    with torch.no_grad():
        critic = trainer.networks["discriminator"]
        estimate = float(critic(torch.from_numpy(points)).mean() - critic(fakes).mean())
    return estimate, optimal_transport(points, fakes.numpy())


def transport_row(seed: int) -> Row:
    estimate, exact = transport(seed)
    apart = 100 * abs(estimate / exact - 1)
    return at_most("WGAN-GP's estimate apart from optimal transport", apart, 10, " %", f"{estimate:.3f}, {exact:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="+", help="names of rows, such as ring8 or 'collapses + R1'")
    parser.add_argument("--transport", action="store_true", help="only the comparison with optimal transport")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.transport:
        report("Optimal transport", [transport_row(seed) for seed in options.seeds])
        return
    chosen = [case for case in cases() if not options.only or case.name in options.only]
    results: dict[str, list[Outcome]] = {}
    rows = []
    for case in chosen:
        data = source(recipes.get("points").preset(case.preset).data).load(None, lambda done, total: None)
        results[case.name] = [train(case.preset, case.changes, seed, data) for seed in options.seeds]
        rows.append(row(case, results[case.name]))
        print(f"{rows[-1].what}: {rows[-1].measured}; {rows[-1].samples}", flush=True)
    if not options.only:
        rows.append(mended(results))
    report("Points", rows)


if __name__ == "__main__":
    main()
