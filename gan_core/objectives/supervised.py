"""Learning what images show, from images of which it is known: the objective of feature nets.

    L = -E[log p(y|x)],   p(y|x) = softmax(logits)_y

y is the class. Of data whose attributes are known it is one attribute after another, each with a head of its own, and
the losses are summed. What a picture hides (hair under a hat) is asked all the same: the net learns how likely each
value is there, and isn't sure.

With `smoothing` s the target is 1 - s for the true class and s spread over all of them (1512.00567, section 7). One
phase, in the role "discriminator": the network judges images, and there is no opponent.

Images are altered a little on the way (`augment`): turned, slanted, stretched and moved, by one affine warp with
bilinear interpolation; never mirrored, because a mirrored digit or letter is another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from gan_core.data.base import DataSpec
from gan_core.hparams import AloneHParams
from gan_core.knobs import knob
from gan_core.objectives.augment import Random, uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext

TURN = math.radians(15)  # at most, either way, at strength 1
SLANT = 0.2
STRETCH = 0.15
MOVE = 0.1  # of the side


@dataclass(frozen=True)
class SupervisedHParams(AloneHParams):
    """What the objective reads."""

    augment: float = knob(
        0.5, 0.0, 1.0, label="Augmentation strength", group="objective",
        help="Strength of the random rotation, shear, scaling and translation of training images; 0 turns it off.",
    )  # fmt: skip
    smoothing: float = knob(
        0.0, 0.0, 0.5, label="Label smoothing", group="objective",
        help="Share of the target probability that is spread evenly over all classes, which keeps the network from "
        "becoming overconfident.",
    )  # fmt: skip


class Supervised(Objective):
    """Cross-entropy of `features(images)`, features (B, d) and logits (B, answers), against the true answers:
    `label` (B,) or `attributes` (B, K).
    """

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        self.questions = dict(spec.questions)

    def phases(self, hparams: SupervisedHParams) -> Sequence[Phase]:
        return [Phase("features", "discriminator", "features", self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        images = batch["real"]
        # (B,) -> (B, 1), or (B, K)
        truths = batch["label"][:, None] if "label" in batch else batch["attributes"]
        hparams = context.hparams
        assert isinstance(hparams, SupervisedHParams)
        if hparams.augment:
            images = altered(images, uniform(context.generator, images.device), hparams.augment)
        _, logits = networks["features"](images)
        answers = answered(logits, self.questions)
        right = [answer.argmax(1) == truth for answer, truth in zip(answers, truths.unbind(1), strict=True)]
        # the health check reads "accuracy" as a discriminator's, which must not be near 1
        context.observe("class_accuracy", torch.stack(right, 1).float().mean(1))
        losses = [
            cross_entropy(answer, truth, label_smoothing=hparams.smoothing)
            for answer, truth in zip(answers, truths.unbind(1), strict=True)
        ]
        return {"cross_entropy": torch.stack(losses).sum()}


def answered(logits: Tensor, questions: Mapping[str, int]) -> tuple[Tensor, ...]:
    """The logits of each question, (B, its answers), from those of all (B, answers)."""
    return torch.split(logits, list(questions.values()), 1)


def altered(images: Tensor, random: Random, strength: float) -> Tensor:
    """Images (B, C, H, W), each turned, slanted, stretched and moved at random; `strength` in [0, 1]."""
    count, _, height, width = images.shape

    def spread(most: float, *shape: int) -> Tensor:
        return (2 * random(count, *shape) - 1) * most * strength

    angle, slant = spread(TURN), spread(SLANT)
    stretch, move = torch.exp(spread(STRETCH, 2)), spread(2 * MOVE, 2)  # the grid's side is 2
    first = torch.stack([stretch[:, 0] * angle.cos(), slant - angle.sin(), move[:, 0]], 1)
    second = torch.stack([angle.sin(), stretch[:, 1] * angle.cos(), move[:, 1]], 1)
    grid = affine_grid(torch.stack([first, second], 1), [count, 1, height, width], align_corners=False)
    warped = grid_sample(images, grid, padding_mode="border", align_corners=False)
    return warped.contiguous(memory_format=torch.channels_last)
