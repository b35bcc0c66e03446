"""Inpainting: filling holes in an image from their surroundings (context encoder, 1604.07379).

    L_D = -E[log D(y)] - E[log(1 - D(x'))]        L_G = l |M (y - G(x, M))|^2 - (1 - l) E[log D(x')]

y is an image, M is 1 inside the hole, x = (1 - M) y, and x' = x + M G(x, M) is the filled image; l = 0.999. Pixels near
the border of a hole weigh ten times as much, for continuity with the surroundings (section 4.1). The hole is the centre
square, or random blocks and strokes (section 4.2), which give an encoder better features.

With a contrastive weight, the codes of one image under two masks are matched against those of the rest of the batch, as
in SimCLR (2002.05709, equation 1): -log softmax_j(c_i . c'_j / tau)_i for unit vectors c, c'. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, max_pool2d, normalize

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.losses import losses
from gan_core.objectives.translation import EVALUATE_EVERY, Translation, TranslationHParams, evaluated
from gan_core.ranks import current, normal, uniform

RIM_WEIGHT = 10.0
RIM = 32  # the border is 1/32 of the image's side wide: 4 pixels at 128
SHORTEST, LONGEST = 1 / 6, 1 / 2  # of the image's side: a block's sides
THINNEST, THICKEST = 1 / 24, 1 / 10  # of the image's side: a stroke's radius
BLOCKS, BENDS = 2, 4  # rectangles of a mask; segments of a stroke
TEMPERATURE = 0.1


@dataclass(frozen=True)
class InpaintingHParams(TranslationHParams):
    """The knobs of the objective."""

    holes: str = knob(
        "middle", choices=("middle", "random"), label="Holes", group="objective",
        help="Which regions are removed: the centre square, or random rectangles and brush strokes, which teach the "
        "network to fill holes of any shape.",
    )  # fmt: skip
    content_weight: float = knob(
        0.999, 0.0, 100.0, label="Content loss weight", group="objective",
        help="Weight of the squared error inside the hole. On its own it fills holes with a blur.",
    )  # fmt: skip
    contrast_weight: float = knob(
        0.0, 0.0, 10.0, label="Contrastive loss weight", group="objective",
        help="Weight of a contrastive loss (SimCLR) between the codes of one image under two masks. Gives better "
        "features for other tasks; 0 turns it off.",
    )  # fmt: skip


class Encoder(Protocol):
    """The interface that the objective requires of a generator besides images."""

    def encode(self, images: Tensor, holes: Tensor) -> Tensor:
        """The codes (B, code_size) of images with holes."""


class Inpainting(Translation[InpaintingHParams]):
    """`generator(images (B, C, H, W), holes (B, 1, H, W))` returns images; `discriminator(images)` logits (B,)."""

    def phases(self, hparams: InpaintingHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator),
            Phase(name="generator", role="generator", group="generator", terms=self._generator),
        )

    def _discriminator(
        self, networks: Networks, batch: Batch, context: StepContext[InpaintingHParams]
    ) -> dict[str, Tensor]:
        truth, holes = batch["real"], self._holes(batch, context)
        context.store("holes", holes)
        made = context.share("made", lambda: networks["generator"](truth, holes), "generator").detach()
        real, fake = networks["discriminator"](truth), networks["discriminator"](torch.where(holes, made, truth))
        context.observe("real", real)
        context.observe("fake_before", fake)
        return losses[context.hparams.loss].discriminator_terms(real, fake)

    def _generator(
        self, networks: Networks, batch: Batch, context: StepContext[InpaintingHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        truth = batch["real"]
        holes: Tensor = context.shared("holes", lambda: self._holes(batch, context))
        made: Tensor = context.shared("made", lambda: networks["generator"](truth, holes))
        fake = networks["discriminator"](torch.where(holes, made, truth))
        context.observe("fake_after", fake)
        terms = {
            "content": hparams.content_weight * border_weighted_error(made, truth, holes),
            "adversarial": hparams.adversarial_weight * losses[hparams.loss].generator_terms(fake)["adversarial"],
        }
        if hparams.contrast_weight:
            encoder = cast(Encoder, networks["generator"])
            others = random_holes(len(truth), truth.shape[3], context.generator).to(truth.device)
            terms["contrast"] = hparams.contrast_weight * contrast(
                encoder.encode(truth, holes), encoder.encode(truth, others)
            )
        return terms

    def _holes(self, batch: Batch, context: StepContext[InpaintingHParams]) -> Tensor:
        count, size = len(batch["real"]), batch["real"].shape[3]
        return sample_holes(context.hparams.holes, count, size, context.generator).to(batch["real"].device)

    def after_step(self, context: StepContext[InpaintingHParams]) -> None:
        if context.step % EVALUATE_EVERY == 0 and (held_out := context.held_out()):
            truth = held_out["real"]
            holes = preview_holes(context.hparams.holes, truth)
            with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
                made = generator(truth, holes)
            missing = holes.expand_as(truth)
            context.observe("held_out_l1", (made - truth)[missing].abs().mean().reshape(1))


def sample_holes(kind: str, count: int, size: int, generator: torch.Generator) -> Tensor:
    """Masks (count, 1, size, size), true inside the hole; `kind` is a choice of the knob `holes`."""
    return random_holes(count, size, generator) if kind == "random" else middle_hole(count, size)


def preview_holes(kind: str, images: Tensor) -> Tensor:
    """The fixed masks of a run's preview."""
    generator = torch.Generator().manual_seed(0)
    return sample_holes(kind, len(images), images.shape[3], generator).to(images.device)


