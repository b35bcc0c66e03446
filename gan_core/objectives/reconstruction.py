"""A discriminator that must be able to redraw what it sees (lightweight GAN, 2101.04775, section 3.2).

    L_recons = E_{f ~ D(x), x real} |decode(f) - T(x)|                                               (equation 2)

Two small decoders draw real images again from the discriminator's features: the whole image at a low resolution from
its last features, and one quarter of it, taken at random, from the same quarter of the features before. So the
features must hold all of an image, and not just what gives fakes away. When to use it: data sets of some hundred to
thousand images, which a discriminator would learn by heart.

Differs from the paper: the mean absolute difference instead of a perceptual distance, which needs a network that
others have trained.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, l1_loss

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, Fakes, Verdict
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.stabilisers import input_of


@dataclass(frozen=True)
class ReconstructionHParams(AdversarialHParams):
    """The knob of the decoders."""

    reconstruction_weight: float = knob(
        1.0, 0.0, 100.0, label="Reconstruction loss weight", group="objective",
        help="Weight of reconstructing real images from the discriminator's features. The paper uses 1.",
    )  # fmt: skip


def quarter(images: Tensor, place: int) -> Tensor:
    """One quarter of (B, C, H, W): 0 and 1 above, 2 and 3 below, from left to right; (B, C, H/2, W/2)."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    top, left = place // 2 * height, place % 2 * width
    return images[:, :, top : top + height, left : left + width]


def redrawn(decoded: Tensor, images: Tensor) -> Tensor:
    """The mean absolute difference of decoded (B, C, h, w) from images (B, C, H, W), brought to h x w by averaging."""
    return l1_loss(decoded, adaptive_avg_pool2d(images, (decoded.shape[2], decoded.shape[3])))


@dataclass(frozen=True)
class Seen(Verdict):
    """A verdict with what it was made from: the images as they were shown, and the features before the last ones."""

    images: Tensor | None = None  # (B, C, H, W)
    before: Tensor | None = None  # (B, C', h', w')

    def __getitem__(self, part: slice) -> Seen:
        cut = [None if given is None else given[part] for given in (self.features, self.images, self.before)]
        return Seen(self.logits[part], *cut)


class Reconstruction(Adversarial):
    """Lightweight GAN's objective. Networks: those of `Adversarial`, whose discriminator has a submodule `deepest`
    between two maps of features; `decoder(last, before)` draws from the last features (B, C, h, w) the whole image, and
    from a quarter of the features before them (B, C', h', w') that quarter of it."""

    def judge(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, features: bool = False) -> Verdict:
        deepest = getattr(discriminator, "deepest", None)
        if not isinstance(deepest, nn.Module):  # one that looks ahead, for the generator alone
            return super().judge(discriminator, images, labels, features)
        with input_of(deepest) as before:
            verdict = super().judge(discriminator, images, labels, features=True)
        return Seen(verdict.logits, verdict.features, images, before[-1])

    def discriminator_extras(
        self, networks: Networks, real: Verdict, fake: Verdict, batch: Batch, fakes: Fakes, context: StepContext
    ) -> dict[str, Tensor]:
        assert isinstance(real, Seen)
        assert real.images is not None
        assert real.before is not None
        place = int(torch.randint(4, (1,), generator=context.generator))
        whole, part = networks["decoder"](real.features, quarter(real.before, place))
        weight = _settings(context).reconstruction_weight
        return {
            "redrawn_whole": weight * redrawn(whole, real.images),
            "redrawn_part": weight * redrawn(part, quarter(real.images, place)),
        }


def _settings(context: StepContext) -> ReconstructionHParams:
    hparams = context.hparams
    assert isinstance(hparams, ReconstructionHParams)
    return hparams
