"""The question: with ten labelled pictures, do a generator's labelled samples make a better segmenter?

    ten                ten drawn faces with their true masks
    classical          the same ten, mirrored, shifted, scaled and tinted at random
    gan                pairs of the generator, labelled by an ensemble trained on ten of its pictures
    all                4,000 drawn faces with their true masks: the upper limit

In the paper a person labels the ten pictures of `gan`, since a generated face has no known mask. Here the segmenter of
`all` replaces that person; it labels ten pictures. The generator itself was trained on the 4,000 faces without masks.
All segmenters train for the same number of steps and are tested on new faces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan_core.data.avatars import draw_avatars, sample_attributes
from gan_core.models.sampler import Sampler
from gan_core.segmentation.factory import drawn, made, pixels_of
from gan_core.segmentation.learning import learn_pixels, learn_segmenter, segmented
from gan_core.segmentation.masks import Labelled, draw_masks, mean_iou

ARMS = ("ten", "classical", "gan", "all")
LABELLED = 10
FACES, TESTED = 4000, 500
SIZE = 64


@dataclass(frozen=True)
class Plan:
    """The size of the comparison."""

    faces: int = FACES  # labelled pictures of the arm `all`
    pairs: int = 500  # of the generator
    steps: int = 400  # of each segmenter
    pixel_steps: int = 500  # of the ensemble
    tested: int = TESTED


def faces(count: int, seed: int) -> Labelled:
    """Drawn faces with their true masks."""
    attributes = sample_attributes(count, seed)
    return Labelled(draw_avatars(attributes, SIZE), draw_masks(attributes, SIZE))


@dataclass(frozen=True, eq=False)
class Outcome:
    """The mean IoU of each arm and of each part, (parts,); and some pairs of the generator for display."""

    mean: dict[str, float]
    parts: dict[str, np.ndarray]
    pairs: Labelled
    pixel_iou: float  # of the ensemble's masks, against those of the segmenter of `all`, on the generator's pictures


def compare(
    sampler: Sampler,
    known: Labelled,
    test: Labelled,
    seed: int,
    plan: Plan,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs one repetition: each seed has other pictures, weights and latents."""
    chosen = np.random.default_rng(seed).choice(len(known), LABELLED, replace=False)
    ten = known[chosen]
    means: dict[str, float] = {}
    parts: dict[str, np.ndarray] = {}

    def mark(arm: str, labelled: Labelled, augment: bool = False) -> object:
        network = learn_segmenter(labelled, plan.steps, seed, augment)
        means[arm], parts[arm] = mean_iou(segmented(network, test.pictures), test.masks)
        say(f"seed {seed}: {arm} {means[arm]:.3f}")
        return network

    teacher = mark("all", known)
    mark("ten", ten)
    mark("classical", ten, augment=True)
    pictures, features = drawn(sampler, LABELLED, 1000 + seed)
    labels = segmented(teacher, pictures)  # type: ignore[arg-type]
    ensemble = learn_pixels(pixels_of(features), labels.ravel(), plan.pixel_steps, seed)
    pairs = made(sampler, ensemble, plan.pairs, 2000 + seed)
    agreed, _parts = mean_iou(pairs.masks, segmented(teacher, pairs.pictures))  # type: ignore[arg-type]
    mark("gan", pairs)
    return Outcome(means, parts, pairs[np.arange(min(24, len(pairs)))], agreed)
