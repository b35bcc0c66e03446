"""Self-supervised discriminator: reconstruct real images from its features (FastGAN, 2101.04775, section 3.2).

    L_recons = E_{f ~ D(x), x real} |decode(f) - T(x)|                                               (equation 2)

Two small decoders reconstruct real images from the discriminator's features: the whole image at a low resolution from
the last features, and a random quarter of it from the same quarter of the earlier features. The features therefore have
to represent whole images, not just what gives fakes away. When to use it: data sets of a few hundred to a few thousand
images, which a discriminator would memorise.

Differs from the paper: L1 instead of a perceptual loss, which needs a pretrained network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, l1_loss

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
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
    """One quarter of (B, C, H, W): 0 and 1 at the top, 2 and 3 at the bottom, left to right; (B, C, H/2, W/2)."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    top, left = place // 2 * height, place % 2 * width
    return images[:, :, top : top + height, left : left + width]


def reconstruction_error(decoded: Tensor, images: Tensor) -> Tensor:
    """Mean absolute error of decoded (B, C, h, w) against images (B, C, H, W), averaged down to h x w."""
    return l1_loss(decoded, adaptive_avg_pool2d(images, (decoded.shape[2], decoded.shape[3])))


@dataclass(frozen=True)
class DetailedOutput(DiscriminatorOutput):
    """The output with the discriminator's input images and its features before the last ones."""

    images: Tensor | None = None  # (B, C, H, W)
    earlier: Tensor | None = None  # (B, C', h', w')

    def __getitem__(self, part: slice) -> DetailedOutput:
        cut = [None if given is None else given[part] for given in (self.features, self.images, self.earlier)]
        return DetailedOutput(self.logits[part], *cut)


class Reconstruction(Adversarial[ReconstructionHParams]):
    """Lightweight GAN's objective. Networks: those of `Adversarial`, whose discriminator has a submodule `deepest`
    between its earlier and its last features; `decoder(last, quarter)` reconstructs the whole image from the last
    features (B, C, h, w), and a quarter of the image from that quarter of the earlier features (B, C', h', w')."""

    def discriminate(
        self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, features: bool = False
    ) -> DiscriminatorOutput:
        deepest = getattr(discriminator, "deepest", None)
        if not isinstance(deepest, nn.Module):  # an unrolled one, used only by the generator
            return super().discriminate(discriminator, images, labels, features)
        with input_of(deepest) as earlier:
            output = super().discriminate(discriminator, images, labels, features=True)
        return DetailedOutput(output.logits, output.features, images, earlier[-1])

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[ReconstructionHParams],
    ) -> dict[str, Tensor]:
        assert isinstance(real, DetailedOutput)
        assert real.images is not None
        assert real.earlier is not None
        place = int(torch.randint(4, (1,), generator=context.generator))
        whole, part = networks["decoder"](real.features, quarter(real.earlier, place))
        weight = context.hparams.reconstruction_weight
        return {
            "redrawn_whole": weight * reconstruction_error(whole, real.images),
            "redrawn_part": weight * reconstruction_error(part, quarter(real.images, place)),
        }
