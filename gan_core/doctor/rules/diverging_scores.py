"""An unconstrained critic, whose scores diverge.

Without a gradient penalty, weight clipping or spectral normalisation a Wasserstein critic can raise its estimate
without limit by growing its weights (1701.07875, section 3): scores reach hundreds, and the generator collapses.
"""

from __future__ import annotations

from gan_core.doctor.case import Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

LARGE = 50.0  # absolute value of a mean score
NAMES = ("score/real", "score/fake_before")


def check(case: Case) -> Finding | None:
    sizes = [abs(value) for name in NAMES if (value := case.median(name)) is not None]
    if not sizes or max(sizes) < LARGE:
        return None
    settings = case.subject.settings
    bounded = settings.get("penalty", "none") != "none" or settings.get("weight_clip")
    return Finding(
        "diverging_scores", "bad",
        "The critic's scores diverge: their mean size is {size:,.0f}.",
        "Nothing bounds the critic's slope strongly enough, so that it raises its estimate by growing its weights.",
        values={"size": max(sizes)},
        remedies=("much_larger_penalty", "slower") if bounded else ("gradient_penalty", "weight_clipping"),
        evidence=NAMES, limit=LARGE,
    )  # fmt: skip


register(
    Rule(
        name="diverging_scores",
        title="Diverging scores",
        measures="the critic's mean scores over the last 200 steps",
        threshold=f"a size of {LARGE:g}",
        source="1701.07875, 1704.00028",
        check=check,
        level="bad",
        remedies=("gradient_penalty", "weight_clipping", "much_larger_penalty", "slower"),
        judges=("critic",),
    )
)
