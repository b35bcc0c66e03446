"""How long a learning-rate schedule lasts, and how it restarts when a run continues beyond its end.

Needs no torch. A schedule counts from the first step, or from the step at which an edit or a fork restarted it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gan_core.hparams import RATES, TrainingHParams
from gan_core.knobs import knobs
from gan_core.runs.store import Run, RunStore

KNOBS = frozenset(name for name, knob in knobs(TrainingHParams).items() if knob.clock == RATES)
FADED = 1e-3  # share of the initial rates below which an exponential schedule learns next to nothing


def length(settings: Mapping[str, Any]) -> float:
    """The steps after which the learning rates are 0 or negligible; infinite if they never are."""
    kind, steps = settings.get("schedule", "constant"), float(settings.get("decay_steps", 0))
    if kind in ("linear", "cosine"):
        return steps
    if kind == "exponential" and settings["decay_rate"] < 1:
        return steps * math.log(FADED) / math.log(settings["decay_rate"])
    return math.inf


def anew(settings: Mapping[str, Any], began: int, at: int, steps: int) -> dict[str, Any] | None:
    """The changes that keep the learning rates above 0 when a run continues from step `at` to `steps` (0: without end).

    None if they last anyway. `began`: the step from which the schedule has counted so far; it then counts from `at`.
    """
    end = began + length(settings)
    if end >= (steps or at + 1):
        return None
    decays = settings["schedule"] in ("linear", "cosine") and steps > at
    return {"decay_steps": steps - at if decays else settings["decay_steps"]}


def of_length(settings: Mapping[str, Any], usual: int, steps: int) -> dict[str, Any]:
    """The changes that adapt settings for `usual` steps to a run of `steps` (0: without end): the learning rates stay
    above 0, and instance noise decays over the same share of the run.
    """
    changes = anew(settings, 0, 0, steps) or {}
    if usual and steps and (noisy := settings.get("instance_noise_steps", 0)):
        changes["instance_noise_steps"] = max(1, round(noisy * steps / usual))
    return changes


def began(store: RunStore, run: Run) -> int:
    """The step from which the run's schedule counts, by its events."""
    for event in reversed(store.events(run.id)):
        if RATES in event.payload.get("begun", ()):
            return event.step
        if event.kind == "forked":
            return int(event.payload.get("began", {}).get(RATES, 0))
    return 0
