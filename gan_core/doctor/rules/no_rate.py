"""Learning rates of 0: the schedule has ended and the weights no longer change."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case, finite
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

RATELESS = 20  # rows with a rate of 0 above which this isn't just the end of a schedule
NOTHING = 1e-12  # a rate too small to change any weight


def check(case: Case) -> Finding | None:
    names = [name for name in case.recent.columns if name.startswith("rate/")]
    rates = [finite(case.recent, name)[-RATELESS:] for name in names]
    if not rates or any(len(values) < RATELESS or values.max() > NOTHING for values in rates):
        return None
    return Finding(
        "no_rate", "bad",
        "The learning rate is 0: the weights no longer change.",
        "The learning-rate schedule has ended.",
        remedies=("constant_rate", "longer_schedule"),
        evidence=tuple(names),
    )  # fmt: skip


register(
    Rule(
        name="no_rate",
        title="Learning rate of 0",
        measures="the learning rates of all optimisers",
        threshold=f"below {NOTHING:g} in the last {RATELESS} recorded steps",
        source="own",
        check=check,
        level="bad",
        remedies=("constant_rate", "longer_schedule"),
        judges=EVERY,
        from_start=True,
    )
)
