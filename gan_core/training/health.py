"""Whether a run looks healthy, from its recent metrics alone: what is seen, why that happens, and what helps.

Needs no torch. Thresholds are rules of thumb of GAN training, named below; they suit two players with one loss each.
A classifier, which has no opponent, is known by its cross-entropy and looked at apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gan_core.runs.records import Metrics

Level = Literal["early", "good", "watch", "bad"]

PROBABILITIES = frozenset({"non_saturating", "minimax", "logistic"})  # losses whose scores are probabilities
EARLY = 100  # steps before which nothing can be said
WINDOW = 200  # steps that are looked at
SURE = 0.97  # accuracy above which the discriminator is hardly ever wrong
LOST = 0.05  # D(G(z)) below which the generator fools nobody
FOOLED = 0.4  # accuracy below which the discriminator is worse than a coin
EXPLODING = 100.0  # gradient norm
VANISHING = 1e-4  # gradient norm
KNOWN = 0.99  # a classifier's accuracy above which little is left to learn
CLASSIFIER = "features/cross_entropy"  # the metric that a run of a classifier alone has
SWING = 0.6  # oscillation: standard deviation of the smoothed loss, as a share of its mean size


@dataclass(frozen=True)
class Finding:
    """One observation; the texts are constant templates, filled with `values`."""

    kind: str
    level: Level
    what: str
    cause: str = ""
    remedy: str = ""  # what helps that is no setting
    values: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[str, ...] = ()  # what helps that is one: names of `remedies`


TOO_EARLY = Finding(
    "early", "early",
    "Too early to say: give it {steps} steps.",
    "In the first steps both networks only leave their random start.",
    values={"steps": EARLY},
)  # fmt: skip
HEALTHY = Finding(
    "healthy", "good",
    "This looks healthy: neither player is winning.",
    "The discriminator is right more often than not, and still wrong often enough to teach the generator.",
)  # fmt: skip
HEALTHY_SCORES = Finding(
    "healthy", "good",
    "This looks healthy: losses and gradients stay in range.",
    "The scores of this loss have no fixed scale: watch the gap between real and fake, and the samples.",
)  # fmt: skip
TOO_EARLY_ALONE = Finding(
    "early", "early",
    "Too early to say: give it {steps} steps.",
    "In the first steps the network only leaves its random start.",
    values={"steps": EARLY},
)  # fmt: skip


def scores_are_probabilities(settings: Mapping[str, Any]) -> bool:
    """Whether D(x) and D(G(z)) are recorded as probabilities under these knobs, or as scores without a scale."""
    return settings.get("loss") in PROBABILITIES and settings.get("relativistic", "none") == "none"


def assess(recent: Metrics, probability: bool = True) -> list[Finding]:
    """Findings on the last steps of a run, the gravest first; never empty."""
    if fault := _not_finite(recent):
        return [fault]
    alone = CLASSIFIER in recent.columns
    if not len(recent) or recent.steps[-1] < EARLY:
        return [TOO_EARLY_ALONE if alone else TOO_EARLY]
    last = recent.rows(slice(-WINDOW, None))
    if alone:
        return [_exploding_alone(last) or _learning(last)]
    checks = (
        _exploding(last),
        _discriminator_too_strong(last, probability),
        _vanishing(last),
        _generator_winning(last),
        _oscillating(last),
    )
    found = [finding for finding in checks if finding is not None]
    if found:
        return sorted(found, key=lambda finding: finding.level != "bad")
    return [HEALTHY if "accuracy" in last.columns else HEALTHY_SCORES]


def _values(recent: Metrics, name: str) -> NDArray[np.float64]:
    column = recent.columns.get(name)
    if column is None:
        return np.empty(0)
    return np.asarray(column[np.isfinite(column)], float)


def _mean(recent: Metrics, name: str) -> float | None:
    values = _values(recent, name)
    return float(values.mean()) if len(values) else None


def _norms(recent: Metrics) -> dict[str, float]:
    """The median gradient norm of each phase."""
    names = [name for name in recent.columns if name.startswith("gradient_norm/")]
    found = {name.partition("/")[2]: _values(recent, name) for name in names}
    return {phase: float(np.median(values)) for phase, values in found.items() if len(values)}


def _not_finite(recent: Metrics) -> Finding | None:
    """Infinity anywhere, or a loss that is NaN at the last step that wrote it."""
    for name, column in recent.columns.items():
        # a lazy term has no value at most steps, but "/loss" of both players, or of the one, has one at each
        every_step = name in ("generator/loss", "discriminator/loss", "features/loss") and np.isnan(column[-1:]).any()
        alone = every_step and len(column) > 1 and not np.isnan(column[-2])
        if np.isinf(column).any() or (every_step and not alone and _was_trained(recent, name)):
            return Finding(
                "not_finite", "bad",
                "The value of {name} is no longer a number.",
                "A step was too large, or the loss has no lower bound; from here on every weight is spoilt.",
                values={"name": name},
                remedies=("back_and_slower", "back_and_r1"),
            )  # fmt: skip
    return None


def _was_trained(recent: Metrics, name: str) -> bool:
    """Whether the last step updated that player at all: a step of one player alone leaves the other's loss empty."""
    norm = recent.columns.get("gradient_norm/" + name.partition("/")[0])
    return norm is not None and not np.isfinite(norm[-1]) and all(np.isnan(recent.columns[name][-3:]))


