"""Oscillation: the players chase each other instead of converging (1801.04406: imaginary eigenvalues without R1).

The generator's loss is averaged over ten steps and freed of its trend; what is left is compared with its mean size.
"""

from __future__ import annotations

import numpy as np

from gan_core.doctor.case import CLASSIC, WINDOW, Array, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

SWING = 0.6  # standard deviation of the smoothed loss, as a share of its mean size
SMALL = 0.05  # mean size of a loss below which swings are noise
BLOCK = 10  # steps
NAME = "generator/loss"


def check(case: Case) -> Finding | None:
    blocks = _blocks(case)
    if len(blocks) < WINDOW // (2 * BLOCK):
        return None
    size = float(np.abs(blocks).mean())
    # a slow drift is no swing: look at the way there and back
    swing = float((blocks - np.linspace(blocks[0], blocks[-1], len(blocks))).std())
    if size < SMALL or swing / size < SWING:
        return None
    return Finding(
        "oscillation", "watch",
        "Oscillation: the generator's loss swings by {share:.0%} of its mean size.",
        "Each network overcorrects for the other's last updates instead of converging.",
        values={"share": swing / size},
        remedies=("no_momentum", "slower", "r1", "longer_average"),
        evidence=(NAME,),
    )  # fmt: skip


def _blocks(case: Case) -> Array:
    """Means of the loss over BLOCK steps each, (K,)."""
    column = case.window.columns.get(NAME)
    if column is None:
        return np.empty(0)
    measured = np.isfinite(column)
    places, values = (case.window.steps[measured] - 1) // BLOCK, column[measured].astype(float)
    _, inverse, counts = np.unique(places, return_inverse=True, return_counts=True)
    sums: Array = np.bincount(inverse, values) / counts
    return sums


register(
    Rule(
        name="oscillation",
        title="Oscillation",
        measures="the generator's loss over the last 200 steps, in means of ten, without its trend",
        threshold=f"a standard deviation of {SWING:.0%} of its mean size",
        source="1801.04406, 2405.18673",
        check=check,
        level="watch",
        remedies=("no_momentum", "slower", "r1", "longer_average"),
        judges=CLASSIC,
    )
)
