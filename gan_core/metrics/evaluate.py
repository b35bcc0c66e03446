"""Evaluates samples against a data set, in one pass over each.

Names carry net and count: `fd10k_mnistnet` is the Frechet distance of 10,000 samples to as many real images, in the
features of the net `mnistnet` (figures.py). Figures for other nets or counts can't be compared with it, nor those for
pictures that aren't rounded to 8 bits.

Memory does not grow with the samples: the Frechet distance and the classes are accumulated in batches; metrics of pairs
(KID, precision and recall) keep the features of the first KEPT images of each side, which their names state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gan_core.data.base import DataSet, Progress, silent
from gan_core.data.channels import in_channels
from gan_core.errors import BadData
from gan_core.metrics import copying
from gan_core.metrics.answers import Answers
from gan_core.metrics.collecting import QUERIES as QUERIES
from gan_core.metrics.collecting import Clock, gather
from gan_core.metrics.comparisons import COMPARISONS, Comparison
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.figures import TRAIN, Figure
from gan_core.metrics.figures import count_text as count_text
from gan_core.metrics.memorisation import Memorisation
from gan_core.metrics.obedience import Obedience
from gan_core.metrics.path_length import has_w
from gan_core.metrics.pictures import EIGHT_BITS
from gan_core.metrics.streams import Stream, of_data
from gan_core.metrics.trust import (
    METRICS,
    Has,
    Note,
    check_counts,
    check_metrics,
    check_possible,
    doubts,
    possible,
)

N_FEWER = "Only {count} of {samples} samples are evaluated: there are no more real images to compare them with."
N_SAME = "The samples are the very same images as the real ones, so their distance is 0."


@dataclass(frozen=True)
class Report:
    """Figures, the share of each class among samples and among real images, and the time taken."""

    figures: tuple[Figure, ...]
    samples: int
    references: int
    histogram: dict[str, tuple[float, float]] = field(default_factory=dict)  # class -> share of samples, of real ones
    memorisation: Memorisation | None = None
    obedience: Obedience | None = None
    made_answers: Answers = field(default_factory=dict)  # the net's answers for samples, and for real images
    real_answers: Answers = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # "sampling", "judging", and each metric's
    pictures: str = EIGHT_BITS  # pictures for the figures, see metrics/pictures.py
    notes: tuple[Note, ...] = ()  # figures that are unknown or unreliable for these samples, and what they need
    first: np.ndarray = field(default_factory=lambda: np.empty(0))  # the samples of `memorisation`, (Q, C, H, W)
    same_images: bool = False  # whether samples and real images are identical

    @property
    def values(self) -> dict[str, float]:
        """The figures' values by name."""
        return {figure.name: figure.value for figure in self.figures}


def chosen_metrics(names: Sequence[str], net: FeatureNet, count: int, samples: Stream) -> tuple[str, ...]:
    """The named metrics, or all that are possible; raises UnknownName, or BadData for one that isn't possible."""
    names, has = check_metrics(names), has_of(net, samples)
    check_possible(names, has)
    check_counts(names, net.size, count, count)
    if names:
        return names
    if found := possible(net.size, count, has):
        return found
    raise BadData("No metric can be computed of {count} images on each side; 2 are needed.", count=count)


def has_of(net: FeatureNet, samples: Stream) -> Has:
    """The properties of the net and the model that metrics need."""
    w = samples.model is not None and has_w(samples.model)
    return Has(net.classes, bool(net.questions), len(samples.asked), w, net.perceives)


def evaluate(
    samples: Stream,
    data: DataSet,
    net: FeatureNet,
    metrics: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
    *,
    side: str = "",
    unseen: DataSet | None = None,
) -> Report:
    """Evaluates samples against as many images of a data set, chosen by `seed`; all arguments are checked first.

    If the data set has fewer, only as many samples are evaluated, so that the count in each figure's name is correct.
    `side`: TRAIN if the data are the model's training data, which is then part of each figure's name; `unseen` are
    images of the same kind that it wasn't trained on, which C_T needs. Without metrics all possible ones are computed.
    Images are converted to the net's number of channels, between grey and colour. Raises UnknownName for a metric,
    BadData for too few images or images of another size.
    """
    check_metrics(metrics)
    samples, data = samples.in_channels(net.spec.channels), in_channels(data, net.spec.channels)
    reference = of_data(data, samples.count, seed)
    net.check(samples.shape, samples.name)
    net.check(reference.shape, reference.name)
    wanted, samples = samples.count, samples.first(reference.count)
    names = chosen_metrics(metrics, net, samples.count, samples)
    clock = Clock()
    total = samples.count + reference.count
    real = gather(reference, net, clock, "reading", lambda done: progress(done / total, "Evaluating real images"))
    before = reference.count
    made = gather(samples, net, clock, "sampling", lambda done: progress((before + done) / total, "Evaluating samples"))
    one = Comparison(real, made, net, data, samples, seed, side)
    if "copying" in names and side == TRAIN and unseen is not None:
        with clock.of("judging"):
            one.unseen = _unseen(unseen, net, seed)
    figures: list[Figure] = []
    for name in (name for name in COMPARISONS if name in names):
        with clock.of(name):
            figures += COMPARISONS[name](one)
    return Report(
        tuple(figures),
        made.count,
        real.count,
        one.histogram,
        one.memorised,
        one.obeyed,
        made.answers,
        real.answers,
        clock.seconds,
        notes=(*_fewer(one, wanted), *_same(one), *doubts(names, net.size, made.count, net.classes), *one.notes),
        first=made.images,
        same_images=one.same,
    )


def _unseen(unseen: DataSet, net: FeatureNet, seed: int) -> np.ndarray:
    stream = of_data(in_channels(unseen, net.spec.channels), copying.QUERIES, seed)
    return np.concatenate([features for images in stream.batches() for features, _ in net.predict(images)])


def _fewer(one: Comparison, wanted: int) -> tuple[Note, ...]:
    if one.made.count == wanted:
        return ()
    return (Note(N_FEWER, {"count": f"{one.made.count:,}", "samples": f"{wanted:,}"}),)


def _same(one: Comparison) -> tuple[Note, ...]:
    if not one.same:
        return ()
    return (Note(N_SAME),)


__all__ = ["METRICS", "QUERIES", "Report", "check_metrics", "count_text", "evaluate"]
