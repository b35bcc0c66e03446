"""Collects data from samples and real images in one pass over each, with memory that doesn't grow with their number."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gan_core.metrics.classes import ClassCounts
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.fid import Moments
from gan_core.metrics.pictures import check_eight_bits
from gan_core.metrics.streams import Stream

KEPT = 10_000  # features of each side that are compared in pairs
QUERIES = 500  # samples whose closest training images are searched for


@dataclass
class Side:
    """The collected data of one side, samples or real images."""

    moments: Moments
    answers: dict[str, ClassCounts]
    kept: list[np.ndarray] = field(default_factory=list)  # features (B, d)
    seen: list[np.ndarray] = field(default_factory=list)  # the likeliest class of those images (B,), if there are any
    first: list[np.ndarray] = field(default_factory=list)  # images (B, C, H, W) that are queries
    sums: list[np.ndarray] = field(default_factory=list)  # a checksum of each image
    count: int = 0

    def add(self, images: np.ndarray, net: FeatureNet) -> None:
        if self.count < QUERIES:
            self.first.append(images)
        self.sums.append(np.array([zlib.crc32(image.tobytes()) for image in images], np.uint32))
        for features, probabilities in net.predict(images):
            self.moments.add(features)
            answers = net.split(probabilities)
            for name, part in answers.items():
                self.answers[name].add(part)
            if self.count < KEPT:
                self.kept.append(features)
                self.seen.append(answers["class"].argmax(1) if "class" in answers else np.zeros(len(features), int))
            self.count += len(features)

    @property
    def classes(self) -> ClassCounts:
        """Class counts, for a net trained on classes."""
        return self.answers["class"]

    @property
    def features(self) -> np.ndarray:
        """Features of the first KEPT images, (n, d)."""
        return self._joined(self.kept)

    @property
    def labels(self) -> np.ndarray:
        """The net's classes for them, (n,); 0 if it predicts none."""
        return self._joined(self.seen)

    @property
    def images(self) -> np.ndarray:
        """The first QUERIES images, (n, C, H, W)."""
        if len(self.first) > 1:
            self.first = [np.concatenate(self.first)[:QUERIES]]
        return self.first[0][:QUERIES]

    def same_images(self, other: Side) -> bool:
        """Whether both sides consist of the same images, in any order."""
        if self.count != other.count:
            return False
        one, two = (np.sort(np.concatenate(side.sums)) for side in (self, other))
        return bool((one == two).all())

    @staticmethod
    def _joined(parts: list[np.ndarray]) -> np.ndarray:
        """Concatenates the parts in place, so that nothing is in memory twice."""
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0][:KEPT]


class Clock:
    """Measures seconds by activity."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - began


def gather(stream: Stream, net: FeatureNet, clock: Clock, taking: str, report: Callable[[int], None]) -> Side:
    """Makes one pass over a stream; the time for generating its images counts as `taking`."""
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
