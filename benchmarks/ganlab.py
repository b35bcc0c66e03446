"""GAN Lab's points against the playground's, each measured or counted here.

    python -m benchmarks.ganlab             # the points that need no quiet machine
    python -m benchmarks.playground --page  # steps and drawn frames in a second, what an open page costs the trainer

GAN Lab's numbers are those of its source, poloclub/ganlab at 09073e8 (`demo/`), and of runs of its code.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from benchmarks.timing import machine
from gan_core import data
from gan_core.data import sources
from gan_core.gans import recipes
from gan_core.knobs import knobs
from gan_core.metrics.density import SAMPLES, yardstick
from gan_core.metrics.duality import duality_gap
from gan_core.runs.frames import LATTICE, MOST, POINTS, SIDE
from gan_core.training.frames import Camera, evaluating
from gan_core.training.trainer import Trainer
from ui.classroom.playground import begin
from ui.classroom.playground.plot import REAL
from ui.classroom.train.setup import from_query

SURE = 150  # steps of D alone, after which it recognises the fakes with certainty
REPETITIONS = 5


def trainer(reference: str = "two_moons") -> Trainer:
    """The recipe at its default size."""
    torch.set_num_threads(1)
    recipe = recipes.get("points")
    return Trainer(recipe, recipe.settings({"ema": 0.0}), data.load(reference))


def densities() -> list[tuple[str, str, str]]:
    """The scores of a perfect and of a very poor generator."""
    floors = [yardstick(source.name).floor for source in sources if source.mixture]
    moons = yardstick("two_moons")
    far = moons.measure(np.full((SAMPLES, 2), 0.9 * moons.half))
    return [
        ("KL of a perfect generator", "0.69 bit", f"at most {max(floor.kl for floor in floors):.4f} bit (8 sets)"),
        ("JS of a perfect generator", "0.398 bit", f"at most {max(floor.js for floor in floors):.4f} bit (8 sets)"),
        ("JS of a very poor generator", "0.638 bit", f"{far.js:.3f} bit, of 1 (all points in a corner)"),
        ("behind these numbers", "151 of 450 real points, 150 generated", f"the exact density, {SAMPLES:,} generated"),
    ]


def arrows() -> tuple[str, str, str]:
    """How much longer the arrows of -log D are than those of log(1 - D) where D is sure."""
    trained = trainer()
    for _ in range(SURE):
        trained.train_step("discriminator")
    record = Camera(trained, "two_moons").take()
    logits, slopes = record["logits"].astype(float), np.hypot(*record["slopes"].astype(float).T)
    belief = 1 / (1 + np.exp(-logits))
    saturating, non_saturating = (belief * slopes).mean(), ((1 - belief) * slopes).mean()
    return (
        "arrows of log(1 - D) and of -log D",
        "one and the same: the gradient of D",
        f"{saturating:.3f} and {non_saturating:.3f} long after {SURE} steps of D alone",
    )


def edits() -> list[tuple[str, str, str]]:
    """What can change during a run, and what is kept of the optimiser."""
    described = knobs(recipes.get("points").hparams)
    live = sum(knob.change == "live" for knob in described.values())
    trained = trainer()
    for _ in range(20):
        trained.train_step()
    before = [state["exp_avg"].clone() for state in trained.optimizers["generator"].state.values()]
    trained.edit(replace(trained.hparams, generator_rate=1e-3))  # type: ignore[call-arg]  # of a subclass
    after = [state["exp_avg"] for state in trained.optimizers["generator"].state.values()]
    kept = all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    return [
        ("settings that act without a restart", "4 (loss, optimiser, rate, k)", f"{live} of {len(described)}"),
        ("Adam's moments after a new rate", "lost", "kept" if kept else "LOST"),
    ]


def link() -> tuple[str, str, str]:
    """Whether a link brings back the same setup."""
    setup, _ = from_query({"recipe": "points", "data": "spiral", "loss": "least_squares", "seed": "3", "steps": "500"})
    again, problems = from_query({**begin.STANDARD, **begin.link(setup)})
    same = not problems and (again.data, again.steps, again.hparams) == (setup.data, setup.steps, setup.hparams)
    return ("a link to data and settings", "none; least squares is lost at a restart", "all" if same else "NOT all")


def gap() -> tuple[str, str, str]:
    """How long a duality gap takes."""
    trained, known = trainer(), yardstick("two_moons")
    generator, discriminator = trained.networks["generator"], trained.networks["discriminator"]
    taken = []
    with evaluating(trained.networks):
        for _ in range(REPETITIONS):
            began = time.thread_time()
            duality_gap(generator, discriminator, 2, 2e-3, 256, known)
            taken.append(time.thread_time() - began)
    return ("duality gap", "none", f"in {np.median(taken):.2f} s of processor time (median of {REPETITIONS})")


def drawn() -> list[tuple[str, str, str]]:
    """Numbers of drawn elements."""
    sets = sum(source.mixture is not None for source in sources)
    return [
        ("points drawn, real and generated", "450 and 150", f"{REAL} and {POINTS}"),
        ("cells of D's heat map", "30 x 30", f"{SIDE} x {SIDE}"),
        ("cells of the generator's grid", "20 x 20", f"{LATTICE - 1} x {LATTICE - 1}"),
        ("data sets, besides drawn ones", "4", str(sets)),
        ("frames that a slider goes back to", "none", f"{MOST:,} before older ones are thinned"),
    ]


def main() -> None:
    rows = [*drawn(), *densities(), arrows(), *edits(), link(), gap()]
    print(f"\n## GAN Lab's points against the playground's\n\n{machine()}\n")
    print("| point | GAN Lab | here |\n| --- | --- | --- |")
    for what, theirs, ours in rows:
        print(f"| {what} | {theirs} | {ours} |")


if __name__ == "__main__":
    main()
