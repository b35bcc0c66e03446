"""Losses that grow so fast that they will overflow to NaN.

A loss that is unbounded below (an unconstrained Wasserstein critic) or updates that overshoot grow exponentially. The
rule fits a line to the logarithm of the magnitude of each loss and gradient norm, and extrapolates to the largest
float32, 3.4e38.
"""

from __future__ import annotations

import numpy as np

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

LARGE = 1e3  # magnitude below which growth is no concern
GROWN = 10.0  # factor over the magnitude in the window's first quarter
LEAST = 8  # values
OVERFLOW = 38.5  # decades
AHEAD = 5_000  # steps


def check(case: Case) -> Finding | None:
    names = [name for name in case.recent.columns if name.endswith("/loss") or name.startswith("gradient_norm/")]
    found = [(steps, name) for name in names if (steps := _steps_left(case, name)) is not None]
    if not found:
        return None
    steps, name = min(found)
    return Finding(
        "nan_ahead", "bad",
        "NaN ahead: {term} grows exponentially and will overflow in about {steps:,} steps.",
        "The loss is unbounded below, or updates overshoot and each one is larger than the last.",
        values={"term": name, "steps": int(steps)},
        remedies=("back_and_slower", "gradient_penalty", "weight_clipping", "gradient_clipping"),
        evidence=(name,),
        limit=LARGE,
    )  # fmt: skip


def _steps_left(case: Case, name: str) -> float | None:
    """Steps until the value overflows at its present rate; None if it doesn't grow that fast."""
    column = case.window.columns[name]
    measured = np.isfinite(column) & (column != 0)
    steps, sizes = case.window.steps[measured], np.log10(np.abs(column[measured].astype(float)))
    if len(sizes) < LEAST:
        return None
    quarter = max(2, len(sizes) // 4)
    if sizes[-quarter:].max() < np.log10(LARGE):  # nearly always, and a median takes ten times as long
        return None
    before, now = np.median(sizes[:quarter]), np.median(sizes[-quarter:])
    if now < np.log10(LARGE) or now - before < np.log10(GROWN):
        return None
    slope = np.polyfit(steps - steps[0], sizes, 1)[0]  # decades per step
    left = (OVERFLOW - now) / max(slope, 1e-9)
    return round(left, -1) if left < AHEAD else None


register(
    Rule(
        name="nan_ahead",
        title="NaN ahead",
        measures="the size of each loss and gradient norm in the last 200 steps",
        threshold=f"above {LARGE:,.0f}, grown tenfold in the window, and an overflow within {AHEAD:,} steps",
        source="own",
        check=check,
        level="bad",
        remedies=("back_and_slower", "gradient_penalty", "weight_clipping", "gradient_clipping"),
        judges=EVERY,
    )
)