def middle_hole(count: int, size: int) -> Tensor:
    """The centre square, half the height and width: (count, 1, size, size), true inside."""
    holes = torch.zeros(count, 1, size, size, dtype=torch.bool)
    quarter = size // 4
    holes[:, :, quarter : 3 * quarter, quarter : 3 * quarter] = True
    return holes


def random_holes(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Rectangles or a brush stroke for each image, (count, 1, size, size), true inside."""
    stroked = uniform((count, 1, 1), generator) < 0.5
    holes = torch.where(stroked, _strokes(count, size, generator), _blocks(count, size, generator))
    return holes[:, None]  # (count, H, W) -> (count, 1, H, W)


def _blocks(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Rectangles, (count, size, size), true inside."""
    sides = SHORTEST + (LONGEST - SHORTEST) * uniform((count, BLOCKS, 2), generator)
    starts = uniform((count, BLOCKS, 2), generator) * (1 - sides)
    places = (torch.arange(size) + 0.5) / size
    inside = (places >= starts[..., None]) & (places < (starts + sides)[..., None])  # (count, BLOCKS, 2, size)
    return (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).any(1)


def _strokes(count: int, size: int, generator: torch.Generator) -> Tensor:
    """A polyline with round ends, (count, size, size), true inside."""
    steps = 0.2 * normal((count, BENDS + 1, 2), generator)
    steps[:, 0] = 0.15 + 0.7 * uniform((count, 2), generator)
    corners = steps.cumsum(1).clamp(0, 1)  # (count, BENDS + 1, 2)
    radius = THINNEST + (THICKEST - THINNEST) * uniform((count, 1, 1, 1), generator)
    start, along = corners[:, :-1, None, None], corners.diff(dim=1)[:, :, None, None]  # (count, BENDS, 1, 1, 2)
    places = (torch.arange(size) + 0.5) / size
    pixels = torch.stack(torch.meshgrid(places, places, indexing="ij"), -1)  # (size, size, 2)
    # position on its line of the point nearest to each pixel
    share = (((pixels - start) * along).sum(-1) / along.square().sum(-1).clamp(min=1e-8)).clamp(0, 1)
    distance = (pixels - start - share[..., None] * along).square().sum(-1).sqrt()  # (count, BENDS, size, size)
    return (distance < radius).any(1)


def blanked(images: Tensor, holes: Tensor) -> Tensor:
    """The images with their holes set to 0, which is grey."""
    return images.masked_fill(holes, 0.0)


def border_weighted_error(filled: Tensor, truth: Tensor, holes: Tensor) -> Tensor:
    """Mean squared error inside the holes, with their borders weighted ten times."""
    rim = max(1, holes.shape[3] // RIM)
    near = max_pool2d((~holes).float(), 2 * rim + 1, stride=1, padding=rim) > 0
    weight = holes * torch.where(near, RIM_WEIGHT, 1.0)
    return ((filled - truth).square().mean(1, keepdim=True) * weight).sum() / current().mean(holes.float().sum()).clamp(
        min=1
    )


def contrast(codes: Tensor, others: Tensor) -> Tensor:
    """InfoNCE: cross-entropy of matching each image's two codes within the batch; (B, code_size) both."""
    codes, others = current().whole(codes), current().whole(others)
    similarity = normalize(codes) @ normalize(others).T / TEMPERATURE
    return cross_entropy(similarity, torch.arange(len(codes), device=codes.device))
