"""Supervised classification: the objective of feature nets.

    L = -E[log p(y|x)],   p(y|x) = softmax(logits)_y

y is the class. For data with attributes, each attribute has its own logits, and the losses are summed. Hidden
attributes (hair under a hat) are included: the net learns how likely each value is.

With label `smoothing` s the target is 1 - s for the true class, plus s spread evenly over all classes (1512.00567,
section 7). One phase, in the role "discriminator"; there is no generator.

Images are augmented (`augment`) by one random affine warp with bilinear interpolation: rotation, shear, scaling and
translation; no flips, because a mirrored digit or letter is a different one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from gan_core.data.base import DataSpec
from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.augment import Random, uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext

# largest changes in either direction, at strength 1
ROTATION = math.radians(15)
SHEAR = 0.2
SCALING = 0.15  # of the logarithm of the scale
TRANSLATION = 0.1  # of the side


@dataclass(frozen=True)
class SupervisedHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    augment: float = knob(
        0.5, 0.0, 1.0, label="Augmentation strength", group="objective",
        help="Strength of the random rotation, shear, scaling and translation of training images; 0 turns it off.",
    )  # fmt: skip
    smoothing: float = knob(
        0.0, 0.0, 0.5, label="Label smoothing", group="objective",
        help="Share of the target probability that is spread evenly over all classes, which keeps the network from "
        "becoming overconfident.",
    )  # fmt: skip


class Supervised(Objective[SupervisedHParams]):
    """Cross-entropy of `features(images)`, features (B, d) and logits (B, answers), against the true answers:
    `label` (B,) or `attributes` (B, K).
    """

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        self.questions = dict(spec.questions)

    def phases(self, hparams: SupervisedHParams) -> Sequence[Phase]:
        return [Phase(name="features", role="discriminator", group="features", terms=self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[SupervisedHParams]) -> dict[str, Tensor]:
        images = batch["real"]
        # (B,) -> (B, 1), or (B, K)
        truths = batch["label"][:, None] if "label" in batch else batch["attributes"]
        hparams = context.hparams
        if hparams.augment:
            images = random_affine(images, uniform(context.generator, images.device), hparams.augment)
        _, logits = networks["features"](images)
        answers = split_logits(logits, self.questions)
        right = [answer.argmax(1) == truth for answer, truth in zip(answers, truths.unbind(1), strict=True)]
        # not "accuracy": the health check expects that of a discriminator, which should not be near 1
        context.observe("class_accuracy", torch.stack(right, 1).float().mean(1))
        losses = [
            cross_entropy(answer, truth, label_smoothing=hparams.smoothing)
            for answer, truth in zip(answers, truths.unbind(1), strict=True)
        ]
        return {"cross_entropy": torch.stack(losses).sum()}


def split_logits(logits: Tensor, questions: Mapping[str, int]) -> tuple[Tensor, ...]:
    """The logits of each question, (B, its answers), from all logits (B, answers)."""
    return torch.split(logits, list(questions.values()), 1)


def random_affine(images: Tensor, random: Random, strength: float) -> Tensor:
    """Images (B, C, H, W) under random affine warps; `strength` in [0, 1]."""
    count, _, height, width = images.shape

    def spread(most: float, *shape: int) -> Tensor:
        return (2 * random(count, *shape) - 1) * most * strength

    angle, slant = spread(ROTATION), spread(SHEAR)
    stretch, move = torch.exp(spread(SCALING, 2)), spread(2 * TRANSLATION, 2)  # the grid's side is 2
    first = torch.stack([stretch[:, 0] * angle.cos(), slant - angle.sin(), move[:, 0]], 1)
    second = torch.stack([angle.sin(), stretch[:, 1] * angle.cos(), move[:, 1]], 1)
    grid = affine_grid(torch.stack([first, second], 1), [count, 1, height, width], align_corners=False)
    warped = grid_sample(images, grid, padding_mode="border", align_corners=False)
    return warped.contiguous(memory_format=torch.channels_last)
