"""A discriminator that separates real from generated almost without error while the samples are poor.

Confidence alone is no fault: BigGAN's discriminator is right on 98 % of its training images while the samples are good
(1809.11096, section 4.2). A Wasserstein critic is meant to separate the two, so the rule isn't applied there.
"""

from __future__ import annotations

from gan_core.doctor import samples
from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

SURE = 0.97  # accuracy above which the discriminator is hardly ever wrong
SEPARATED = 0.985  # of pairs, for a relativistic score, which has no accuracy
LOST = 0.05  # D(G(z)) below which the generator fools nobody


def check(case: Case) -> Finding | None:
    accuracy = case.mean("accuracy")
    relative = accuracy is None
    share = case.mean("separated") if relative else accuracy
    if share is None or share < (SEPARATED if relative else SURE):
        return None
    if case.subject.judge == "probability" and (case.mean("score/fake_before") or 0.0) > LOST:
        return None
    if samples.poor(case) is False:
        return None
    return Finding(
        "discriminator_too_strong", "bad",
        "The discriminator is too strong: it is right {share:.0%} of the time.",
        "It separates real from fake with near certainty, so its output hardly depends on the samples and the "
        "generator gets little signal to learn from.",
        values={"share": share},
        remedies=("steady", "r1", "slower_discriminator", "label_smoothing", "more_generator_steps"),
        evidence=("separated" if relative else "accuracy",), limit=SEPARATED if relative else SURE,
    )  # fmt: skip


register(
    Rule(
        name="discriminator_too_strong",
        title="Discriminator too strong",
        measures="its accuracy (relativistic: pairs in the right order) over the last 200 steps, and the samples",
        threshold=f"{percent(SURE)} ({percent(SEPARATED, 1)} of pairs), D(G(z)) below {LOST:g}, samples not known "
        "to be good",
        source="2006.06676, 1809.11096; soumith/ganhacks, 10",
        check=check,
        level="bad",
        remedies=("steady", "r1", "slower_discriminator", "label_smoothing", "more_generator_steps"),
        judges=CLASSIC,
    )
)
