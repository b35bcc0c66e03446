"""The results of the experiments of lessons 5, 9, 12, 13 and 15, which these lessons state.

    python -m benchmarks.lessons                                # all of them, over seeds 0 to 2: twelve minutes
    python -m benchmarks.lessons --only harm_and_honesty --seeds 0 1 2 3 4

Each experiment is trained exactly as its button sets it up, but without the app, on one thread, and its averaged
networks are measured. Seconds are those of the processor: on a quiet machine of two cores a run takes no longer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.gans import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.metrics import density
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import psnr
from gan_core.objectives.super_resolution import bicubic, downscale
from gan_core.runs.spec import RunSpec
from gan_core.teaching import conditioning
from gan_core.training.trainer import Trainer
from ui.classroom.learn.lesson import Setting, lessons
from ui.classroom.learn.lessons import ORDER
from ui.classroom.playground import begin
from ui.classroom.train.setup import from_query

SAMPLES = 2500
MOST_SECONDS = 60


@dataclass(frozen=True)
class Trained:
    """A run at its end."""

    trainer: Trainer
    recipe: Recipe
    settings: TrainingHParams
    seconds: float

    @property
    def sampler(self) -> Sampler:
        networks = self.trainer.ema.refresh()
        return Sampler(self.recipe, self.settings, self.trainer.spec, networks)


def plan(setting: Setting) -> RunSpec:
    """Returns the run that a button sets up; raises ValueError for an invalid link."""
    standard = begin.STANDARD if setting.page == "playground" else {}
    setup, problems = from_query({**standard, **setting.query})
    if problems:
        raise ValueError(problems)
    return setup.plan()


def train(setting: Setting, seed: int, steps: int = 0) -> Trained:
    """Trains it to its end, or for fewer steps."""
    from gan_core.gans import recipes

    spec = plan(setting)
    recipe = recipes.get(spec.recipe)
    settings = recipe.settings({**spec.hparams, "seed": seed})
    trainer = Trainer(recipe, settings, data.load(spec.data, spec.size))
    began = time.process_time()
    for _step in range(steps or spec.steps):
        trainer.train_step()
    return Trained(trainer, recipe, settings, time.process_time() - began)


# --- what is measured ------------------------------------------------------------------------------------------------


def obeys(run: Trained) -> dict[str, float]:
    """For digits by class: the share of the requested class, and the share that is any digit."""
    matrix = conditioning.measured(run.sampler).matrix
    return {"obedience": conditioning.obedience(matrix), "digits": conditioning.digits_made(matrix)}


def colours(run: Trained) -> dict[str, float]:
    """For coloured digits: the share in the colours of their own class, the error of the round trip, and how different
    the outputs are from each other, relative to the true ones.
    """
    pairs = data.load("digits_coloured", run.trainer.spec.size).arrays
    labels = data.load("digits", 8).arrays["label"]
    grey, truth = (torch.from_numpy(pairs[name]).float() / 127.5 - 1 for name in ("source", "target"))
    made = run.sampler.translate(grey, "a_to_b")
    back = run.sampler.translate(made, "b_to_a")
    light = (grey[:, :1] + 1) / 2  # (N, 1, H, W), of the strokes
    errors = torch.stack([_to_colour(made, truth, light, labels == digit) for digit in range(10)], 1)  # (N, 10)
    return {
        "own colour": float((errors.argmin(1).numpy() == labels).mean()),
        "round trip": float((back - grey).abs().mean()),
        "variety": float(made.std(0).mean() / truth.std(0).mean()),
    }


def _to_colour(made: Tensor, truth: Tensor, light: Tensor, chosen: np.ndarray) -> Tensor:
    """The squared error of each output (N,) to its own digit in the colours of the class that `chosen` marks."""
    places = np.flatnonzero(chosen)[0]
    strokes, pixels = light[places].flatten(), truth[places].flatten(1)  # (H * W,), (3, H * W)
    ink, paper = pixels[:, strokes.argmax()], pixels[:, strokes.argmin()]
    wanted = paper[None, :, None, None] * (1 - light) + ink[None, :, None, None] * light
    return (made - wanted).square().mean((1, 2, 3))


def enlarged(run: Trained) -> dict[str, float]:
    """For faces that weren't trained on: PSNR over bicubic's in dB, and sharpness relative to the truth's."""
    truth = run.trainer.held_out()["real"]
    small = downscale(truth, 4)
    made = torch.cat([run.sampler.upscale(one)[None] for one in small])
    return {
        "psnr": float(psnr(made, truth).mean()),
        "bicubic": float(psnr(bicubic(small, 4), truth).mean()),
        "sharpness": _sharpness(made) / _sharpness(truth),
    }


def _sharpness(images: Tensor) -> float:
    return float(images.diff(dim=2).abs().mean() + images.diff(dim=3).abs().mean())


def on_the_right(run: Trained) -> dict[str, float]:
    """For points: the share near the group on the right."""
    points = run.sampler.sample(SAMPLES, 1_000_000).numpy()
    return {"right": float((points[:, 0] > 0.75).mean()), "between": float((np.abs(points[:, 0]) <= 0.75).mean())}


def steepness(run: Trained) -> dict[str, float]:
    """Of a critic of points: its mean slope at generated points, and how far these are from the data."""
    points = run.sampler.sample(SAMPLES, 1_000_000)
    places = points.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(run.trainer.networks["discriminator"](places).sum(), places)
    real = data.load("two_moons", 2).arrays["real"]
    return {
        "slope": float(slopes.norm(dim=1).mean()),
        "sliced distance": density.sliced_wasserstein(points.numpy(), real.reshape(len(real), -1)),
    }


MEASURES: Mapping[str, Callable[[Trained], dict[str, float]]] = {
    "lipschitz": steepness,
    "conditioning": obeys,
    "translation": colours,
    "super_resolution": enlarged,
    "harm_and_honesty": on_the_right,
}


def measured(lesson: str, seeds: list[int], steps: int = 0) -> list[Row]:
    """A row for each of a lesson's runs."""
    rows = []
    for setting in lessons.get(lesson).experiment.settings:
        if setting.page == "model":
            continue
        found, seconds = [], []
        for seed in seeds:
            run = train(setting, seed, steps)
            found.append(MEASURES[lesson](run))
            seconds.append(run.seconds)
        words = "; ".join(
            f"{name} {np.mean([one[name] for one in found]):.3f} ({', '.join(f'{one[name]:.3f}' for one in found)})"
            for name in found[0]
        )
        rows.append(Row(setting.label, words, "", None, f"seeds {', '.join(map(str, seeds))}"))
        slowest = max(seconds)
        asked = f"<= {MOST_SECONDS} s"
        rows.append(Row(f"{setting.label}, processor time", f"{slowest:.0f} s", asked, slowest <= MOST_SECONDS))
    return rows


def main() -> None:
    assert len(ORDER) == len(lessons)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=0, help="fewer steps, to try it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for lesson in options.only:
        report(lesson, measured(lesson, options.seeds, options.steps))


if __name__ == "__main__":
    main()
