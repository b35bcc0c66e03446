"""A generator whose gradient has vanished, because the discriminator is certain (1701.04862, theorem 2.4)."""

from __future__ import annotations

import numpy as np

from gan_core.doctor import samples
from gan_core.doctor.case import OPPOSED, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

VANISHING = 1e-4  # gradient norm
SHRUNK = 1e-3  # of its median in the first steps
CERTAIN = 0.99  # of pairs in the right order
FIRST = 300  # steps in which the usual norm is measured


def check(case: Case) -> Finding | None:
    norm = case.norms.get("generator")
    if norm is None:
        return None
    steps, values = case.history("gradient_norm/generator")
    early = values[steps <= FIRST]
    usual = float(np.median(early)) if len(early) else 0.0
    poor = samples.poor(case)
    # Adam compensates for small gradients, so a small norm alone is no fault
    lost = poor or (case.mean("separated") or 0.0) >= CERTAIN
    limit = max(VANISHING if lost else 0.0, SHRUNK * usual)
    if norm > limit or poor is False:
        return None
    saturating = case.subject.settings.get("loss") == "minimax"
    remedies = ("wasserstein", "slower_discriminator")
    return Finding(
        "vanishing_gradients", "bad",
        "The generator's gradient has vanished: its norm is about {norm:.0e}.",
        "With the saturating loss this happens as soon as the discriminator is confident."
        if saturating else "The discriminator's output is nearly constant around the samples.",
        values={"norm": norm},
        remedies=remedies if case.subject.judge == "critic" else ("non_saturating", *remedies),
        evidence=("gradient_norm/generator",), limit=limit,
    )  # fmt: skip


register(
    Rule(
        name="vanishing_gradients",
        title="Vanishing gradients",
        measures="the median gradient norm of the generator over the last 200 steps",
        threshold=f"{SHRUNK:g} of the median at first; {VANISHING:g} with poor samples, or {percent(CERTAIN)} of pairs",
        source="1701.04862",
        check=check,
        level="bad",
        remedies=("non_saturating", "wasserstein", "slower_discriminator"),
        judges=OPPOSED,
    )
)
