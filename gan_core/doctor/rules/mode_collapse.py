"""Mode collapse of points whose modes are known: modes without samples.

A mode is covered by 20 samples within three standard deviations, and reached if it is nearest to a fifth of its fair
share of the samples. A cloud that isn't sharp yet has lost the modes that it doesn't reach.
"""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.doctor.samples import CLOSE

LOST_MODES = 0.25  # share of the modes without samples above which it is a collapse
HELD = 0.6  # share of the modes that a generator must have covered, before it can be losing them
LOSING = 0.2  # share of the modes that were held and are lost again


def missing(case: Case) -> tuple[int, int, float] | None:
    """Modes without samples, those covered, and the share of samples close to one; None where it isn't known."""
    modes, covered = case.subject.modes, case.latest("modes/covered")
    if not modes or covered is None:
        return None
    reached, near = case.latest("modes/reached") or 0.0, case.latest("modes/near") or 0.0
    return modes - round(covered if near >= CLOSE else max(covered, reached)), round(covered), near


def check(case: Case) -> Finding | None:
    found = missing(case)
    if found is None:
        return None
    lost, covered, near = found
    held = case.history("modes/covered")[1]
    best = held.max()
    losing = best >= HELD * case.subject.modes and best - held[-1] >= max(2, LOSING * case.subject.modes)
    if not losing and (not case.is_settled or lost <= LOST_MODES * case.subject.modes):
        return None
    return Finding(
        "mode_collapse", "bad",
        "Mode collapse: {covered} of {modes} modes covered.",
        "The generator produces only what fools the discriminator, and nothing pushes it towards the other "
        "modes. The losses can still look balanced.",
        values={"covered": covered, "modes": case.subject.modes, "near": near, "missing": lost},
        remedies=("instance_noise", "mild_gradient_penalty"),
        evidence=("modes/covered",), limit=case.subject.modes * (1 - LOST_MODES),
    )  # fmt: skip


register(
    Rule(
        name="mode_collapse",
        title="Mode collapse",
        measures="how many modes have samples, now and at best",
        threshold=f"more than {LOST_MODES:.0%} without samples; or {LOSING:.0%} fewer than at best, from {HELD:.0%} on",
        source="1611.02163, 1705.07761",
        check=check,
        level="bad",
        remedies=("instance_noise", "mild_gradient_penalty"),
        judges=EVERY,
    )
)
