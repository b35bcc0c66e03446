"""A discriminator that is wrong more often than a coin: it misleads the generator."""

from __future__ import annotations

from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

FOOLED = 0.4  # accuracy, or share of pairs in the right order


def check(case: Case) -> Finding | None:
    accuracy = case.mean("accuracy")
    name = "separated" if accuracy is None else "accuracy"
    share = case.mean(name)
    if share is None or share > FOOLED:
        return None
    return Finding(
        "discriminator_too_weak", "watch",
        "The generator is winning: the discriminator is right only {share:.0%} of the time.",
        "A discriminator that is worse than chance misleads the generator, and samples may all look alike.",
        values={"share": share},
        remedies=("much_faster_discriminator", "more_discriminator_steps", "slower_generator"),
        evidence=(name,), limit=FOOLED,
    )  # fmt: skip


register(
    Rule(
        name="discriminator_too_weak",
        title="Discriminator too weak",
        measures="its accuracy (relativistic: pairs in the right order) over the last 200 steps",
        threshold=f"below {FOOLED:.0%}",
        source="own",
        check=check,
        level="watch",
        remedies=("much_faster_discriminator", "more_discriminator_steps", "slower_generator"),
        judges=CLASSIC,
    )
)
