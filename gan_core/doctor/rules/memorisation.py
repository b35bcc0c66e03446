"""Memorisation: samples lie closer to training images than training images lie to each other.

This is evidence, not a verdict: measures of copying "do not properly detect memorization" (2306.04675), and the
neighbours of samples have to be inspected. Only measured if all training images fit into memory.
"""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

COPIED = 0.5  # of the distance of training images to their nearest neighbours
LOOKS = 3


def check(case: Case) -> Finding | None:
    share = case.lately("samples/novelty", LOOKS)
    if share is None or not case.is_settled or share >= COPIED:
        return None
    return Finding(
        "memorisation", "watch",
        "The samples may be copies: they lie at {share:.0%} of the distance that training images have from each other.",
        "With few training images the discriminator memorises them, and the generator is rewarded for copies.",
        "Compare samples with their nearest training images, and add training images if you can.",
        values={"share": share},
        remedies=("diffaugment", "larger_penalty"),
        evidence=("samples/novelty",), limit=COPIED,
    )  # fmt: skip


register(
    Rule(
        name="memorisation",
        title="Memorisation",
        measures="the distance of samples to the nearest training image, as a share of that of training images",
        threshold=f"below {percent(COPIED)} in the median of {LOOKS} looks",
        source="2004.05675, 2306.04675",
        check=check,
        level="watch",
        remedies=("diffaugment", "larger_penalty"),
        judges=EVERY,
    )
)
