"""Partial collapse of images: classes that hardly any sample resembles (NDB, 1805.12462, with classes as bins)."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

MISSING = 0.3  # share of the classes
LOOKS = 5


def check(case: Case) -> Finding | None:
    share = case.lately("classes/missing", LOOKS)
    if share is None or not case.is_settled or share < MISSING:
        return None
    return Finding(
        "classes_missing", "watch",
        "Partial collapse: {share:.0%} of the classes have hardly any samples.",
        "Samples are assigned to the class whose real images they are closest to. The generator has left out whole "
        "kinds of images.",
        values={"share": share},
        remedies=("steady", "r1", "minibatch_deviation", "instance_noise"),
        evidence=("classes/missing",), limit=MISSING,
    )  # fmt: skip


register(
    Rule(
        name="classes_missing",
        title="Classes missing",
        measures="the share of classes with less than a quarter of their share of the samples",
        threshold=f"{percent(MISSING)} in the median of {LOOKS} looks",
        source="1805.12462",
        check=check,
        level="watch",
        remedies=("steady", "r1", "minibatch_deviation", "instance_noise"),
        judges=EVERY,
    )
)
