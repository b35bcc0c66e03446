"""Exploding gradients: "if norms of gradients are over 100 things are screwing up" (soumith/ganhacks, 10)."""

from __future__ import annotations

from gan_core.doctor.case import EVERY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register

EXPLODING = 100.0  # gradient norm


def check(case: Case) -> Finding | None:
    norms = case.norms
    phase = max(norms, key=lambda name: norms[name], default=None)
    if phase is None or norms[phase] < EXPLODING:
        return None
    evidence = (f"gradient_norm/{phase}",)
    if case.subject.judge == "alone":
        return Finding(
            "exploding_gradients", "bad",
            "Exploding gradients: their norm is about {norm:,.0f}, above {limit:,.0f}.",
            "Updates overshoot, so the network forgets what it has learnt.",
            values={"norm": norms[phase], "limit": EXPLODING},
            remedies=("slower", "gradient_clipping"),
            evidence=evidence, limit=EXPLODING,
        )  # fmt: skip
    return Finding(
        "exploding_gradients", "bad",
        "Exploding gradients ({phase}): their norm is about {norm:,.0f}, above {limit:,.0f}.",
        "Updates overshoot, often because the learning rate is too high or the critic is unconstrained.",
        values={"phase": phase, "norm": norms[phase], "limit": EXPLODING},
        remedies=(*_constraints(case), "slower", "gradient_clipping"),
        evidence=evidence, limit=EXPLODING,
    )  # fmt: skip


def _constraints(case: Case) -> tuple[str, ...]:
    """Constraints on a critic come first if it has none."""
    settings = case.subject.settings
    unbounded = settings.get("penalty", "none") == "none" and not settings.get("weight_clip")
    return ("gradient_penalty", "weight_clipping") if case.subject.judge == "critic" and unbounded else ()


register(
    Rule(
        name="exploding_gradients",
        title="Exploding gradients",
        measures="the median gradient norm of each phase over the last 200 steps",
        threshold=f"{EXPLODING:.0f}",
        source="soumith/ganhacks, 10",
        check=check,
        level="bad",
        remedies=("gradient_penalty", "weight_clipping", "slower", "gradient_clipping"),
        judges=EVERY,
    )
)
