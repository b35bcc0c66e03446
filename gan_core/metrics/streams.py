"""Streams of images for evaluation, from a model or a data set, in batches, so that memory doesn't grow with their
number.
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
    """`count` uint8 images of `shape` (C, H, W); `batches()` yields them from the start, (B, C, H, W) at a time.

    For a conditional model `asked` names the requested classes, in turn; `model` draws them.
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
    """Samples of a model, all classes in turn, rounded to the 256 levels of a picture file.

    Each batch has a seed of its own, drawn from `seed`. Raises BadData for a model that doesn't generate images.
    """
    check_images(sampler)

    def batches() -> Iterator[np.ndarray]:
        from gan_core.pictures.grids import to_uint8

        seeds = np.random.default_rng(seed)
        classes = sampler.spec.classes if sampler.recipe.conditional else 1
        whole = max(1, BATCH // classes) * classes  # every class equally often in each batch
        for start in range(0, count, whole):
            drawn = sampler.sample(min(whole, count - start), int(seeds.integers(2**31)))
            yield np.ascontiguousarray(to_uint8(drawn).transpose(0, 3, 1, 2))  # (B, H, W, C) -> (B, C, H, W)

    asked = class_names_of(sampler.spec) if sampler.recipe.conditional else ()
    return Stream(name, count, sampler.spec.fields["real"], batches, asked, sampler)


def class_names_of(spec: DataSpec) -> tuple[str, ...]:
    """The names of the classes, numbers if they have none."""
    return spec.class_names or tuple(map(str, range(spec.classes)))


def check_images(sampler: Sampler) -> None:
    """Raises BadData for a model that doesn't generate images."""
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
    """Random distinct indices below `length`, (min(count, length),), because sets are often sorted by class."""
    return np.random.default_rng(seed).permutation(length)[:count]
