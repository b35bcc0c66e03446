"""Computes figures from the collected data of samples and real images, each with its interval and its floor.

The floor is the score of one half of the real images against the other half, or their own score for a metric of one
side only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gan_core.data.base import DataSet
from gan_core.data.user.labels import matched
from gan_core.errors import BadValue
from gan_core.metrics import bootstrap, copying, diversity, fid, ndb, sliced, vendi
from gan_core.metrics.answers import reached, sureness
from gan_core.metrics.bootstrap import UNKNOWN, Interval, around, of_share
from gan_core.metrics.classes import ClassCounts, divergence
from gan_core.metrics.collecting import KEPT, Side
from gan_core.metrics.feature_net import FeatureNet, plain_name
from gan_core.metrics.figures import PIXELS, Figure
from gan_core.metrics.kid import kid
from gan_core.metrics.memorisation import RARE, Memorisation, memorisation
from gan_core.metrics.neighbours import Pairs, pairs
from gan_core.metrics.obedience import Obedience, matched_names, obedience
from gan_core.metrics.path_length import path_lengths
from gan_core.metrics.streams import Stream, chosen_places
from gan_core.metrics.trust import NEAREST, Note

FLOOR_PAIRS = 2_500  # real images in each half, for the floors of metrics of pairs
RESAMPLED = 50  # replicates of the values that attributes reach
PATHS = 1_000  # steps of the path length, at most
DISTANCES = ("fd", "fd_infinity", "kid", "sliced", "ndb", "ndb_js", "mifid")  # 0 for identical images

N_RARE_CLASS = "No Fréchet distance for the class {name}: fewer than 2 images show it."
N_NO_PAIRS = "No MS-SSIM: there is no class with two images."
N_INFINITE = "No {figures}: samples show a class that no real image has."
N_OTHER_CLASSES = "No label obedience: the model's classes aren't those of the feature net {net}."
N_NO_UNSEEN = "No C_T: it needs the model's training data, and real images of the same kind that it hasn't seen."


@dataclass
class Comparison:
    """Both sides, and the settings of the comparison."""

    real: Side
    made: Side
    net: FeatureNet
    data: DataSet
    samples: Stream
    seed: int = 0
    side: str = ""
    unseen: np.ndarray | None = None  # features (P, d) of real images that the model wasn't trained on
    memorised: Memorisation | None = None
    obeyed: Obedience | None = None
    histogram: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    @cached_property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(bootstrap.SEED)

    @property
    def kept(self) -> int:
        """The number of samples whose features were kept."""
        return min(self.made.count, KEPT)

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """The features of two disjoint halves of the real images."""
        features = self.real.features
        half = len(features) // 2
        return features[:half], features[half : 2 * half]

    @cached_property
    def same(self) -> bool:
        return self.real.same_images(self.made)

    @cached_property
    def pairs(self) -> Pairs:
        return pairs(self.real.features, self.made.features)

    @cached_property
    def floor_pairs(self) -> Pairs | None:
        one, other = (half[:FLOOR_PAIRS] for half in self.halves)
        return pairs(one, other) if len(one) > NEAREST else None

    @cached_property
    def frechet(self) -> tuple[float, np.ndarray]:
        """The Frechet distance of all samples, and its replicates."""
        value = fid.frechet_distance(self.real.moments.gaussian(), self.made.moments.gaussian())
        drawn = fid.replicates(self.real.features, self.made.features, self.random)
        middle = drawn.mean()  # the spread is smaller for more samples than were kept
        return value, middle + (drawn - middle) * math.sqrt(self.kept / self.made.count)

    def figure(
        self,
        kind: str,
        value: float,
        interval: Interval = UNKNOWN,
        *,
        n: int = 0,
        net: str = "",
        of: str = "",
    ) -> Figure:
        """A figure of these samples; `n` and `net` if they aren't all samples and the feature net."""
        if self.same and kind in DISTANCES:
            value, interval = 0.0, (0.0, 0.0)
        return Figure(
            kind, n or self.made.count, net or self.net.name, value, *interval, of=of, side=self.side,
            pixels=self.net.spec.size, origin="" if net else self.net.origin,
        )  # fmt: skip


def frechet(one: Comparison) -> list[Figure]:
    value, replicates = one.frechet
    found = one.figure("fd", value, around(value, replicates, low=0))
    return [_floored(found, one, fid.frechet)]


