"""Diagnoses a run from its metrics alone: the observation, its cause, and remedies.

Needs no torch. Thresholds are rules of thumb of GAN training, named below; they suit two players with one loss each. A
classifier, which has no opponent, is recognised by its cross-entropy and assessed separately. So is a generator that
learns without an opponent (a VAE, a diffusion model): by its samples and gradients alone.

Losses, accuracy and gradients can show that something is wrong, but never that all is well: the losses of a collapsed
generator can be balanced too. A run is called healthy only if its samples were measured to be as varied as the data
(`variety`); if they weren't measured, the finding says so.
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
WITHOUT_OPPONENT = {"vae/loss", "denoiser/loss"}  # the metrics that runs of a generator alone have
RATELESS = 20  # steps with a rate of 0 after which it is no end of a schedule any more
NOTHING = 1e-12  # a rate that moves no weight
LOST_MODES = 0.25  # share of the modes without samples above which it is a collapse
CLOSE = 0.5  # share of points close to a mode from which they are drops, and no cloud
REACHED = 0.8  # share of real points with a sample nearby from which the data are covered
MISSED = 0.5  # the share below which whole parts of the data are missing
VARIED = 0.5  # how far apart samples lie, as a share of real images, from which they are varied
ALIKE = 0.35  # the share below which they look alike
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
    "Too early to tell: wait for {steps} steps.",
    "Both networks are still close to their random initialization.",
    values={"steps": EARLY},
)  # fmt: skip
UNKNOWN = Finding(
    "unknown", "early",
    "Losses and gradients are in the normal range. They say nothing about the quality of the samples.",
    "Generator and discriminator can also be balanced after a mode collapse.",
    "Compare the samples with real data: are they as sharp and as diverse?",
)  # fmt: skip
TOO_EARLY_ALONE = Finding(
    "early", "early",
    "Too early to tell: wait for {steps} steps.",
    "The network is still close to its random initialization.",
    values={"steps": EARLY},
)  # fmt: skip


def scores_are_probabilities(settings: Mapping[str, Any]) -> bool:
    """Whether D(x) and D(G(z)) are recorded as probabilities under these knobs, or as scores without a scale."""
    return settings.get("loss") in PROBABILITIES and settings.get("relativistic", "none") == "none"


def assess(
    recent: Metrics, probability: bool = True, latest: Mapping[str, float] | None = None, modes: int = 0
) -> list[Finding]:
    """Findings on the last steps of a run, the gravest first; never empty.

    `latest`: the last measured value of each metric, for what is measured now and then; by default those of `recent`.
    `modes`: how many modes the data have, where that is known.
    """
    if fault := _not_finite(recent):
        return [fault]
    if standstill := _no_rate(recent):
        return [standstill]
    classifier, generator_alone = CLASSIFIER in recent.columns, bool(WITHOUT_OPPONENT & set(recent.columns))
    alone = classifier or generator_alone
    if not len(recent) or recent.steps[-1] < EARLY:
        return [TOO_EARLY_ALONE if alone else TOO_EARLY]
    last = recent.rows(slice(-WINDOW, None))
    if classifier:
        return [_exploding_alone(last) or _learning(last)]
    if latest is None:
        latest = {name: value for name in recent.columns if (value := recent.last(name)) is not None}
    if generator_alone:
        return [_exploding_alone(last) or _samples(latest, modes)]
    samples = _samples(latest, modes)
    checks = (
        _exploding(last),
        _discriminator_too_strong(last, probability),
        samples if samples.level in ("bad", "watch") else None,
        _vanishing(last),
        _generator_winning(last),
        _oscillating(last),
    )
    found = [finding for finding in checks if finding is not None]
    return sorted(found, key=lambda finding: finding.level != "bad") or [samples]


def _samples(latest: Mapping[str, float], modes: int) -> Finding:
    """Findings from the samples themselves."""
    if modes and "modes/covered" in latest:
        return _modes(round(latest["modes/covered"]), round(latest["modes/reached"]), modes, latest["modes/near"])
    if "data_reached" in latest:
        return _reached(latest["data_reached"])
    return _varied(latest["variety"]) if "variety" in latest else UNKNOWN


def _modes(covered: int, reached: int, modes: int, near: float) -> Finding:
    # a cloud covers no mode yet, and has lost those that it doesn't reach
    missing = modes - (covered if near >= CLOSE else max(covered, reached))
    values = {"covered": covered, "modes": modes, "near": near, "missing": missing}
    if missing > LOST_MODES * modes:
        return Finding(
            "mode_collapse", "bad",
            "Mode collapse: {covered} of {modes} modes covered.",
            "The generator produces only what fools the discriminator, and nothing pushes it towards the other "
            "modes. The losses can still look balanced.",
            values=values,
            remedies=("instance_noise", "mild_gradient_penalty"),
        )  # fmt: skip
    if missing:
        return Finding(
            "modes_missing", "watch",
            "{covered} of {modes} modes covered; {missing} have no samples.",
            "The generator covers most of the data without them. A dropped mode rarely returns once the samples are "
            "sharp.",
            values=values,
            remedies=("instance_noise", "mild_gradient_penalty"),
        )  # fmt: skip
    if covered < modes or near < CLOSE:
        return Finding(
            "modes_unsharp", "early",
            "{covered} of {modes} modes covered so far: the samples spread over all of them, and {near:.0%} lie "
            "close to a mode.",
            "The samples still form a single cluster, which usually splits into the modes later.",
            "Keep training, and watch whether every mode keeps its samples.",
            values,
        )  # fmt: skip
    return Finding(
        "healthy", "good",
        "This looks healthy: all {modes} modes are covered, and {near:.0%} of the samples lie close to a mode.",
        "Generator and discriminator are balanced.",
        values=values,
    )  # fmt: skip


def _reached(share: float) -> Finding:
    values = {"share": share}
    if share < MISSED:
        return Finding(
            "data_missed", "watch",
            "The samples cover only {share:.0%} of the data.",
            "This is normal early in training. Later it means mode collapse: whole regions of the data are never "
            "generated.",
            values=values,
            remedies=("instance_noise", "mild_gradient_penalty"),
        )  # fmt: skip
    if share < REACHED:
        return Finding(
            "data_missed_little", "early",
            "The samples cover {share:.0%} of the data so far.",
            "Coverage usually grows with further training.",
            "Keep training, and watch the coverage.",
            values,
        )  # fmt: skip
    return Finding(
        "healthy", "good",
        "This looks healthy: the samples cover {share:.0%} of the data.",
        "Generator and discriminator are balanced.",
        values=values,
    )  # fmt: skip


def _varied(share: float) -> Finding:
    values = {"share": share}
    if share < ALIKE:
        return Finding(
            "alike", "watch",
            "The samples look alike: their variety is {share:.0%} of that of real images.",
            "This is normal early in training. Later it means mode collapse: the generator produces only a few "
            "distinct images.",
            values=values,
            remedies=("minibatch_deviation", "r1", "instance_noise"),
        )  # fmt: skip
    if share < VARIED:
        return Finding(
            "less_varied", "early",
            "The variety of the samples is {share:.0%} of that of real images.",
            "Losses and gradients are in the normal range, and variety usually grows with further training.",
            "Keep training, and watch whether the samples become more diverse.",
            values,
        )  # fmt: skip
    return Finding(
        "healthy", "good",
        "This looks healthy: the variety of the samples is {share:.0%} of that of real images.",
        "Generator and discriminator are balanced. Sharpness isn't measured here: compare the samples with real "
        "images.",
        values=values,
    )  # fmt: skip


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
    """A loss, a score or a gradient that was measured as NaN or infinite.

    A player that didn't train has none of them, which is no fault.
    """
    faulty = [name for name in recent.columns if "/" in name and recent.faults(name).any()]
    if not faulty:
        return None
    # the player's sum says more than one of its terms
    return Finding(
        "not_finite", "bad",
        "The value of {name} is NaN or infinite.",
        "An update was too large, or the loss is unbounded below. All weights from this step on are unusable.",
        values={"name": next((name for name in faulty if name.endswith("/loss")), faulty[0])},
        remedies=("back_and_slower", "back_and_r1"),
    )  # fmt: skip


def _no_rate(recent: Metrics) -> Finding | None:
    rates = [_values(recent, name)[-RATELESS:] for name in recent.columns if name.startswith("rate/")]
    if not rates or any(len(values) < RATELESS or values.max() > NOTHING for values in rates):
        return None
    return Finding(
        "no_rate", "bad",
        "The learning rate is 0: the weights no longer change.",
        "The learning-rate schedule has ended.",
        remedies=("constant_rate", "longer_schedule"),
    )  # fmt: skip


def _exploding(recent: Metrics) -> Finding | None:
    norms = _norms(recent)
    phase = max(norms, key=lambda name: norms[name], default=None)
    if phase is None or norms[phase] < EXPLODING:
        return None
    return Finding(
        "exploding_gradients", "bad",
        "Exploding gradients: the norm of {phase} is about {norm:.0f}, above {limit:.0f}.",
        "Updates overshoot, often because the learning rate is too high or the critic is unconstrained.",
        values={"phase": phase, "norm": norms[phase], "limit": EXPLODING},
        remedies=("slower", "gradient_penalty", "weight_clipping", "gradient_clipping"),
    )  # fmt: skip


def _exploding_alone(recent: Metrics) -> Finding | None:
    norm = max(_norms(recent).values(), default=0.0)
    if norm < EXPLODING:
        return None
    return Finding(
        "exploding_gradients", "bad",
        "Exploding gradients: their norm is about {norm:.0f}, above {limit:.0f}.",
        "Updates overshoot, so the network forgets what it has learnt.",
        values={"norm": norm, "limit": EXPLODING},
        remedies=("slower", "gradient_clipping"),
    )  # fmt: skip


def _learning(recent: Metrics) -> Finding:
    """The training accuracy of a classifier."""
    share = _mean(recent, "class_accuracy") or 0.0
    if share < KNOWN:
        return Finding(
            "learning", "good",
            "The network is learning: it classifies {share:.1%} of the training images correctly.",
            "The training images are augmented as set, so unaltered images may be easier.",
            "Keep training while the accuracy still improves.",
            {"share": share},
        )  # fmt: skip
    return Finding(
        "learnt", "good",
        "The network has learnt its training images: it classifies {share:.1%} of them correctly.",
        "Little is left to learn from them. This run doesn't measure the accuracy on held-out images.",
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
        "It separates real from fake with near certainty, so its output hardly depends on the samples and the "
        "generator gets little signal to learn from.",
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
        "With the saturating loss this happens as soon as the discriminator is confident.",
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
        "A discriminator that is worse than chance misleads the generator, and samples may all look alike.",
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
        "Oscillation: the generator's loss swings by {share:.0%} of its mean size.",
        "Each network overcorrects for the other's last updates instead of converging.",
        values={"share": swing / size},
        remedies=("slower", "no_momentum", "longer_average"),
    )  # fmt: skip
