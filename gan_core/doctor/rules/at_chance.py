"""A discriminator at chance while the samples are poor: the generator no longer learns from it.

At chance with good samples is the equilibrium (D = 1/2, 1406.2661, theorem 1): sums of 2 ln 2 for the standard loss,
ln 2 for a relativistic one (2 ln 2 for the average one), 2 for hinge, 1/4 for least squares. With poor samples the
discriminator has failed.
"""

from __future__ import annotations

import math

from gan_core.doctor import samples
from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

EQUAL = 0.01  # difference of the mean probabilities D(x) and D(G(z))
SAME = 1e-6  # the same, if the output doesn't depend on the input at all
CHANCE = 0.56  # share of pairs in the right order, up to which the discriminator only guesses


def check(case: Case) -> Finding | None:
    if is_constant(case):
        return Finding(
            "at_chance", "bad",
            "The discriminator gives everything the same score, {score:.2f}.",
            "Its output does not depend on its input: a layer is dead, or the network's code ignores the input. No "
            "setting revives it, and the generator gets no gradient.",
            "Start again with leaky ReLU and a lower learning rate for the discriminator. If you wrote the network, "
            "check that its output changes with its input.",
            values={"score": case.mean("score/real")},
            evidence=("score/real", "score/fake_before"),
        )  # fmt: skip
    share = case.mean("separated")
    if share is None or not _only_guesses(case, share) or samples.poor(case) is not True:
        return None
    return Finding(
        "at_chance", "bad",
        "The discriminator only guesses although the samples are poor: it ranks {share:.0%} of the pairs correctly.",
        "At chance with good samples is the goal of training; with poor ones the discriminator no longer learns, and "
        "the generator has no teacher.",
        values={"share": share},
        remedies=(*_first(case), "faster_discriminator", "more_discriminator_steps"),
        evidence=("separated",), limit=CHANCE,
    )  # fmt: skip


def _only_guesses(case: Case, share: float) -> bool:
    same = case.subject.judge == "probability" and _gap(case) < EQUAL
    return same or 1 - CHANCE <= share <= CHANCE


def _gap(case: Case) -> float:
    """How much the mean scores of real and generated items differ."""
    real, fake = case.mean("score/real"), case.mean("score/fake_before")
    return math.inf if real is None or fake is None else abs(real - fake)


def is_constant(case: Case) -> bool:
    """Whether all items get the same score: then no pair is in the right order, since equal scores don't count."""
    return _gap(case) < SAME and case.mean("separated") == 0


def _first(case: Case) -> tuple[str, ...]:
    """Remedies that undo a weakening of the discriminator come first."""
    settings = case.subject.settings
    found = ("no_label_flipping",) if settings.get("label_flipping") else ()
    return found + (("less_noise",) if settings.get("instance_noise") else ())


register(
    Rule(
        name="at_chance",
        title="At chance with poor samples",
        measures="the share of pairs in the right order, D(x) - D(G(z)), and the samples",
        threshold=f"{percent(1 - CHANCE)} to {percent(CHANCE)} of pairs, or a difference below {EQUAL:g}, with poor "
        "samples; or one score for everything",
        source="1406.2661, theorem 1",
        check=check,
        level="bad",
        remedies=("no_label_flipping", "less_noise", "faster_discriminator", "more_discriminator_steps"),
        judges=CLASSIC,
    )
)
