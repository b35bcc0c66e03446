"""Streams of images to evaluate, batch by batch, so that memory doesn't grow with their number: from a model or a data
set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gan_core.data.base import DataSet, DataSpec
from gan_core.data.channels import images_in
from gan_core.errors import BadData
from gan_core.metrics.feature_net import BATCH
from gan_core.models.sampler import Sampler


@dataclass(frozen=True)
class Stream:
    """`count` uint8 images of `shape` (C, H, W); `batches()` gives them from the start, (B, C, H, W) at a time.

    Of a conditional model `asked` names the classes that the images were asked for, in turn; `model` draws them.
    """

    name: str
    count: int
    shape: tuple[int, ...]
    batches: Callable[[], Iterator[np.ndarray]]
    asked: tuple[str, ...] = ()
    model: Sampler | None = None

    def in_channels(self, channels: int) -> Stream:
        """The same images with 1 or 3 channels."""
        shape = (channels, *self.shape[1:])
        return replace(self, shape=shape, batches=lambda: (images_in(part, channels) for part in self.batches()))

    def first(self, count: int) -> Stream:
        """The first `count` images, or all where there are fewer."""

        def batches() -> Iterator[np.ndarray]:
            left = count
            for part in self.batches():
                yield part[:left]
                left -= len(part)
                if left <= 0:
                    return

        return self if count >= self.count else replace(self, count=count, batches=batches)


def of_model(sampler: Sampler, count: int, seed: int, name: str) -> Stream:
    """Samples of a model, all classes in turn, rounded to the 256 levels that a picture file has.

    Each batch has a seed of its own, drawn from `seed`. Raises BadData for a model that makes no images.
    """
    check_images(sampler)

    def batches() -> Iterator[np.ndarray]:
        from gan_core.pictures.grids import to_uint8

        seeds = np.random.default_rng(seed)
        classes = sampler.spec.classes if sampler.recipe.conditional else 1
        whole = max(1, BATCH // classes) * classes  # each batch has every class equally often
        for start in range(0, count, whole):
            drawn = sampler.sample(min(whole, count - start), int(seeds.integers(2**31)))
            yield np.ascontiguousarray(to_uint8(drawn).transpose(0, 3, 1, 2))  # (B, H, W, C) -> (B, C, H, W)

    asked = class_names_of(sampler.spec) if sampler.recipe.conditional else ()
    return Stream(name, count, sampler.spec.fields["real"], batches, asked, sampler)


def class_names_of(spec: DataSpec) -> tuple[str, ...]:
    """The names of the classes, by number where they have none."""
    return spec.class_names or tuple(map(str, range(spec.classes)))


def check_images(sampler: Sampler) -> None:
    """Raises BadData for a model that makes no images."""
    if not sampler.recipe.draws or len(sampler.spec.fields.get("real", ())) != 3:
        raise BadData(
            "{recipe} doesn't generate images, which these metrics need. Choose a run of another recipe.",
            recipe=sampler.recipe.title,
        )


def of_data(data: DataSet, count: int, seed: int) -> Stream:
    """Up to `count` different images of a data set, in an order fixed by the seed."""
    chosen = chosen_places(len(data), count, seed)
    images = data.arrays["real"]

    def batches() -> Iterator[np.ndarray]:
        for start in range(0, len(chosen), BATCH):
            yield np.ascontiguousarray(images[chosen[start : start + BATCH]])

    return Stream(data.name, len(chosen), tuple(images.shape[1:]), batches)


def chosen_places(length: int, count: int, seed: int) -> np.ndarray:
    """Different places among `length`, (min(count, length),): sets are often sorted by class, so a start won't do."""
    return np.random.default_rng(seed).permutation(length)[:count]
