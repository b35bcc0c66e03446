"""The state of a run on which no rule found anything: how good its samples are, or why they can't be judged.

Losses, accuracy and gradients can show that something is wrong, but never that all is well: the losses of a collapsed
generator can be balanced too. A run is called healthy only if its samples were measured to be as varied as the data.
"""

from __future__ import annotations

from gan_core.doctor.case import EARLY, Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.samples import CLOSE

KNOWN = 0.99  # a classifier's accuracy above which little is left to learn
REACHED = 0.8  # share of real points with a sample nearby, above which the data count as covered
VARIED = 0.5  # distance between samples, relative to real images, above which they count as varied

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


def of_samples(case: Case) -> Finding:
    """How good the samples are, by their last metrics."""
    covered = case.latest("modes/covered")
    if case.subject.modes and covered is not None:
        return _modes(case, round(covered), case.latest("modes/near") or 0.0)
    reached, variety = case.latest("data_reached"), case.latest("variety")
    if reached is not None:
        return _reached(reached)
    return UNKNOWN if variety is None else _varied(variety)


def _modes(case: Case, covered: int, near: float) -> Finding:
    modes = case.subject.modes
    values = {"covered": covered, "modes": modes, "near": near}
    if not case.is_settled and covered < modes and (case.latest("modes/reached") or 0.0) < modes:
        return Finding(
            "modes_early", "early",
            "{covered} of {modes} modes covered so far, and the samples don't spread over all of them yet.",
            "This is normal early in training. Later it means mode collapse.",
            "Keep training, and watch whether the samples reach more modes.",
            values,
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


def alone(case: Case) -> Finding:
    """The progress of a network without an opponent: the training accuracy of a classifier."""
    share = case.mean("class_accuracy") or 0.0
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