def _floored(figure: Figure, one: Comparison, measure: Callable[[np.ndarray, np.ndarray], float]) -> Figure:
    """Adds the floor from both halves, if they are large enough."""
    first, second = one.halves
    return figure.with_floor(measure(first, second), len(first)) if len(first) > 1 else figure


def extrapolated(one: Comparison) -> list[Figure]:
    found = fid.fid_infinity(one.real.features, one.made.features, one.random)
    figure = one.figure("fd_infinity", found.value, around(found.value, found.replicates), n=one.kept)
    first, second = one.halves
    if len(second) < 2 * one.net.size:
        return [figure]
    return [figure.with_floor(fid.fid_infinity(first, second, one.random).value, len(first))]


def frechet_of_classes(one: Comparison) -> list[Figure]:
    """The distance for images that the net assigns to one class, equally many on each side."""
    found = []
    for place, name in enumerate(class_names(one.data, one.net)):
        real, made = (side.features[side.labels == place] for side in (one.real, one.made))
        count = min(len(real), len(made))
        if count < 2:
            one.notes.append(Note(N_RARE_CLASS, {"name": name}))
            continue
        real, made = real[:count], made[:count]
        value = fid.frechet(real, made)
        interval = around(value, fid.replicates(real, made, one.random, most=20), low=0)
        figure = one.figure("fd_class", value, interval, n=count, of=plain_name(name))
        half = count // 2
        found.append(figure.with_floor(fid.frechet(real[:half], real[half:]), half) if half > 1 else figure)
    return found


def kernel(one: Comparison) -> list[Figure]:
    found = kid(one.real.features, one.made.features)
    interval = bootstrap.within(found.value, found.error, found.count)
    figure = one.figure("kid", found.value, interval, n=min(one.kept, one.real.count))
    return [_floored(figure, one, lambda first, second: kid(first, second).value)]


def sliced_distance(one: Comparison) -> list[Figure]:
    found = sliced.sliced_wasserstein(one.real.features, one.made.features, one.random)
    figure = one.figure("sliced", found.value, around(found.value, found.replicates, low=0), n=one.kept)
    return [_floored(figure, one, lambda first, second: sliced.sliced_wasserstein(first, second).value)]


def manifold(one: Comparison) -> list[Figure]:
    found, floor = one.pairs.manifold, one.floor_pairs
    density = bootstrap.of_mean(one.pairs.held / one.pairs.k, low=0)
    intervals = {
        "precision": of_share(found.precision, one.kept),
        "recall": of_share(found.recall, len(one.real.features)),
        "density": density,
        "coverage": of_share(found.coverage, len(one.real.features)),
    }
    figures = [one.figure(kind, getattr(found, kind), interval, n=one.kept) for kind, interval in intervals.items()]
    if floor is None:
        return figures
    return [figure.with_floor(getattr(floor.manifold, figure.kind), len(floor.held)) for figure in figures]


def bins(one: Comparison) -> list[Figure]:
    binning = ndb.Binning(one.real.features, one.seed)
    found = ndb.compared(binning.counts(one.real.features), binning.counts(one.made.features), one.random)
    first, second = (binning.counts(half) for half in one.halves)
    floor = ndb.compared(first, second, one.random)
    half = len(one.halves[0])
    return [
        one.figure("ndb", found.ndb, around(found.ndb, found.ndb_replicates, 0, 1), n=one.kept).with_floor(
            floor.ndb, half
        ),
        one.figure("ndb_js", found.js, around(found.js, found.js_replicates, 0, 1), n=one.kept).with_floor(
            floor.js, half
        ),
    ]  # fmt: skip


def vendi_score(one: Comparison) -> list[Figure]:
    value = vendi.vendi(one.made.features)
    interval = around(value, vendi.replicates(one.made.features, one.random), low=1)
    same = one.real.features[: one.kept]
    return [one.figure("vendi", value, interval, n=one.kept).with_floor(vendi.vendi(same), len(same))]


def likeness(one: Comparison) -> list[Figure]:
    sides = [(side.images, side.labels[: len(side.images)]) for side in (one.made, one.real)]
    chosen = [diversity.pairs_of(labels, np.random.default_rng(one.seed)) for _, labels in sides]
    made, real = (diversity.likeness(images, pairs) for (images, _), pairs in zip(sides, chosen, strict=True))
    if not (len(made) and len(real)):
        one.notes.append(Note(N_NO_PAIRS))
        return []
    interval = diversity.interval_of(made, chosen[0])
    figure = one.figure("msssim", float(made.mean()), interval, n=len(made), net=PIXELS)
    return [figure.with_floor(float(real.mean()), len(real))]


