"""Evaluates samples against a data set, in one pass over each.

Names carry net and count: `fd10k_mnistnet` is the Frechet distance of 10,000 samples to as many training images, as the
net `mnistnet` sees them. Numbers of other nets or counts can't be compared with it, nor any of pictures that aren't
rounded to 8 bits.

Memory does not grow with the samples: the Frechet distance and the classes are summed up by batches; what looks at
pairs (KID, precision and recall) keeps the features of the first KEPT of either side, and its name says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gan_core.data.base import DataSet, Progress, silent
from gan_core.data.channels import in_channels
from gan_core.data.user.labels import matched
from gan_core.errors import BadData, UnknownName
from gan_core.metrics.answers import Answers, reached, sureness
from gan_core.metrics.classes import ClassCounts, divergence
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.fid import Moments, frechet_distance
from gan_core.metrics.kid import BLOCK, kid
from gan_core.metrics.memorisation import Memorisation, memorisation
from gan_core.metrics.neighbours import NEAREST, manifold
from gan_core.metrics.pictures import EIGHT_BITS, check_eight_bits
from gan_core.metrics.streams import Stream, of_data

KEPT = 10_000  # features of each side that are compared in pairs
QUERIES = 500  # samples whose closest training images are looked for


@dataclass(frozen=True)
class Metric:
    """A metric; `needs` gives the minimum number of images on each side for a number of features."""

    name: str
    title: str
    needs: Callable[[int], int]


METRICS = {
    metric.name: metric
    for metric in (
        Metric("fd", "Frechet distance", lambda features: features + 1),  # else the covariance is singular
        Metric("kid", "KID", lambda features: 2),
        Metric("prdc", "Precision and recall", lambda features: NEAREST + 1),
        Metric("classes", "Classes", lambda features: 1),
        Metric("nearest", "Closest training images", lambda features: 2),
    )
}


@dataclass(frozen=True)
class Report:
    """Numbers by name, the share of each class among samples and among real images, and what it took."""

    values: dict[str, float]
    samples: int
    references: int
    histogram: dict[str, tuple[float, float]] = field(default_factory=dict)  # class -> share of samples, of real ones
    memorisation: Memorisation | None = None
    made_answers: Answers = field(default_factory=dict)  # what the net said of samples, and of real images
    real_answers: Answers = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # "sampling", "judging", and each metric's
    pictures: str = EIGHT_BITS  # that the numbers are of, see metrics/pictures.py
    notes: tuple[str, ...] = ()  # sentences: what can't be known of these samples, and what it needs


@dataclass
class Side:
    """What is collected from one side, samples or real images."""

    moments: Moments
    answers: dict[str, ClassCounts]
    kept: list[np.ndarray] = field(default_factory=list)  # features (B, d)
    first: list[np.ndarray] = field(default_factory=list)  # images (B, C, H, W), as far as they are queries
    count: int = 0

    def add(self, images: np.ndarray, net: FeatureNet) -> None:
        if self.count < QUERIES:
            self.first.append(images)
        for features, probabilities in net.predict(images):
            self.moments.add(features)
            for name, part in net.split(probabilities).items():
                self.answers[name].add(part)
            if self.count < KEPT:
                self.kept.append(features)
            self.count += len(features)

    @property
    def classes(self) -> ClassCounts:
        """Of a net that has learnt classes."""
        return self.answers["class"]

    @property
    def features(self) -> np.ndarray:
        """Of the first KEPT images, (n, d)."""
        return np.concatenate(self.kept)[:KEPT]


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The names, or all where none is given; raises UnknownName."""
    for name in names:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS)
    return tuple(names) or tuple(METRICS)


def check_counts(names: Sequence[str], features: int, samples: int, references: int) -> None:
    """Raises BadData for a metric that is asked of fewer images than it needs."""
    for name in names:
        needed = METRICS[name].needs(features)
        for count, what in ((samples, "samples"), (references, "training images")):
            if count < needed:
                raise BadData(
                    "{metric} ('{name}') needs at least {needed} {what} with this feature net, but there are only "
                    "{count}. Metrics that need fewer: {others}.",
                    metric=METRICS[name].title, name=name, needed=needed, what=what, count=count,
                    others=", ".join(n for n, m in METRICS.items() if m.needs(features) <= count) or "none",
                )  # fmt: skip


