"""Oscillation: the players chase each other instead of converging (1801.04406: imaginary eigenvalues without R1).

Losses have no common scale, so the rule reads the share of pairs of a batch that the discriminator ranks correctly. It
oscillates between "fooled" and "certain" when the generator moves from mode to mode, or when momentum makes both
overshoot; clipped Wasserstein GANs are periodic even in a toy (2405.18673). Oscillations are counted with a dead band
around the median, so that noise and slow drift don't count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gan_core.doctor.case import OPPOSED, Array, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

SPAN = 1_000  # steps that are examined
DEAD = 0.12  # half the width of the dead band around the median
TURNS = 4  # changes from one side to the other
SMOOTH = 20  # steps
LEAST = 300  # steps that are required
NAMES = ("separated", "accuracy")


def check(case: Case) -> Finding | None:
    for name in NAMES:
        steps, values = case.history(name)
        if len(values):
            break
    else:
        return None
    since = max(case.subject.edited, case.step - SPAN)
    steps, values = steps[steps > since], values[steps > since]
    if not len(values) or steps[-1] - steps[0] < LEAST or turns(_smoothed(steps, values)) < TURNS:
        return None
    return Finding(
        "oscillation", "watch",
        "Oscillation: the discriminator swings between being fooled and being certain, from {low:.0%} to {high:.0%} of "
        "the pairs in the right order.",
        "Each network overcorrects for the other's last updates instead of converging.",
        values={"low": float(np.percentile(values, 5)), "high": float(np.percentile(values, 95))},
        remedies=(*_first(case), "no_momentum", "slower", "longer_average"),
        evidence=(name,),
    )  # fmt: skip


def _first(case: Case) -> tuple[str, ...]:
    """A penalty without momentum; which penalty depends on the loss."""
    return ("steady_critic",) if case.subject.judge == "critic" else ("steady", "r1")


def turns(values: Array) -> int:
    """How often values (K,) change from below the dead band around their median to above it, or back."""
    middle = float(np.median(values))
    sides = np.sign(values - middle) * (np.abs(values - middle) > DEAD)
    sides = sides[sides != 0]
    return int((np.diff(sides) != 0).sum())


def _smoothed(steps: NDArray[np.int64], values: Array) -> Array:
    """Means over SMOOTH steps, (K,)."""
    _, blocks, counts = np.unique(steps // SMOOTH, return_inverse=True, return_counts=True)
    found: Array = np.bincount(blocks, values) / counts
    return found


register(
    Rule(
        name="oscillation",
        title="Oscillation",
        measures=f"the share of pairs in the right order over the last {SPAN:,} steps, in means of {SMOOTH}",
        threshold=f"{TURNS} changes between {DEAD:g} below and {DEAD:g} above the median",
        source="1801.04406, 2405.18673",
        check=check,
        level="watch",
        remedies=("steady_critic", "steady", "r1", "no_momentum", "slower", "longer_average"),
        judges=OPPOSED,
    )
)
