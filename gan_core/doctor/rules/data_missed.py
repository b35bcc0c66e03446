"""Collapse of points without known modes: parts of the data have no sample nearby (coverage, 2002.09797)."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

MISSED = 0.5  # the share of points with a sample nearby, below which whole parts of the data are missing


def check(case: Case) -> Finding | None:
    share = case.latest("data_reached")
    if share is None or not case.is_settled or share >= MISSED:
        return None
    return Finding(
        "data_missed", "watch",
        "The samples cover only {share:.0%} of the data.",
        "This is normal early in training. Later it means mode collapse: whole regions of the data are never "
        "generated.",
        values={"share": share},
        remedies=("instance_noise", "mild_gradient_penalty"),
        evidence=("data_reached",), limit=MISSED,
    )  # fmt: skip


register(
    Rule(
        name="data_missed",
        title="Data missed",
        measures="the share of real points with a sample nearby",
        threshold=f"below {percent(MISSED)}",
        source="2002.09797",
        check=check,
        level="watch",
        remedies=("instance_noise", "mild_gradient_penalty"),
        judges=EVERY,
    )
)
