"""Partial collapse of points whose modes are known: a few modes have no samples."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.doctor.rules import mode_collapse
from gan_core.doctor.rules.mode_collapse import LOST_MODES, REMEDIES, missing, remedies_of
from gan_core.errors import percent


def check(case: Case) -> Finding | None:
    found = missing(case) if case.is_settled else None
    if found is None or not 0 < found[0] <= LOST_MODES * case.subject.modes:
        return None
    if mode_collapse.check(case):  # more specific
        return None
    lost, covered, near = found
    return Finding(
        "modes_missing", "watch",
        "{covered} of {modes} modes covered; {missing} have no samples.",
        "The generator covers most of the data without them. A dropped mode rarely returns once the samples are "
        "sharp.",
        values={"covered": covered, "modes": case.subject.modes, "near": near, "missing": lost},
        remedies=remedies_of(case),
        evidence=("modes/covered",), limit=float(case.subject.modes),
    )  # fmt: skip


register(
    Rule(
        name="modes_missing",
        title="Partial collapse",
        measures="how many modes have samples",
        threshold=f"at least one without, at most {percent(LOST_MODES)}",
        source="1611.02163, 1705.07761",
        check=check,
        level="watch",
        remedies=REMEDIES,
        judges=EVERY,
    )
)
