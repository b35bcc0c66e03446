"""A conditional GAN that ignores its label: samples don't resemble the requested class."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

OBEYED = 0.4  # share of samples, relative to the share of real images
LOOKS = 5


def check(case: Case) -> Finding | None:
    share, floor = case.lately("labels/obeyed", LOOKS), case.latest("labels/obeyed_real")
    if share is None or not floor or not case.is_settled or share >= OBEYED * floor:
        return None
    return Finding(
        "label_ignored", "bad",
        "The label is ignored: {share:.0%} of the samples look like their class, {real:.0%} of real images do.",
        "Either the discriminator doesn't use the label, or the labels don't fit the images, so that nothing rewards "
        "the generator for obeying.",
        "Check the labels. A discriminator with a projection or an auxiliary classifier (BigGAN, AC-GAN) uses them "
        "more.",
        values={"share": share, "real": floor},
        evidence=("labels/obeyed", "labels/obeyed_real"), limit=OBEYED * floor,
    )  # fmt: skip


register(
    Rule(
        name="label_ignored",
        title="Label ignored",
        measures="the share of samples closest to their class's real images, and the same of real images",
        threshold=f"below {percent(OBEYED)} of real images' share, in the median of {LOOKS} looks",
        source="PyTorch-GAN#41; 1610.09585",
        check=check,
        level="bad",
        remedies=(),
        judges=EVERY,
    )
)
