"""Small images made large: near to the truth first, and then also such that a discriminator takes them for real.

    L_D = -E[log D(y)] - E[log(1 - D(G(x)))]        L_G = E[|y - G(x)|^p] - w E[log D(G(x))]

y is a random crop of a real image and x the same crop made smaller, bicubic with antialiasing. While the warm-up lasts
the generator has the content term alone (1609.04802, section 3.2). The discriminator may be relativistic: D(y) is then
sigmoid(C(y) - E C(G(x))), and the generator's term has both halves (1809.00219, section 3.2). Content may be compared
in the features of a net as well as in pixels: G's third term is then f d(y, G(x)).

What is made of crops that are held out is marked by PSNR and SSIM, beside those of bicubic enlargement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.degradations import degraded
from gan_core.objectives.fidelity import psnr, ssim
from gan_core.objectives.losses import losses
from gan_core.objectives.translation import MARK_EVERY, Translation, TranslationHParams, evaluated

NETS = ("features.emoji", "features.avatars")  # of the shelf, for images in colour


@dataclass(frozen=True)
class SuperResolutionHParams(TranslationHParams):
    """What the objective reads."""

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
        help="Feature net on the shelf that the perceptual loss uses.",
    )  # fmt: skip
    features_weight: float = knob(
        0.2, 0.0, 100.0, label="Perceptual loss weight", group="objective",
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
        help="Largest standard deviation of the Gaussian blur.",
    )  # fmt: skip
    damage_noise: float = knob(
        15.0, 0.0, 60.0, label="Maximum noise", unit="levels of 255", group="objective",
        help="Largest standard deviation of the Gaussian noise.",
    )  # fmt: skip
    damage_quality: int = knob(
        30, 5, 100, label="Minimum JPEG quality", group="objective",
        help="Lowest JPEG quality; 100 turns compression off.",
    )  # fmt: skip


class SuperResolution(Translation):
    """`generator(images (B, C, h, w))` gives (B, C, scale h, scale w); `discriminator(crops)` gives logits (B,)."""

    def nets(self, hparams: SuperResolutionHParams) -> Sequence[str]:
        return [hparams.content_net] if hparams.content == "features" else []

    def phases(self, hparams: SuperResolutionHParams) -> Sequence[Phase]:
        begins = hparams.warm_up if hparams.adversarial_weight else inf
        clock = "content_alone"
        return [
            Phase("warm_up", "generator", "generator", self._content, stop=begins, clock=clock),
            Phase("discriminator", "discriminator", "discriminator", self._discriminator, start=begins, clock=clock),
            Phase("generator", "generator", "generator", self._generator, start=begins, clock=clock),
        ]

    def _content(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        truth = self._crops(batch, context)
        return {"content": self._distance(networks["generator"](low_resolution(truth, context)), truth, context)}

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        truth = self._crops(batch, context)
        made = context.share("made", lambda: networks["generator"](low_resolution(truth, context)), "generator")
        context.hand_on("truth", truth)
        real, fake = networks["discriminator"](truth), networks["discriminator"](made.detach())
        relative = hparams.relativistic != "none"
        context.observe("real", real - fake.mean() if relative else real)
        context.observe("fake_before", fake - real.mean() if relative else fake)
        return losses[hparams.loss].discriminator_terms(real, fake, 0.0, hparams.relativistic)

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        truth: Tensor = context.shared("truth", lambda: self._crops(batch, context))
        made: Tensor = context.shared("made", lambda: networks["generator"](low_resolution(truth, context)))
        fake = networks["discriminator"](made)
        real = None
        if hparams.relativistic != "none":
            with torch.no_grad():
                real = networks["discriminator"](truth)
        adversarial = losses[hparams.loss].generator_terms(fake, real, hparams.relativistic)["adversarial"]
        terms = {"content": self._distance(made, truth, context)}
        if hparams.content == "features":
            apart = context.perceived(hparams.content_net, made, truth)
            terms["features"] = hparams.content_weight * hparams.features_weight * apart.mean()
        return terms | {"adversarial": hparams.adversarial_weight * adversarial}

    def _crops(self, batch: Batch, context: StepContext) -> Tensor:
        return crops(batch["real"], crop_side(settings(context), batch["real"].shape[3]), context.generator)

    def _distance(self, made: Tensor, truth: Tensor, context: StepContext) -> Tensor:
        hparams = settings(context)
        error = made - truth
        return hparams.content_weight * (error.square() if hparams.content == "l2" else error.abs()).mean()

    def after_step(self, context: StepContext) -> None:
        if context.step % MARK_EVERY or not (held_out := context.held_out()):
            return
        truth = middle(held_out["real"], crop_side(settings(context), held_out["real"].shape[3]))
        small = smaller(truth, factor(context))
        with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
            made = generator(small).clamp(-1, 1)
        plain = larger(small, factor(context))
        for name, mark in (("psnr", psnr), ("ssim", ssim)):
            context.observe(name, mark(made, truth))
            context.observe(f"{name}_bicubic", mark(plain, truth))


def crop_side(hparams: SuperResolutionHParams, size: int) -> int:
    """The side of what is learnt from, in pixels: divisible by the scale."""
    side = min(hparams.crop, size)
    return side - side % int(hparams.scale)


def crops(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A square of each image (B, C, H, W), anywhere in it: (B, C, side, side)."""
    count, _, height, width = images.shape
    if (height, width) == (side, side):
        return images
    tops = torch.randint(height - side + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - side + 1, (count,), generator=generator).tolist()
    cut = [image[:, top : top + side, left : left + side] for image, top, left in zip(images, tops, lefts, strict=True)]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def middle(images: Tensor, side: int) -> Tensor:
    """The square in the middle of each image, (B, C, side, side)."""
    top, left = (images.shape[2] - side) // 2, (images.shape[3] - side) // 2
    return images[:, :, top : top + side, left : left + side]


def smaller(images: Tensor, scale: int) -> Tensor:
    """(B, C, H, W) -> (B, C, H / scale, W / scale), bicubic with antialiasing, in [-1, 1]."""
    size = (images.shape[2] // scale, images.shape[3] // scale)
    return interpolate(images, size, mode="bicubic", antialias=True).clamp(-1, 1)


def low_resolution(truth: Tensor, context: StepContext) -> Tensor:
    """What the generator is given to learn from: smaller, and damaged where the settings say so."""
    hparams = settings(context)
    small = smaller(truth, factor(context))
    if not hparams.damaged:
        return small
    return degraded(
        small, context.generator, hparams.damaged, hparams.damage_blur, hparams.damage_noise, hparams.damage_quality
    )


def larger(images: Tensor, scale: int) -> Tensor:
    """(B, C, H, W) -> (B, C, scale H, scale W), bicubic, in [-1, 1]: what there is to beat."""
    return interpolate(images, scale_factor=float(scale), mode="bicubic").clamp(-1, 1)


def factor(context: StepContext) -> int:
    return int(settings(context).scale)


def settings(context: StepContext) -> SuperResolutionHParams:
    hparams = context.hparams
    assert isinstance(hparams, SuperResolutionHParams)
    return hparams
