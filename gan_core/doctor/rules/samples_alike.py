"""Collapse of images: samples lie closer together than real images, or have twins.

`variety` is the lower of two ratios to real images: of the root mean square distance of pairs, and of the distance to
the nearest other. A generator of a few sharp images has a normal first ratio and a low second one. If s samples have a
duplicate half of the time, the support is about s^2 (1706.08224).
"""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

ALIKE = 0.35  # of the distance of real images
TWINS = 0.3  # share of the samples
LOOKS = 3


def check(case: Case) -> Finding | None:
    share, twins = case.lately("variety", LOOKS), case.lately("samples/twins", LOOKS)
    if share is None:
        share = case.latest("variety")
    if share is None or not case.is_settled or (share >= ALIKE and (twins or 0.0) < TWINS):
        return None
    return Finding(
        "samples_alike", "watch",
        "The samples look alike: their variety is {share:.0%} of that of real images.",
        "This is normal early in training. Later it means mode collapse: the generator produces only a few "
        "distinct images.",
        values={"share": share},
        remedies=("steady", "r1", "minibatch_deviation", "instance_noise"),
        evidence=("variety", "samples/twins"), limit=ALIKE,
    )  # fmt: skip


register(
    Rule(
        name="samples_alike",
        title="Samples alike",
        measures="the distance of samples from each other, as a share of that of real images; the share with a twin",
        threshold=f"below {percent(ALIKE)}, or {percent(TWINS)} twins, in the median of {LOOKS} looks",
        source="1610.09585, 1706.08224",
        check=check,
        level="watch",
        remedies=("steady", "r1", "minibatch_deviation", "instance_noise"),
        judges=EVERY,
    )
)
