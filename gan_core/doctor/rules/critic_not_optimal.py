"""A Wasserstein critic that lags behind its generator: its estimate of the distance isn't positive.

According to the authors, the classic rules don't apply to critics (igul222/improved_wgan_training#44, #17). The
estimate E f(x) - E f(G(z)), minus the critic's loss without its penalty, is positive while the critic is near its
optimum. Around 0 with poor samples, the critic is too slow for the generator (martinarjovsky/WassersteinGAN#2).
"""

from __future__ import annotations

import numpy as np

from gan_core.doctor import samples
from gan_core.doctor.case import Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rule import Rule, register
from gan_core.errors import percent

NEGATIVE = 0.2  # share of steps with a negative estimate, for a critic that should hardly ever have one


def estimates(case: Case) -> np.ndarray:
    """The Wasserstein estimate of the last steps, (K,)."""
    real, fake = case.window.columns.get("score/real"), case.window.columns.get("score/fake_before")
    if real is None or fake is None:
        return np.empty(0)
    found = real.astype(float) - fake.astype(float)
    return np.asarray(found[np.isfinite(found)])


def check(case: Case) -> Finding | None:
    found = estimates(case)
    if not len(found) or samples.poor(case) is not True:
        return None
    share = float((found < 0).mean())
    if share < NEGATIVE:
        return None
    return Finding(
        "critic_not_optimal", "watch",
        "The critic lags behind: its estimate of the distance is negative in {share:.0%} of the steps, with poor "
        "samples.",
        "The estimate is only meaningful for a critic near its optimum. This one is too slow for its generator, or "
        "momentum carries it past.",
        values={"share": share},
        remedies=("more_critic_steps", "no_momentum", "slower_generator"),
        evidence=("score/real", "score/fake_before"),
    )  # fmt: skip


register(
    Rule(
        name="critic_not_optimal",
        title="Critic not optimal",
        measures="the Wasserstein estimate E f(x) - E f(G(z)) over the last 200 steps, and the samples",
        threshold=f"negative in {percent(NEGATIVE)} of the steps, with poor samples",
        source="1704.00028; WassersteinGAN#2, improved_wgan_training#44",
        check=check,
        level="watch",
        remedies=("more_critic_steps", "no_momentum", "slower_generator"),
        judges=("critic",),
    )
)
