"""Super-resolution: a content loss first, then an adversarial loss as well (SRGAN, ESRGAN).

    L_D = -E[log D(y)] - E[log(1 - D(G(x)))]        L_G = E[|y - G(x)|^p] - w E[log D(G(x))]

y is a random crop of a real image and x is y downscaled, bicubic with antialiasing. During the warm-up the generator is
trained by the content loss alone (1609.04802, section 3.2). The discriminator may be relativistic: D(y) is then
sigmoid(C(y) - E C(G(x))), and the generator's loss has both terms (1809.00219, section 3.2). The content loss may
include a perceptual loss f d(y, G(x)) in the features of a feature net.

Held-out crops are evaluated by PSNR and SSIM, next to those of bicubic interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.knobs import knob, unless, when
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.degradations import degraded
from gan_core.objectives.fidelity import psnr, ssim
from gan_core.objectives.losses import losses
from gan_core.objectives.translation import EVALUATE_EVERY, Translation, TranslationHParams, evaluated
from gan_core.ranks import batch_mean, integers

NETS = ("features.emoji", "features.avatars")  # feature nets on the shelf for colour images


@dataclass(frozen=True)
class SuperResolutionHParams(TranslationHParams):
    """The knobs of the objective."""

    scale: str = knob(
        "4", choices=("2", "4"), label="Upscaling factor", unit="times", change="rebuild", group="networks",
        help="Factor by which height and width are enlarged.",
    )  # fmt: skip
    crop: int = knob(
        64, 8, 256, label="Crop size", unit="pixels", change="rebuild", group="objective",
        help="Side of the random crops that the networks train on, rounded down to a multiple of the upscaling factor.",
    )  # fmt: skip
    content: str = knob(
        "l1", choices=("l1", "l2", "features"), label="Content loss", group="objective",
        help="Distance to the ground truth. L2 gives the best PSNR and the blurriest images. Features adds a "
        "perceptual loss to L1 once the warm-up is over.",
    )  # fmt: skip
    content_net: str = knob(
        "features.emoji", choices=NETS, label="Perceptual loss network", group="objective",
        acts_when=when(content=("features",)),
        help="Feature net on the shelf that the perceptual loss uses.",
    )  # fmt: skip
    features_weight: float = knob(
        0.2, 0.0, 100.0, label="Perceptual loss weight", group="objective",
        acts_when=when(content=("features",)),
        help="Weight of the perceptual loss relative to the pixel loss.",
    )  # fmt: skip
    content_weight: float = knob(
        1.0, 0.0, 100.0, label="Content loss weight", group="objective",
        help="Weight of the distance to the ground truth in the generator's loss.",
    )  # fmt: skip
    warm_up: float = knob(
        16.0, 0.0, 100_000.0, label="Content loss warm-up", unit="thousand images", group="objective",
        clock="content_alone",
        help="Train with the content loss only for this long. Without it the discriminator wins at once.",
    )  # fmt: skip
    relativistic: str = knob(
        "none", choices=("none", "average"), label="Relativistic discriminator", change="rebuild", group="objective",
        help="The discriminator estimates whether a real image is more realistic than the average upscaled one.",
    )  # fmt: skip
    damaged: float = knob(
        0.0, 0.0, 1.0, label="Degraded images", unit="fraction", group="objective",
        help="Fraction of the low-resolution inputs that are blurred, made noisy and JPEG-compressed, so that the "
        "network also learns to restore photos (Real-ESRGAN, 2107.10833). 0 trains on clean images only.",
    )  # fmt: skip
    damage_blur: float = knob(
        0.8, 0.0, 4.0, label="Maximum blur", unit="pixels", group="objective",
        acts_when=unless(damaged=0.0),
        help="Largest standard deviation of the Gaussian blur.",
    )  # fmt: skip
    damage_noise: float = knob(
        15.0, 0.0, 60.0, label="Maximum noise", unit="levels of 255", group="objective",
        acts_when=unless(damaged=0.0),
        help="Largest standard deviation of the Gaussian noise.",
    )  # fmt: skip
    damage_quality: int = knob(
        30, 5, 100, label="Minimum JPEG quality", group="objective",
        acts_when=unless(damaged=0.0),
        help="Lowest JPEG quality; 100 turns compression off.",
    )  # fmt: skip


class SuperResolution(Translation[SuperResolutionHParams]):
    """`generator(images (B, C, h, w))` returns (B, C, scale h, scale w); `discriminator(crops)` returns logits (B,)."""

    def feature_nets(self, hparams: SuperResolutionHParams) -> Sequence[str]:
        return [hparams.content_net] if hparams.content == "features" else []

    def phases(self, hparams: SuperResolutionHParams) -> Sequence[Phase]:
        begins = hparams.warm_up if hparams.adversarial_weight else inf
        clock = "content_alone"
        return [
            Phase(name="warm_up", role="generator", group="generator", terms=self._content, stop=begins, clock=clock),
            Phase(
                name="discriminator",
                role="discriminator",
                group="discriminator",
                terms=self._discriminator,
                start=begins,
                clock=clock,
            ),
            Phase(
                name="generator", role="generator", group="generator", terms=self._generator, start=begins, clock=clock
            ),
        ]

    def _content(
        self, networks: Networks, batch: Batch, context: StepContext[SuperResolutionHParams]
    ) -> dict[str, Tensor]:
        truth = self._crops(batch, context)
        return {"content": self._distance(networks["generator"](low_resolution(truth, context)), truth, context)}

    def _discriminator(
        self, networks: Networks, batch: Batch, context: StepContext[SuperResolutionHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        truth = self._crops(batch, context)
        upscaled = context.share("upscaled", lambda: networks["generator"](low_resolution(truth, context)), "generator")
        context.store("truth", truth)
        real, fake = networks["discriminator"](truth), networks["discriminator"](upscaled.detach())
        relative = hparams.relativistic != "none"
        context.observe("real", real - batch_mean(fake) if relative else real)
        context.observe("fake_before", fake - batch_mean(real) if relative else fake)
        return losses[hparams.loss].discriminator_terms(real, fake, 0.0, hparams.relativistic)

    def _generator(
        self, networks: Networks, batch: Batch, context: StepContext[SuperResolutionHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        truth: Tensor = context.shared("truth", lambda: self._crops(batch, context))
        upscaled: Tensor = context.shared("upscaled", lambda: networks["generator"](low_resolution(truth, context)))
        fake = networks["discriminator"](upscaled)
        real = None
        if hparams.relativistic != "none":
            with torch.no_grad():
                real = networks["discriminator"](truth)
        adversarial = losses[hparams.loss].generator_terms(fake, real, hparams.relativistic)["adversarial"]
        terms = {"content": self._distance(upscaled, truth, context)}
        if hparams.content == "features":
            distances = context.perceptual_distance(hparams.content_net, upscaled, truth)
            terms["features"] = hparams.content_weight * hparams.features_weight * distances.mean()
        return terms | {"adversarial": hparams.adversarial_weight * adversarial}

    def _crops(self, batch: Batch, context: StepContext[SuperResolutionHParams]) -> Tensor:
        return random_crops(batch["real"], crop_side(context.hparams, batch["real"].shape[3]), context.generator)

    def _distance(self, upscaled: Tensor, truth: Tensor, context: StepContext[SuperResolutionHParams]) -> Tensor:
        hparams = context.hparams
        error = upscaled - truth
        return hparams.content_weight * (error.square() if hparams.content == "l2" else error.abs()).mean()

    def after_step(self, context: StepContext[SuperResolutionHParams]) -> None:
        if context.step % EVALUATE_EVERY or not (held_out := context.held_out()):
            return
        truth = center_crop(held_out["real"], crop_side(context.hparams, held_out["real"].shape[3]))
        small = downscale(truth, factor(context))
        with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
            upscaled = generator(small).clamp(-1, 1)
        plain = bicubic(small, factor(context))
        for name, mark in (("psnr", psnr), ("ssim", ssim)):
            context.observe(name, mark(upscaled, truth))
            context.observe(f"{name}_bicubic", mark(plain, truth))


def crop_side(hparams: SuperResolutionHParams, size: int) -> int:
    """Side of the training crops, in pixels: a multiple of the scale."""
    side = min(hparams.crop, size)
    return side - side % int(hparams.scale)


def random_crops(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A random square of each image (B, C, H, W): (B, C, side, side)."""
    count, _, height, width = images.shape
    if (height, width) == (side, side):
        return images
    tops = integers(height - side + 1, count, generator).tolist()
    lefts = integers(width - side + 1, count, generator).tolist()
    cut = [image[:, top : top + side, left : left + side] for image, top, left in zip(images, tops, lefts, strict=True)]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def center_crop(images: Tensor, side: int) -> Tensor:
    """The centre square of each image, (B, C, side, side)."""
    top, left = (images.shape[2] - side) // 2, (images.shape[3] - side) // 2
    return images[:, :, top : top + side, left : left + side]


def downscale(images: Tensor, scale: int) -> Tensor:
    """(B, C, H, W) -> (B, C, H / scale, W / scale), bicubic with antialiasing, in [-1, 1]."""
    size = (images.shape[2] // scale, images.shape[3] // scale)
    return interpolate(images, size, mode="bicubic", antialias=True).clamp(-1, 1)


def low_resolution(truth: Tensor, context: StepContext[SuperResolutionHParams]) -> Tensor:
    """The generator's training input: downscaled, and degraded if the settings say so."""
    hparams = context.hparams
    small = downscale(truth, factor(context))
    if not hparams.damaged:
        return small
    return degraded(
        small, context.generator, hparams.damaged, hparams.damage_blur, hparams.damage_noise, hparams.damage_quality
    )


def bicubic(images: Tensor, scale: int) -> Tensor:
    """(B, C, H, W) -> (B, C, scale H, scale W), bicubic, in [-1, 1]: the baseline."""
    return interpolate(images, scale_factor=float(scale), mode="bicubic").clamp(-1, 1)


def factor(context: StepContext[SuperResolutionHParams]) -> int:
    return int(context.hparams.scale)