def answers(one: Comparison) -> list[Figure]:
    """Scores of the classes or attributes that the net predicts, and their histogram."""
    if not one.net.classes:
        return _attributes(one)
    training = label_shares(one)
    one.histogram = _shares(class_names(one.data, one.net), one.made.classes, training)
    made, real = one.made.classes, one.real.classes
    scores, marginals = made.resampled(one.random)
    gaps = np.array([divergence(row, training) for row in marginals])
    count = one.made.count
    spread = bootstrap.deviation(scores)
    inception = made.inception_score()
    confidence = (made.confidence, math.sqrt(made.confidence_variance / count))
    found = [
        ("confidence", confidence[0], bootstrap.within(*confidence, count, 0, 1), real.confidence),
        ("sure", made.sure, of_share(made.sure, count), real.sure),
        ("inception_score", inception, bootstrap.within(inception, spread, len(scores), 1), real.inception_score()),
        (
            "mode_score",
            made.mode_score(training),
            bootstrap.within(made.mode_score(training), spread, len(scores), 1),
            real.mode_score(training),
        ),
        (
            "tutorial_mode_score",
            made.tutorial_mode_score(training),
            around(made.tutorial_mode_score(training), scores / np.exp(gaps), 0),
            real.tutorial_mode_score(training),
        ),
        (
            "class_divergence",
            divergence(made.marginal, training),
            around(divergence(made.marginal, training), gaps, 0),
            divergence(real.marginal, training),
        ),
    ]
    # infinite if samples show a class that no real image has: no figure
    missing = [one.figure(kind, 0.0).name for kind, value, _, _ in found if not math.isfinite(value)]
    if missing:
        one.notes.append(Note(N_INFINITE, {"figures": ", ".join(missing)}))
    return [
        one.figure(kind, value, interval).with_floor(floor, real.count)
        for kind, value, interval, floor in found
        if math.isfinite(value)
    ]


def _attributes(one: Comparison) -> list[Figure]:
    for name, counts in one.made.answers.items():
        values = one.data.attributes.get(name, tuple(map(str, range(len(counts.wins)))))
        shares = _shares(values, counts, one.real.answers[name].histogram)
        one.histogram |= {f"{name}: {value}": pair for value, pair in shares.items()}
    sure, floor = (sureness(side.answers) for side in (one.made, one.real))
    found = [one.figure("sure", sure, of_share(sure, one.made.count)).with_floor(floor, one.real.count)]
    drawn = [reached(_redrawn(one), one.real.answers, "") for _ in range(RESAMPLED)]
    for name, share in reached(one.made.answers, one.real.answers, "").items():
        interval = around(share, np.array([row[name] for row in drawn]), 0, 1)
        of = name.removeprefix("reached").removeprefix("_")
        found.append(one.figure("reached", share, interval, of=of).with_floor(1.0, one.real.count))
    return found


def _redrawn(one: Comparison) -> dict[str, ClassCounts]:
    """The answers for resampled images, as needed by `reached`."""
    found = {}
    for name, counts in one.made.answers.items():
        found[name] = ClassCounts(len(counts.wins))
        found[name].count = counts.count
        found[name].wins = one.random.multinomial(counts.count, counts.histogram)
    return found


def _shares(names: tuple[str, ...], made: ClassCounts, real: np.ndarray) -> dict[str, tuple[float, float]]:
    return {name: (float(one), float(other)) for name, one, other in zip(names, made.histogram, real, strict=True)}


def label_shares(one: Comparison) -> np.ndarray:
    """The training labels' distribution (classes,): the known one, else from the net's classes of the real images."""
    names = class_names(one.data, one.net)
    if "label" in one.data.arrays and set(names) == set(one.data.class_names):
        counts = np.bincount(matched(one.data, names).arrays["label"], minlength=one.net.classes)
        return np.asarray(counts / counts.sum())
    return one.real.classes.marginal


