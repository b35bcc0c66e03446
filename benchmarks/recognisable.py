"""Readable digits within 30 seconds: trains a preset as the app does, and classifies 500 samples.

    python -m benchmarks.recognisable --seeds 0 1 2

The clock runs from the start of the session (pressing Train in a warm app); at the end of the time the run is paused,
at whatever step, and the samples are made from the store's newest checkpoint.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import Row, at_most, report
from gan_core.gans import recipes
from gan_core.metrics.digit_classifier import DigitClassifier, digit_classifier, held_out
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from gan_core.runs.store import RunState, RunStore
from gan_core.training.session import Session

SAMPLES = 500
SHARE, SMALLEST = 0.85, 0.03


@dataclass(frozen=True)
class Outcome:
    """The state of a run at the end of its time."""

    seed: int
    step: int
    seconds: float
    share: float
    classes: np.ndarray  # (10,)

    @property
    def good(self) -> bool:
        return self.share >= SHARE and float(self.classes.min()) >= SMALLEST


def train(
    recipe_name: str, preset_name: str, seed: int, seconds: float, steps: int, arbiter: DigitClassifier, every: int = 0
) -> Outcome:
    """Trains a preset for some seconds, or its own number of steps, and classifies its samples.

    With `every`, samples are classified after each `every` steps, and training ends as soon as they are good.
    """
    recipe = recipes.get(recipe_name)
    preset = recipe.preset(preset_name)
    planned = steps or preset.steps
    spec = recipe.plan(preset.data, preset.size, planned, {**preset.hparams, "seed": seed}, preset.name)
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder:
        store = RunStore(Path(folder))
        run = store.create(spec)
        session = Session(store, run.id)
        began = time.monotonic()
        session.start(paused=bool(every))
        while True:
            if every:
                _advance(session, min(session.status.step + every, planned))
            else:
                session.join(seconds)
                _pause(session)
            elapsed = time.monotonic() - began
            step = session.status.step
            images = to_uint8(loading.from_run(store, run.id).sample(SAMPLES))[..., 0]  # (N, H, W, 1) -> (N, H, W)
            outcome = Outcome(seed, step, elapsed, *arbiter.shares(images))
            if not every or outcome.good or step >= planned or not session.status.is_active:
                break
        if session.status.is_active:
            session.stop()
        session.join()
    return outcome


def _pause(session: Session) -> None:
    if session.status.is_active:
        session.pause()
        while session.status.state not in (RunState.PAUSED, RunState.FINISHED):
            time.sleep(0.01)


def _advance(session: Session, step: int) -> None:
    """Trains until that step, and pauses there with a checkpoint."""
    session.run_to(step)
    while (now := session.status).is_active and not (now.step >= step and now.state is RunState.PAUSED):
        time.sleep(0.05)


def classifier_rows(arbiter: DigitClassifier) -> list[Row]:
    """Checks the classifier itself."""
    shares = {name: arbiter.shares(images)[0] for name, images in held_out().items()}
    return [
        Row(
            "real digits the classifier is sure of",
            f"{shares['digits']:.1%}",
            ">= 98 %",
            shares["digits"] >= 0.98,
            "450",
        ),
        at_most("noise the classifier takes for digits", 100 * shares["noise"], 5, " %", "2000"),
        at_most("blends the classifier takes for digits", 100 * shares["blends"], 5, " %", "2000"),
    ]


def rows(outcomes: list[Outcome], seconds: float) -> list[Row]:
    return [
        Row(
            f"seed {outcome.seed}: sure digits after {outcome.seconds:.1f} s, smallest class",
            f"{outcome.share:.1%}, {outcome.classes.min():.1%}",
            f">= {SHARE:.0%}, >= {SMALLEST:.0%} within {seconds:g} s",
            outcome.good,
            f"{SAMPLES} samples; step {outcome.step}",
        )
        for outcome in outcomes
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="mlp_gan")
    parser.add_argument("--preset", default="digits_30s")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--steps", type=int, default=0, help="instead of the preset's own number")
    options = parser.parse_args()
    arbiter = digit_classifier()
    outcomes = [
        train(options.recipe, options.preset, seed, options.seconds, options.steps, arbiter) for seed in options.seeds
    ]
    report("Recognisable soon", classifier_rows(arbiter) + rows(outcomes, options.seconds))


if __name__ == "__main__":
    main()
