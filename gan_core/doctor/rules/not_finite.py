"""A loss or a gradient that is NaN or infinite: weights are unusable from that step on."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register


def check(case: Case) -> Finding | None:
    """Missing values are ignored: a network that was not updated in a step has none."""
    faulty = [name for name in case.recent.columns if "/" in name and case.recent.faults(name).any()]
    if not faulty:
        return None
    # the player's total loss is more informative than one of its terms
    name = next((name for name in faulty if name.endswith("/loss")), faulty[0])
    return Finding(
        "not_finite", "bad",
        "{term} is NaN or infinite.",
        "An update was too large, or the loss is unbounded below. All weights from this step on are unusable.",
        values={"term": name},
        remedies=("back_and_slower", "back_and_r1"),
        evidence=(name,),
    )  # fmt: skip


register(
    Rule(
        name="not_finite",
        title="NaN or infinity",
        measures="every loss term and gradient norm of the last steps",
        threshold="one value",
        source="soumith/ganhacks",
        check=check,
        level="bad",
        remedies=("back_and_slower", "back_and_r1"),
        judges=EVERY,
        from_start=True,
    )
)