def class_names(data: DataSet, net: FeatureNet) -> tuple[str, ...]:
    """The names of the net's classes: its own, else those of data with as many classes, else numbers."""
    if net.spec.class_names:
        return net.spec.class_names
    return data.class_names if len(data.class_names) == net.classes else tuple(map(str, range(net.classes)))


def obeyed(one: Comparison) -> list[Figure]:
    seen_names = class_names(one.data, one.net)
    asked_names = matched_names(one.samples.asked, seen_names)
    if asked_names is None:
        one.notes.append(Note(N_OTHER_CLASSES, {"net": one.net.name}))
        return []
    seen = one.made.labels
    found = obedience(np.arange(len(seen)) % len(asked_names), seen, asked_names, seen_names)
    one.obeyed = found
    figure = one.figure("obedience", found.obeyed, of_share(found.obeyed, len(seen)), n=len(seen))
    if "label" not in one.data.arrays or set(seen_names) != set(one.data.class_names):
        return [figure]
    places = chosen_places(len(one.data), one.real.count, one.seed)[: len(one.real.labels)]
    truth = matched(one.data, seen_names).arrays["label"][places]
    return [figure.with_floor(float((truth == one.real.labels).mean()), len(truth))]


def nearest(one: Comparison) -> list[Figure]:
    found = memorisation(one.made.images, one.data, one.seed)
    one.memorised = found
    count = len(found.distances)
    spread = bootstrap.weights(one.random, count)
    ratios = np.array([np.median(np.repeat(found.distances, row)) for row in spread]) / found.usual
    return [
        one.figure("nearest", found.ratio, around(found.ratio, ratios, 0), n=count, net=PIXELS).with_floor(1.0, count),
        one.figure("copied", found.copied, of_share(found.copied, count), n=count, net=PIXELS).with_floor(
            RARE / 100, count
        ),
    ]


def copies(one: Comparison) -> list[Figure]:
    """AuthPct and MiFID; C_T if there are real images that the model wasn't trained on."""
    share = float(copying.authentic(one.pairs.squares, one.pairs.places, one.pairs.own).mean())
    authentic = one.figure("authentic", share, of_share(share, one.kept), n=one.kept)
    if (floor := one.floor_pairs) is not None:
        real_share = float(copying.authentic(floor.squares, floor.places, floor.own).mean())
        authentic = authentic.with_floor(real_share, len(floor.held))
    distance, replicates = one.frechet
    queries = one.made.features[: copying.QUERIES]
    cosines = copying.cosine_to_closest(one.real.features, queries)
    value = copying.mifid(distance, cosines)
    drawn = copying.mifid_replicates(replicates, cosines, one.random)
    mifid = one.figure("mifid", value, around(value, drawn, 0))
    first, second = one.halves
    cosine_floor = copying.cosine_to_closest(first, second[: copying.QUERIES])
    mifid = mifid.with_floor(copying.mifid(fid.frechet(first, second), cosine_floor), len(first))
    return [authentic, mifid, *_copy_test(one)]


def _copy_test(one: Comparison) -> list[Figure]:
    if one.unseen is None:
        one.notes.append(Note(N_NO_UNSEEN))
        return []
    training, made = one.real.features, one.made.features
    try:
        test = copying.copy_test(training, one.unseen, made, one.random, one.seed)
    except BadValue as error:  # too few images: the other figures are as good without it
        one.notes.append(Note(error.message, error.values))
        return []
    count = min(one.kept, copying.QUERIES)
    figure = one.figure("copy_test", test.value, around(test.value, test.replicates), n=count)
    return [figure.with_floor(0.0, len(one.unseen))]


def paths(one: Comparison) -> list[Figure]:
    sampler = one.samples.model
    assert sampler is not None
    count = min(PATHS, one.made.count)  # in the name, as in the field, with those that the mean leaves out
    values = path_lengths(sampler, one.net.perception(), count, one.seed)
    return [one.figure("ppl", float(values.mean()), bootstrap.of_mean(values, 0), n=count)]


COMPARISONS: dict[str, Callable[[Comparison], list[Figure]]] = {
    "fd": frechet,
    "fd_infinity": extrapolated,
    "fd_class": frechet_of_classes,
    "kid": kernel,
    "sliced": sliced_distance,
    "prdc": manifold,
    "classes": answers,
    "ndb": bins,
    "vendi": vendi_score,
    "msssim": likeness,
    "obedience": obeyed,
    "nearest": nearest,
    "copying": copies,
    "ppl": paths,
}
