"""Stagnation: the samples are poor and have not come closer to the data for a long time."""

from __future__ import annotations

import numpy as np

from gan_core.doctor import samples
from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

LOOKS = 20  # examinations, the second half compared with the first; more if they are frequent
LEAST = 500  # steps that they span
GAIN = 0.05  # share by which the distance must have fallen in the second half
SLOW = 5e-5  # learning rate below which it is the likeliest cause
DISTANCES = ("samples/distance", "distance/sliced")


def check(case: Case) -> Finding | None:
    if samples.poor(case) is not True:
        return None
    for name in DISTANCES:
        steps, values = case.history(name)
        if len(values) < LOOKS or steps[-1] - steps[0] < LEAST:
            continue
        start = min(len(values) - LOOKS, int(np.searchsorted(steps, steps[-1] - LEAST, side="right")) - 1)
        middle = (start + len(values)) // 2
        before, now = np.median(values[start:middle]), np.median(values[middle:])
        if now > (1 - GAIN) * before:
            return Finding(
                "stagnation", "watch",
                "Stagnation: the samples are poor and have not improved for {steps:,} steps.",
                "The learning rates are too small for the networks to get anywhere, or the players block each other.",
                values={"steps": int(steps[-1] - steps[start])},
                remedies=("much_faster", "constant_rate") if _is_slow(case) else ("r1", "slower", "constant_rate"),
                evidence=(name,),
            )  # fmt: skip
    return None


def _is_slow(case: Case) -> bool:
    rates = [value for name in ("generator_rate", "rate") if (value := case.subject.settings.get(name)) is not None]
    return bool(rates) and min(rates) < SLOW


register(
    Rule(
        name="stagnation",
        title="Stagnation",
        measures=f"the recorded distance of the samples from the data, in the last {LOOKS} looks and {LEAST} steps",
        threshold=f"poor samples, and the second half of these looks less than {percent(GAIN)} closer than the first",
        source="own",
        check=check,
        level="watch",
        remedies=("much_faster", "r1", "slower", "constant_rate"),
        judges=EVERY,
    )
)
