"""Measurements of each claim, read from `measured.json` and judged by a rule."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.teaching.folklore import Verdict, effects, interval, verdict
from ui.classroom.folklore.claims import FIGURES, Arm, Claim, arm_name

KEPT = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Outcome:
    """One claim on one bed: the figure of each seed with and without it, and the effect with its interval.

    Effects of ratios are logarithms; `shown` converts them for display.
    """

    with_it: tuple[float, ...]
    without: tuple[float, ...]
    effects: tuple[float, ...]
    low: float
    high: float
    ratio: bool
    verdict: Verdict

    @property
    def effect(self) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.effects))

    def shown(self, effect: float) -> str:
        """Such as -23 % for a ratio, -0.12 for a difference."""
        text = f"{100 * math.expm1(effect):+,.0f} %" if self.ratio else f"{effect:+.2f}"
        return text.replace("-", "−")

    def numbers(self) -> str:
        """The effect and its interval."""
        return f"{self.shown(self.effect)} [{self.shown(self.low)}, {self.shown(self.high)}]"


@cache
def measured() -> Any:
    """The file's content."""
    return json.loads(KEPT.read_text(encoding="utf-8"))


@cache
def outcome(claim: Claim, bed: str) -> Outcome:
    """Returns the outcome, judged by the figure that the claim names."""
    figure = FIGURES[claim.figure]
    arms = measured()["arms"][bed]
    one = arms[arm_name(claim.with_it.on(bed))]["figures"]["at_half" if claim.stopped else claim.figure]
    other = arms[arm_name(claim.without.on(bed))]["figures"][claim.figure]
    paired = effects(one, other, figure.ratio)
    low, high = interval(paired)
    return Outcome(
        tuple(one), tuple(other), tuple(map(float, paired)), low, high, figure.ratio,
        verdict(low, high, figure.lower_is_better),
    )  # fmt: skip


def steps(bed: str, arm: Arm) -> int:
    """Returns the length of a run that costs as much as one with the usual settings."""
    found: int = measured()["arms"][bed][arm_name(arm.on(bed))]["steps"]
    return found