def evaluate(
    samples: Stream,
    data: DataSet,
    net: FeatureNet,
    metrics: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Report:
    """Evaluates samples against as many images of a data set, chosen by `seed`; all arguments are checked first.

    Grey images are shown to a net of colours, and colours to a grey one, with as many channels as it takes. Raises
    UnknownName for a metric, BadData for too few images or images of another size.
    """
    names = check_metrics(metrics)
    samples, data = samples.in_channels(net.spec.channels), in_channels(data, net.spec.channels)
    reference = of_data(data, samples.count, seed)
    net.check(samples.shape, samples.name)
    net.check(reference.shape, reference.name)
    check_counts(names, net.size, samples.count, reference.count)
    clock = Clock()
    total = samples.count + reference.count
    real = _gather(reference, net, clock, "reading", lambda done: progress(done / total, "Evaluating real images"))
    before = reference.count
    made = _gather(
        samples, net, clock, "sampling", lambda done: progress((before + done) / total, "Evaluating samples")
    )
    memorised = None
    if "nearest" in names:
        with clock.of("nearest"):
            memorised = memorisation(np.concatenate(made.first)[:QUERIES], data, seed)
    values: dict[str, float] = {}
    notes: list[str] = []
    for name, compute in COMPARISONS.items():
        if name in names:
            with clock.of(name):
                values |= compute(real, made, net.name)
    if "kid" in names and (fewest := min(real.count, made.count)) < 2 * BLOCK:
        notes.append(
            f"The standard error of KID needs 2 blocks of {BLOCK:,}, so {2 * BLOCK:,} samples and as many real "
            f"images, and there are {fewest:,}."
        )
    histogram: dict[str, tuple[float, float]] = {}
    if "classes" in names:
        scores, histogram = _answers(real, made, data, net)
        values |= {name: score for name, score in scores.items() if np.isfinite(score)}
        if len(missing := [name for name, score in scores.items() if not np.isfinite(score)]):
            notes.append(f"No {' and '.join(missing)}: samples show a class that no real image has.")
    if memorised is not None:
        end = f"{count_text(min(QUERIES, made.count))}_pixels"
        values |= {f"nearest{end}": memorised.ratio, f"copied{end}": memorised.copied}
    return Report(
        values,
        made.count,
        real.count,
        histogram,
        memorised,
        made.answers,
        real.answers,
        clock.seconds,
        notes=tuple(notes),
    )


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - began


def _gather(stream: Stream, net: FeatureNet, clock: Clock, taking: str, report: Callable[[int], None]) -> Side:
    """One pass over a stream; the time in which its images are made counts as `taking`."""
    side = Side(Moments(net.size), {name: ClassCounts(count) for name, count in net.questions.items()})
    batches = stream.batches()
    while True:
        with clock.of(taking):
            images = next(batches, None)
        if images is None:
            return side
        check_eight_bits(images, stream.name)
        with clock.of("judging"):
            side.add(images, net)
        report(side.count)


def _frechet(real: Side, made: Side, net: str) -> dict[str, float]:
    distance = frechet_distance(real.moments.gaussian(), made.moments.gaussian())
    return {f"fd{count_text(made.count)}_{net}": distance}


def _kid(real: Side, made: Side, net: str) -> dict[str, float]:
    found = kid(real.features, made.features)
    name = f"kid{count_text(min(real.count, made.count, KEPT))}_{net}"
    return {name: found.value} | ({} if found.error is None else {f"{name}_error": found.error})


def _manifold(real: Side, made: Side, net: str) -> dict[str, float]:
    found = manifold(real.features, made.features)
    end = f"{count_text(min(made.count, KEPT))}_{net}"
    return {
        f"precision{end}": found.precision,
        f"recall{end}": found.recall,
        f"density{end}": found.density,
        f"coverage{end}": found.coverage,
    }


COMPARISONS: dict[str, Callable[[Side, Side, str], dict[str, float]]] = {
    "fd": _frechet,
    "kid": _kid,
    "prdc": _manifold,
}


def _answers(
    real: Side, made: Side, data: DataSet, net: FeatureNet
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Scores by name and the histogram, of classes or of attributes."""
    end = f"{count_text(made.count)}_{net.name}"
    if net.classes:
        labels = _label_shares(data, net, real)
        return _class_scores(made.classes, labels, end), _histogram(_class_names(data, net), made.classes, labels)
    shares: dict[str, tuple[float, float]] = {}
    for name, counts in made.answers.items():
        values = data.attributes.get(name, tuple(map(str, range(len(counts.wins)))))
        found = zip(values, counts.histogram, real.answers[name].histogram, strict=True)
        shares |= {f"{name}: {value}": (float(one), float(other)) for value, one, other in found}
    return {f"sure{end}": sureness(made.answers)} | reached(made.answers, real.answers, end), shares


def _class_scores(made: ClassCounts, training: np.ndarray, end: str) -> dict[str, float]:
    return {
        f"confidence{end}": made.confidence,
        f"sure{end}": made.sure,
        f"inception_score{end}": made.inception_score(),
        f"mode_score{end}": made.mode_score(training),
        f"class_divergence{end}": divergence(made.marginal, training),
    }


def _label_shares(data: DataSet, net: FeatureNet, real: Side) -> np.ndarray:
    """The training labels' distribution (classes,): as it is known, else as the net sees the real images."""
    names = _class_names(data, net)
    if "label" in data.arrays and set(names) == set(data.class_names):
        counts = np.bincount(matched(data, names).arrays["label"], minlength=net.classes)
        return np.asarray(counts / counts.sum())
    return real.classes.marginal


def _class_names(data: DataSet, net: FeatureNet) -> tuple[str, ...]:
    """What the net's classes are called: as it has learnt them, else as in data of as many, else by number."""
    if net.spec.class_names:
        return net.spec.class_names
    return data.class_names if len(data.class_names) == net.classes else tuple(map(str, range(net.classes)))


def _histogram(names: Sequence[str], made: ClassCounts, training: np.ndarray) -> dict[str, tuple[float, float]]:
    return {name: (float(one), float(other)) for name, one, other in zip(names, made.histogram, training, strict=True)}


def count_text(count: int) -> str:
    """As in a metric's name: 10k for 10,000, else the number itself."""
    return f"{count // 1000}k" if count % 1000 == 0 and count else str(count)
