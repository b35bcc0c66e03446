"""SRGAN: photo-realistic super-resolution with an adversarial loss (1609.04802).

    L_G = l_content(y, G(x)) - 10^-3 E[log D(G(x))]        L_D = -E[log D(y)] - E[log(1 - D(G(x)))]

SRResNet maps (B, C, h, w) to (B, C, 4h, 4w): a 9x9 convolution, 16 residual blocks with batch normalisation and PReLU,
a global skip connection, two pixel shuffles, a 9x9 convolution. All but the last layers work at the low resolution. It
is fully convolutional and accepts images of any size. The discriminator has eight 3x3 convolutions, every second one of
stride 2, and two dense layers; it receives crops of the training size. The generator is first trained by the content
loss alone, until PSNR hardly improves.

Differs from the paper: the content loss compares pixels, where the paper's best model compares VGG features. With
`content` set to features, it adds a perceptual loss in a feature net on the shelf, at all its levels, to L1. Fewer
blocks and channels by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.objectives.base import Batch
from gan_core.objectives.super_resolution import (
    SuperResolution,
    SuperResolutionHParams,
    bicubic,
    crop_side,
    downscale,
)

SIZES = (8, 16, 32, 48, 64, 96, 128, 160, 256)


@dataclass(frozen=True)
class SrganHParams(SuperResolutionHParams):
    """The knobs of SRGAN."""

    blocks: int = knob(
        8, 1, 32, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of the generator; the paper uses 16.",
    )  # fmt: skip
    batch_norm: bool = knob(
        True, label="Batch normalisation", change="rebuild", group="networks",
        help="Batch normalisation in the generator, as in the paper. Without it, brightness converges sooner and each "
        "step is cheaper (EDSR, 1707.02921).",
    )  # fmt: skip
    from_bicubic: bool = knob(
        False, label="Bicubic residual", change="rebuild", group="networks",
        help="The network predicts the difference from bicubic interpolation, initially 0, which is easier to learn "
        "(VDSR, 1511.04587).",
    )  # fmt: skip


class Residual(nn.Module):
    """x + F(x), (B, C, h, w) -> the same shape."""

    def __init__(self, channels: int, norm: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_convolution(channels, norm), nn.PReLU(), *_convolution(channels, norm))

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.layers(features)
        return changed


def _convolution(channels: int, norm: bool) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, channels, 3, padding=1, bias=not norm)
    return [convolution, nn.BatchNorm2d(channels)] if norm else [convolution]


class SrResNet(nn.Module):
    """(B, C, h, w) -> (B, C, scale h, scale w)."""

    def __init__(
        self, image_channels: int, channels: int, blocks: int, scale: int, norm: bool = True, from_bicubic: bool = False
    ) -> None:
        super().__init__()
        self.scale, self.from_bicubic = scale, from_bicubic
        self.stem = nn.Sequential(nn.Conv2d(image_channels, channels, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(Residual(channels, norm) for _ in range(blocks)), *_convolution(channels, norm))
        enlarging: list[nn.Module] = []
        for _ in range(scale // 2):  # once for a scale of 2, twice for 4
            enlarging += [nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
        last = nn.Conv2d(channels, image_channels, 9, padding=4)
        if from_bicubic:
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)
        self.enlarging = nn.Sequential(*enlarging, last)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        enlarged: Tensor = self.enlarging(features + self.trunk(features))
        return enlarged + bicubic(images, self.scale) if self.from_bicubic else enlarged


class CropDiscriminator(nn.Module):
    """Crops (B, C, side, side) -> logits (B,). Relativistic losses take differences, in which a `bias` cancels."""

    def __init__(self, image_channels: int, channels: int, side: int, bias: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(image_channels, channels, 3, padding=1), nn.LeakyReLU(0.2)]
        width = channels
        for level in range(4):
            inputs = width
            if level:
                width = channels * 2**level
                layers += _normed(inputs, width, 1)
            layers += _normed(width, width, 2)
            side = (side + 1) // 2
        dense = 16 * channels
        self.layers = nn.Sequential(*layers, nn.Flatten())  # (B, C, h, w) -> (B, C * h * w)
        self.head = nn.Sequential(nn.Linear(width * side * side, dense), nn.LeakyReLU(0.2), nn.Linear(dense, 1, bias))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(images))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def _normed(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


def networks(hparams: SrganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": SrResNet(
            spec.channels,
            hparams.channels,
            hparams.blocks,
            int(hparams.scale),
            hparams.batch_norm,
            hparams.from_bicubic,
        ),
        "discriminator": crop_discriminator(hparams, spec),
    }


def crop_discriminator(hparams: SuperResolutionHParams, spec: DataSpec) -> CropDiscriminator:
    """The discriminator for crops of the training size."""
    side, absolute = crop_side(hparams, spec.size), hparams.relativistic == "none"
    return CropDiscriminator(spec.channels, hparams.discriminator_channels, side, bias=absolute)


def upscale(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    enlarged: Tensor = networks["generator"](images)
    return enlarged.clamp(-1, 1)


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    scale = int(hparams.scale)
    small = downscale(batch["real"], scale)
    return [small, bicubic(small, scale), upscale(networks, hparams, small), batch["real"]]


def equation(hparams: SuperResolutionHParams) -> str:
    norm = r"\lVert y-G(x)\rVert_2^2" if hparams.content == "l2" else r"\lVert y-G(x)\rVert_1"
    norm += r"+f\,d(y,G(x))" if hparams.content == "features" else ""
    difference = r"C(y)-\mathbb{E}C(G(x))" if hparams.relativistic == "average" else "D(y)"
    return (
        rf"L_G=\mathbb{{E}}[{norm}]+w\,L_G^{{adv}}"
        if hparams.relativistic == "none"
        else rf"L_G=\mathbb{{E}}[{norm}]+w\,L_G^{{Ra}},\ D_{{Ra}}=\sigma({difference})"
    )


def super_resolution_recipe(**specific: Any) -> Recipe:
    """A recipe with everything that super-resolution GANs share."""
    return Recipe(
        task="super_resolution",
        objective=lambda hparams: SuperResolution(),
        data="avatars",
        capabilities=frozenset({"upscale"}),
        sizes=SIZES,
        translations={"upscale": upscale},
        compare=compare,
        compared=("small", "bicubic", "output", "truth"),
        equation=equation,
        **specific,
    )


DEFAULTS = SrganHParams(
    batch_size=16, loss="non_saturating", adversarial_weight=1e-3, content="l2", generator_rate=2e-4, beta1=0.9
)

SQUARES = {"blocks": 3, "channels": 24, "discriminator_channels": 16, "crop": 32, "batch_norm": False,
           "from_bicubic": True, "generator_rate": 1e-3, "discriminator_rate": 5e-4, "warm_up": 9.6,
           "schedule": "linear", "decay_steps": 1_200}  # fmt: skip

register(
    super_resolution_recipe(
        name="srgan",
        title="SRGAN",
        paper="1609.04802",
        year=2016,
        networks=networks,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, blocks=1, batch_size=4, scale="2", warm_up=0.0),
        blend_key=("blocks", "channels", "scale", "batch_norm", "from_bicubic"),
        presets=(
            Preset(
                name="avatars",
                title="Upscaling faces ×4",
                look_for="Four images per item: input (16 pixels), bicubic, output, ground truth. PSNR exceeds "
                "bicubic's within a minute; edges are sharp long before eyes get their colour. When the discriminator "
                "starts, PSNR drops a little and lines become crisp.",
                data="avatars", size=64, steps=3_000, seconds=400,
                hparams={"blocks": 4, "crop": 48, "generator_rate": 1e-3, "warm_up": 24.0},
            ),
            Preset(
                name="photos",
                title="Upscaling photos ×4",
                look_for="Four images per item, from photos not used for training: input (40 pixels), bicubic, "
                "output, ground truth. Edges come first; grass and hair appear with the discriminator and are "
                "hallucinated.",
                data="bsds500", size=160, steps=6_000, seconds=1_200,
                hparams={"blocks": 6, "crop": 64, "generator_rate": 5e-4, "warm_up": 48.0},
            ),
            Preset(
                name="squares",
                title="Why L2 blurs",
                look_for="Four images per item: input (16 pixels), bicubic, output, ground truth. Trained with the "
                "squared error only: eyes and hair are in place, but all edges stay soft and the rims of glasses "
                "disappear. Where several edges fit the input, their mean minimises the error, and PSNR rewards it. "
                "Train the same network with a discriminator, and compare both on the Runs page.",
                data="avatars", size=64, steps=1_200, seconds=40, hparams={**SQUARES, "adversarial_weight": 0.0},
            ),
            Preset(
                name="squares_judged",
                title="Why L2 blurs: with a discriminator",
                look_for="Identical to L2 alone until the discriminator starts. Lines and eyes become harder and "
                "darker, hair and cloth gain texture, and flat areas get specks that are not in the ground truth. It "
                "looks sharper, but PSNR is a few tenths of a dB below that of L2 alone.",
                data="avatars", size=64, steps=1_200, seconds=90, hparams={**SQUARES, "adversarial_weight": 2e-3},
            ),
        ),
    )
)  # fmt: skip
