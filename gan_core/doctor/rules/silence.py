"""Silence: generated sounds have almost no energy.

`loudness` is the root mean square of generated sounds relative to that of real ones.
"""

from __future__ import annotations

from gan_core.doctor.case import OPPOSED, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

QUIET = 0.05  # of the loudness of real sounds


def check(case: Case) -> Finding | None:
    share = case.median("loudness")
    if share is None or share >= QUIET:
        return None
    return Finding(
        "silence", "bad",
        "The generator makes next to no sound: its samples have {share:.1%} of the loudness of real ones.",
        "The generator stopped moving at silence, where the discriminator gives it no direction.",
        "Restart with another seed, or halve the discriminator's learning rate.",
        values={"share": share}, remedies=("instance_noise",), evidence=("loudness",), limit=QUIET,
    )  # fmt: skip


register(
    Rule(
        name="silence",
        title="Silence",
        measures="the root mean square of generated sounds, as a share of that of real ones",
        threshold=f"below {percent(QUIET)} in the median of the last 200 steps",
        source="wavegan-pytorch#3",
        check=check,
        level="bad",
        remedies=("instance_noise",),
        judges=OPPOSED,
    )
)
