"""Applies the rules: findings on the present state of a run, and when each was first raised."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gan_core.doctor import rules as _rules  # noqa: F401  registers them
from gan_core.doctor import state
from gan_core.doctor.case import CLASSIFIER, EARLY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import rules

AGAIN = 2  # consecutive findings that a rule needs in a replay
REPLAYED = 40  # steps of a run that are replayed
BROKEN = ("not_finite", "no_rate")  # findings that make all others meaningless


def diagnose(case: Case) -> list[Finding]:
    """Findings on the last steps of a run, the most severe first; never empty."""
    early = not len(case.recent) or case.step < EARLY
    classifier = CLASSIFIER in case.recent.columns
    judge = "alone" if classifier else case.subject.judge
    asked = (rule for rule in rules if judge in rule.judges and (rule.from_start or not early))
    found = []
    for rule in asked:
        finding = rule.check(case)
        if finding is not None:
            if finding.kind in BROKEN:
                return [finding]
            found.append(finding)
    if found:
        return sorted(found, key=lambda finding: finding.level != "bad")
    if early:
        return [state.TOO_EARLY_ALONE if judge == "alone" else state.TOO_EARLY]
    return [state.alone(case) if classifier else state.of_samples(case)]


def alarms(case: Case, places: Iterable[int] | None = None) -> dict[str, int]:
    """The step at which each kind of finding was first raised, in order of time.

    The run is replayed at `places`, by default at REPLAYED steps; a rule must find something AGAIN times in a row, so
    that a single outlier raises nothing. Present BROKEN findings are always reported.
    """
    steps = case.whole.steps
    if places is None:
        last = max(0, len(steps) - 1)
        places = steps[np.unique(np.linspace(0, last, REPLAYED).round().astype(int))].tolist() if len(steps) else []
    raised: dict[str, int] = {}
    lasting: dict[str, list[int]] = {}
    for step in places:
        kinds = {finding.kind for finding in diagnose(case.until(step)) if finding.is_alarm}
        lasting = {kind: [*lasting.get(kind, []), step] for kind in kinds}
        for kind, since in lasting.items():
            if len(since) >= AGAIN or kind in BROKEN:
                raised.setdefault(kind, since[0])
    return raised
