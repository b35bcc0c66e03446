"""A discriminator that is wrong more often than by chance: it misleads the generator."""

from __future__ import annotations

from gan_core.doctor.case import CLASSIC, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.doctor.rules.at_chance import is_constant
from gan_core.errors import percent

FOOLED = 0.4  # accuracy, or share of pairs in the right order
MISLED = 0.3  # share of flipped labels above which labels mean little


def check(case: Case) -> Finding | None:
    # a discriminator that classifies everything as real has an accuracy of 1/2, and may rank all pairs wrongly
    found = {name: share for name in ("separated", "accuracy") if (share := case.mean(name)) is not None}
    if not found or is_constant(case):  # at chance: equal scores count as wrong
        return None
    name, share = min(found.items(), key=lambda item: item[1])
    if share > FOOLED:
        return None
    return Finding(
        "discriminator_too_weak", "watch",
        "The generator is winning: the discriminator is right only {share:.0%} of the time.",
        "A discriminator that is worse than chance misleads the generator, and samples may all look alike.",
        values={"share": share},
        remedies=(*_first(case), "much_faster_discriminator", "more_discriminator_steps", "slower_generator"),
        evidence=(name,), limit=FOOLED,
    )  # fmt: skip


def _first(case: Case) -> tuple[str, ...]:
    """Remedies for a discriminator that learns the wrong thing come first."""
    return ("no_label_flipping",) if case.subject.settings.get("label_flipping", 0.0) > MISLED else ()


register(
    Rule(
        name="discriminator_too_weak",
        title="Discriminator too weak",
        measures="its accuracy and the share of pairs in the right order over the last 200 steps",
        threshold=f"below {percent(FOOLED)}",
        source="own",
        check=check,
        level="watch",
        remedies=("no_label_flipping", "much_faster_discriminator", "more_discriminator_steps", "slower_generator"),
        judges=CLASSIC,
    )
)