def _exploding(recent: Metrics) -> Finding | None:
    norms = _norms(recent)
    phase = max(norms, key=lambda name: norms[name], default=None)
    if phase is None or norms[phase] < EXPLODING:
        return None
    return Finding(
        "exploding_gradients", "bad",
        "Gradients explode: the norm of {phase} is about {norm:.0f}, above {limit:.0f}.",
        "Steps overshoot, often because the learning rate is too high or the critic is not bounded.",
        values={"phase": phase, "norm": norms[phase], "limit": EXPLODING},
        remedies=("slower", "gradient_penalty", "weight_clipping", "gradient_clipping"),
    )  # fmt: skip


def _exploding_alone(recent: Metrics) -> Finding | None:
    norm = max(_norms(recent).values(), default=0.0)
    if norm < EXPLODING:
        return None
    return Finding(
        "exploding_gradients", "bad",
        "Gradients explode: their norm is about {norm:.0f}, above {limit:.0f}.",
        "Steps overshoot, so that the network forgets what it knew.",
        values={"norm": norm, "limit": EXPLODING},
        remedies=("slower", "gradient_clipping"),
    )  # fmt: skip


def _learning(recent: Metrics) -> Finding:
    """How much a classifier knows; there is nobody to be too strong for."""
    share = _mean(recent, "class_accuracy") or 0.0
    if share < KNOWN:
        return Finding(
            "learning", "good",
            "The network learns: it names {share:.1%} of the training images rightly.",
            "They are altered at each step, as the settings ask, so that images as they are may be easier.",
            "Train on while the share still grows.",
            {"share": share},
        )  # fmt: skip
    return Finding(
        "learnt", "good",
        "The network knows its training images: it names {share:.1%} of them rightly.",
        "Little is left to learn from them. What it knows of images that it hasn't seen can't be told from this run.",
        "",
        {"share": share},
    )  # fmt: skip


def _discriminator_too_strong(recent: Metrics, probability: bool) -> Finding | None:
    accuracy = _mean(recent, "accuracy")
    if accuracy is None or accuracy < SURE:
        return None
    fake = _mean(recent, "score/fake_before")
    if probability and (fake is None or fake > LOST):
        return None
    return Finding(
        "discriminator_too_strong", "bad",
        "The discriminator is too strong: it is right {share:.0%} of the time.",
        "It tells real from fake without doubt, so its verdict hardly changes with the samples: little is left to "
        "learn from.",
        values={"share": accuracy},
        remedies=("slower_discriminator", "r1", "label_smoothing", "more_generator_steps"),
    )  # fmt: skip


def _vanishing(recent: Metrics) -> Finding | None:
    norm = _norms(recent).get("generator")
    if norm is None or norm > VANISHING:
        return None
    return Finding(
        "vanishing_gradients", "bad",
        "The generator's gradient has vanished: its norm is about {norm:.0e}.",
        "With the saturating loss this happens as soon as the discriminator is sure.",
        values={"norm": norm},
        remedies=("non_saturating", "wasserstein", "slower_discriminator"),
    )  # fmt: skip


def _generator_winning(recent: Metrics) -> Finding | None:
    accuracy = _mean(recent, "accuracy")
    if accuracy is None or accuracy > FOOLED:
        return None
    return Finding(
        "generator_winning", "watch",
        "The generator is winning: the discriminator is right only {share:.0%} of the time.",
        "A discriminator that is worse than a coin gives wrong directions; samples may all look alike.",
        values={"share": accuracy},
        remedies=("faster_discriminator", "more_discriminator_steps", "slower_generator"),
    )  # fmt: skip


def _oscillating(recent: Metrics) -> Finding | None:
    values = _values(recent, "generator/loss")
    if len(values) < WINDOW // 2:
        return None
    blocks = values[: len(values) // 10 * 10].reshape(-1, 10).mean(1)  # (K,) -> (K / 10, 10): means of ten steps
    size = float(np.abs(blocks).mean())
    # a slow drift is no swing: look at the way there and back
    swing = float((blocks - np.linspace(blocks[0], blocks[-1], len(blocks))).std())
    if size < 0.05 or swing / size < SWING:
        return None
    return Finding(
        "oscillation", "watch",
        "The two players chase each other: the generator's loss swings by {share:.0%} of its size.",
        "Each overshoots what the other did last, instead of meeting in the middle.",
        values={"share": swing / size},
        remedies=("slower", "no_momentum", "longer_average"),
    )  # fmt: skip
