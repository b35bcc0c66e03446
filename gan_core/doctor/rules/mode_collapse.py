"""Mode collapse of points whose modes are known: modes without samples.

A mode is covered by 20 samples within three standard deviations, and reached if it is nearest to a fifth of its fair
share of the samples. Samples that form a diffuse cloud have lost the modes that they don't reach.
"""

from __future__ import annotations

import numpy as np

from gan_core.doctor.case import EVERY, Array, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.doctor.samples import CLOSE
from gan_core.errors import percent

LOST_MODES = 0.25  # share of the modes without samples that counts as a collapse
LOOKS = 3
SHARP = 0.6  # share of the modes that must have been covered once before modes count as lost
LOSING = 0.25  # share of once covered modes that were lost again
MOMENTUM = 0.5  # beta 1 above which noise alone doesn't cure
REMEDIES = ("no_momentum", "instance_noise", "mild_gradient_penalty")


def missing(case: Case) -> tuple[int, int, float] | None:
    """Modes without samples, those covered, and the share of samples close to one; None if unknown."""
    modes, (_, covered) = case.subject.modes, case.history("modes/covered")
    if not modes or not len(covered):
        return None
    return modes - round(held(case)[-1]), round(covered[-1]), case.latest("modes/near") or 0.0


def held(case: Case) -> Array:
    """The number of modes with samples at each examination, (K,): covered ones, or reached ones for a cloud."""
    covered, reached, near = (case.history(f"modes/{name}")[1] for name in ("covered", "reached", "near"))
    if not len(covered) == len(reached) == len(near):
        return covered
    found: Array = np.where(near >= CLOSE, covered, np.maximum(covered, reached))
    return found


def kept(covers: Array) -> float:
    """The most modes covered in LOOKS consecutive examinations: an early cloud touches modes by chance."""
    if len(covers) < LOOKS:
        return 0.0
    return float(np.lib.stride_tricks.sliding_window_view(covers, LOOKS).min(1).max())


def remedies_of(case: Case) -> tuple[str, ...]:
    """No momentum comes first where it is large, and else isn't named."""
    return REMEDIES if case.subject.settings.get("beta1", 0.0) > MOMENTUM else REMEDIES[1:]


def check(case: Case) -> Finding | None:
    found = missing(case)
    if found is None:
        return None
    lost, covered, near = found
    covers = case.history("modes/covered")[1]
    best = kept(covers)
    losing = best >= SHARP * case.subject.modes and best - covers[-1] >= LOSING * case.subject.modes
    if not losing and (not case.is_settled or lost <= LOST_MODES * case.subject.modes):
        return None
    return Finding(
        "mode_collapse", "bad",
        "Mode collapse: {covered} of {modes} modes covered.",
        "The generator produces only what fools the discriminator, and nothing pushes it towards the other "
        "modes. The losses can still look balanced.",
        values={"covered": covered, "modes": case.subject.modes, "near": near, "missing": lost},
        remedies=remedies_of(case),
        evidence=("modes/covered",), limit=case.subject.modes * (1 - LOST_MODES),
    )  # fmt: skip


register(
    Rule(
        name="mode_collapse",
        title="Mode collapse",
        measures="how many modes have samples, now and at best",
        threshold=f"over {percent(LOST_MODES)} without samples; or {percent(LOSING)} fewer than at best, from "
        f"{percent(SHARP)} on",
        source="1611.02163, 1705.07761",
        check=check,
        level="bad",
        remedies=REMEDIES,
        judges=EVERY,
    )
)
