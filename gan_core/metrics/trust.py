"""The metrics, and the number of images from which each is reliable. Needs no torch, so that a page lists them at once.

Below `needs` images a metric can't be computed and raises an error. Below `trusted` images it is computed with a
warning. Both are numbers of images on each side, and may depend on the net's number of features.

The bias of a Frechet distance falls as 1 / n, and grows with the features (1911.07023, section 3): below as many
samples as features its covariances are singular, and at ten samples per feature the bias is about as large as the
floor. KID is unbiased at any n (1801.01401, section 3); sliced distances are means of one-dimensional ones, whose bias
does not grow with the features (2605.06797). Precision and recall depend on n, because balls grow as it falls
(1904.06991).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gan_core.errors import BadData, UnknownName, filled

NEAREST = 5  # k of the neighbours, as in 2002.09797
BIN = 20  # least average number of samples in a bin of NDB
PER_FEATURE = 10  # samples per feature, from which a Frechet distance is reliable

Count = Callable[[int], int]  # features of the net -> images on each side


@dataclass(frozen=True)
class Metric:
    """A metric: the number of images that it needs, the number from which it is reliable, and why."""

    name: str
    title: str
    needs: Count
    trusted: Count
    why: str
    only_for: str = ""  # required property of the net or the model, see `Has`


def _at(count: int) -> Count:
    return lambda features: count


def _times(factor: int) -> Count:
    return lambda features: factor * features


N_SINGULAR = "With few samples for each feature the distance is too large, by an amount that depends on the number."
N_INFINITE = "With few samples the fitted line is steep and its end point uncertain."
N_UNBIASED = "It is unbiased at any number of samples; with few only the interval is wide."
N_SLICED = "With few samples the distance doesn't reach 0; compare it with its floor."
N_BALLS = "Neighbours are far apart among few images, so that balls are large and hold too much."
N_SHARES = "Shares of few images are uncertain; compare intervals."
N_BINS = "Bins of fewer than 20 images rarely show a significant difference."
N_VARIETY = "The score grows with the number of samples; compare it with that of as many real images."
N_PAIRS = "The mean of few pairs is uncertain."
N_CLASSES = "a feature net with at least two classes"
N_ANSWERS = "a feature net that has learnt classes or attributes"
N_LABELS = "a conditional model and a feature net that knows its classes"
N_TRUTH = "a model that translates images, and data with the true pictures"
N_W = "a model with an intermediate latent w, such as StyleGAN"
N_PERCEIVES = "a feature net with a perceptual distance: imagenet, or one that was trained on these data"
N_COPIES = "Among few images a copy is rare even if the model has memorised some."

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("fd", "Fréchet distance", _at(2), _times(PER_FEATURE), N_SINGULAR),
        Metric("fd_infinity", "Fréchet distance, extrapolated", _times(2), _times(2 * PER_FEATURE), N_INFINITE),
        Metric("fd_class", "Fréchet distance of each class", _at(2), _times(PER_FEATURE), N_SINGULAR, "classes"),
        Metric("kid", "KID", _at(2), _at(200), N_UNBIASED),
        Metric("sliced", "Sliced Wasserstein distance", _at(2), _at(1000), N_SLICED),
        Metric("prdc", "Precision and recall", _at(NEAREST + 1), _at(1000), N_BALLS),
        Metric("classes", "Classes", _at(1), _at(500), N_SHARES, "answers"),
        Metric("ndb", "Bins that differ (NDB)", _at(2 * BIN), _at(100 * BIN), N_BINS),
        Metric("vendi", "Vendi score", _at(2), _at(1000), N_VARIETY),
        Metric("msssim", "MS-SSIM of pairs", _at(4), _at(500), N_PAIRS),
        Metric("obedience", "Label obedience", _at(1), _at(500), N_SHARES, "labels"),
        Metric("nearest", "Closest training images", _at(2), _at(500), N_COPIES),
        Metric("copying", "Evidence of copying", _at(2 * NEAREST), _at(1000), N_COPIES),
        Metric("ppl", "Perceptual path length", _at(2), _at(1000), N_PAIRS, "w"),
        Metric("pairs", "Closeness to the truth", _at(1), _at(100), N_PAIRS, "truth"),
    )
}


@dataclass(frozen=True)
class Has:
    """Properties of the net and the model of an evaluation that metrics may need."""

    classes: int = 0  # that the net predicts
    answers: bool = False  # classes or attributes
    labels: int = 0  # classes that samples can be requested for
    w: bool = False  # an intermediate latent, for path lengths
    perceives: bool = True  # a perceptual distance of the net

    def missing(self, metric: Metric) -> str:
        """What a metric lacks, in words; "" if nothing."""
        if metric.only_for == "classes" and self.classes < 2:
            return N_CLASSES
        if metric.only_for == "answers" and not self.answers:
            return N_ANSWERS
        if metric.only_for == "answers" and self.classes == 1:
            return N_CLASSES
        if metric.only_for == "labels" and (self.labels < 2 or self.classes < 2):
            return N_LABELS
        if metric.only_for == "truth":
            return N_TRUTH
        if metric.only_for == "w" and not self.w:
            return N_W
        if metric.only_for == "w" and not self.perceives:
            return N_PERCEIVES
        return ""


def check_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once; raises UnknownName."""
    for name in names:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS)
    return tuple(dict.fromkeys(names))


def check_counts(names: Sequence[str], features: int, samples: int, references: int) -> None:
    """Raises BadData for a metric with fewer images than it needs."""
    for name in names:
        needed = METRICS[name].needs(features)
        for count, what in ((samples, "samples"), (references, "real images")):
            if count < needed:
                raise BadData(
                    "{metric} ('{name}') needs at least {needed} {what} with this feature net, but there are only "
                    "{count}. Metrics that need fewer: {others}.",
                    metric=METRICS[name].title, name=name, needed=needed, what=what, count=count,
                    others=", ".join(n for n, m in METRICS.items() if m.needs(features) <= count) or "none",
                )  # fmt: skip


def check_possible(names: Sequence[str], has: Has) -> None:
    """Raises BadData for a metric whose net or model lacks a required property."""
    for name in names:
        if missing := has.missing(METRICS[name]):
            raise BadData("{metric} ('{name}') needs {what}.", metric=METRICS[name].title, name=name, what=missing)


def possible(features: int, count: int, has: Has) -> tuple[str, ...]:
    """All metrics that can be computed from `count` images on each side."""
    return tuple(
        name for name, metric in METRICS.items() if metric.needs(features) <= count and not has.missing(metric)
    )


@dataclass(frozen=True)
class Note:
    """A sentence for the reader of figures, as a template and its values, so that a page shows it in its language."""

    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return filled(self.message, self.values)


N_FEW = "{metric}: {count} images are few; trust it from {trusted} on. {why}"


def doubts(names: Sequence[str], features: int, count: int, classes: int = 1) -> tuple[Note, ...]:
    """The metrics that are unreliable with this number of images on each side, and why."""
    found = []
    for metric in (METRICS[name] for name in names):
        trusted = metric.trusted(features) * (max(1, classes) if metric.name == "fd_class" else 1)
        if count < trusted:
            values = {"metric": metric.title, "count": f"{count:,}", "trusted": f"{trusted:,}", "why": metric.why}
            found.append(Note(N_FEW, values))
    return tuple(found)
