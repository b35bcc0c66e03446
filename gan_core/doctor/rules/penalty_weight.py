"""A penalty whose weight doesn't fit the size of the images or the loss.

R1 and R2 with too large a weight flatten the discriminator, so that it can't distinguish poor samples from real ones.
StyleGAN2-ADA takes 0.0002 r^2 / B for images of r pixels and batches of B (2006.06676): four times as much when the
side doubles. A gradient penalty with too small a weight leaves the critic's slope far from 1 (1704.00028).
"""

from __future__ import annotations

import math

from gan_core.doctor import samples
from gan_core.doctor.case import OPPOSED, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

FLAT = 0.12  # difference of the mean scores below which a penalised discriminator is uninformative
STEEP = 1.5  # root mean square deviation of a critic's slope from 1
FLATTENING = ("r1", "r2")


def check(case: Case) -> Finding | None:
    kind = case.subject.settings.get("penalty", "none")
    if kind in FLATTENING:
        return _too_large(case, kind)
    if kind == "gradient_penalty" and case.subject.judge == "critic":
        return _too_small(case)
    return None


def _too_large(case: Case, kind: str) -> Finding | None:
    real, fake = case.mean("score/real"), case.mean("score/fake_before")
    if real is None or fake is None or real - fake > FLAT or samples.poor(case) is not True:
        return None
    weight = float(case.subject.settings["penalty_weight"])
    if weight <= usual_weight(case):
        return None
    return Finding(
        "penalty_weight", "bad",
        "The penalty's weight of {weight:g} is too large: the mean scores of real and generated items differ by only "
        "{gap:.2f}.",
        "The penalty punishes every slope of the discriminator, so that it cannot tell poor samples from real ones.",
        values={"weight": weight, "gap": real - fake},
        remedies=("much_smaller_penalty", "smaller_penalty"),
        evidence=("score/real", "score/fake_before"),
    )  # fmt: skip


def usual_weight(case: Case) -> float:
    """The weight above which R1 may be too large: a multiple of 0.0002 r^2 / B, see the module's docstring."""
    size, batch = max(case.subject.size, 8), int(case.subject.settings.get("batch_size", 64))
    return max(1.0, 100 * 0.0002 * size**2 / batch)


def _too_small(case: Case) -> Finding | None:
    name = "penalty/loss" if "penalty/loss" in case.recent.columns else "discriminator/penalty"
    term, weight = case.median(name), float(case.subject.settings.get("penalty_weight", 0.0))
    if term is None or not weight:
        return None
    slope = math.sqrt(max(0.0, term / weight))
    if slope < STEEP:
        return None
    return Finding(
        "penalty_weight", "watch",
        "The penalty's weight of {weight:g} is too small: the critic's slope is {slope:.1f} away from 1.",
        "The estimated distance is only meaningful where the critic's slope is about 1; a steeper one makes gradients "
        "and scores grow.",
        values={"weight": weight, "slope": slope},
        remedies=("much_larger_penalty", "larger_penalty"),
        evidence=(name,),
    )  # fmt: skip


register(
    Rule(
        name="penalty_weight",
        title="Penalty weight",
        measures="R1, R2: the difference of the mean scores; gradient penalty: the critic's slope, from its loss term",
        threshold=f"below {FLAT:g} with poor samples and a weight above 1 and 0.02 r^2 / B; {STEEP:g} away from 1",
        source="2006.06676, 1704.00028; R3GAN#17",
        check=check,
        level="bad",
        remedies=("much_smaller_penalty", "smaller_penalty", "much_larger_penalty", "larger_penalty"),
        judges=OPPOSED,
    )
)
