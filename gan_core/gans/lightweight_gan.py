"""Lightweight GAN (FastGAN): for few images and small computers (2101.04775).

    y = F(x_low) * x_high                                        skip-layer excitation, per channel (equation 1)
    L_D = hinge + |decode(f) - T(x)|                             a self-supervised discriminator (equations 2 and 3)

The generator maps z (B, latent_size) through blocks of one or two convolutions, each doubling the resolution, to
(B, C, H, W) in [-1, 1]; feature maps of an eighth of the resolution reweight the channels of higher ones, which
improves the gradient flow at almost no cost. The discriminator halves the resolution in residual blocks down to 8
pixels and returns a logit (B,); the `decoder` reconstructs real images from its features
(objectives/reconstruction.py). Spectral normalisation in both networks, DiffAugment and a slow EMA of the weights are
part of the method.

Published size: `channels=64, max_channels=1024, latent_size=256` (at 128 pixels; the paper starts at 256).

Differs from the paper, which is for 256 to 1024 pixels: excitation spans a factor of 8 in resolution instead of 16; no
exceptions to the doubling of channels; one logit for the whole image instead of the mean of 5 x 5 logits;
reconstructions of at most 32 pixels instead of 128; L1 instead of a perceptual loss; no noise when sampling, so that a
seed determines the image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import LatentStem, RandomLayer, initialise_normal, logit_head
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.reconstruction import Reconstruction, ReconstructionHParams
from gan_core.ranks import normal

SIZES = (32, 64, 128)
BASE = 4  # pixels, the lowest resolution of the generator
LAST = 8  # pixels, the lowest resolution of the discriminator
SPAN = 8  # ratio of the resolutions that an excitation connects
RECONSTRUCTED = 32  # largest size of reconstructed images, pixels


@dataclass(frozen=True)
class LightweightHParams(ReconstructionHParams):
    """The knobs of both networks."""

    channels: int = channels_knob(16, reference="The paper uses 64.")
    max_channels: int = max_channels_knob(96, 2048, reference="The paper uses 1024.")
    excitation: bool = knob(
        True, label="Skip-layer excitation", change="rebuild", group="networks",
        help="Low-resolution features reweight the channels of high-resolution ones. Turn it off to see its effect.",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        return self.penalty == "none"


def width(size: int, side: int, hparams: LightweightHParams) -> int:
    """Channels of feature maps of `side` pixels in networks for images of `size` pixels."""
    return min(hparams.channels * size // side, hparams.max_channels)


class NoiseInjection(RandomLayer):
    """Adds noise (B, 1, H, W) with a learned weight, initially 0, to (B, C, H, W); nothing in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        count, _, height, width = features.shape
        noise = normal((count, 1, height, width), self.generator, device=features.device)
        return torch.addcmul(features, self.weight, noise)


class SkipExcitation(nn.Module):
    """Low (B, C', h, w) and high (B, C, H, W) -> (B, C, H, W): high, each channel scaled by a factor in (0, 1).

    4x4 averages of low -> 4x4 convolution -> leaky ReLU 0.1 -> 1x1 convolution -> sigmoid (section 3.1); the first
    convolution already outputs C channels, as in the published code.
    """

    def __init__(self, low: int, high: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Conv2d(low, high, 4), nn.LeakyReLU(0.1), nn.Conv2d(high, high, 1), nn.Sigmoid()
        )

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        weighed: Tensor = high * self.gate(low)
        return weighed


def _gated(inputs: int, outputs: int, noisy: bool) -> list[nn.Module]:
    """Convolution, noise, batch-norm, gated linear unit (1612.08083): half of the channels gate the other half."""
    noise = [NoiseInjection()] if noisy else []
    return [nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False), *noise, nn.BatchNorm2d(2 * outputs), nn.GLU(1)]


def up_block(inputs: int, outputs: int, double: bool) -> nn.Sequential:
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W): upsampling and one convolution, or two, with noise."""
    layers = [nn.Upsample(scale_factor=2), *_gated(inputs, outputs, double)]
    return nn.Sequential(*layers, *(_gated(outputs, outputs, True) if double else []))


class LightweightGenerator(nn.Module):
    """(B, latent_size) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, hparams: LightweightHParams) -> None:
        super().__init__()
        first = width(size, BASE, hparams)
        self.stem = nn.Sequential(
            LatentStem(hparams.latent_size, 2 * first, BASE, bias=False), nn.BatchNorm2d(2 * first), nn.GLU(1)
        )
        self.sides = [BASE * 2**level for level in range(1, (size // BASE).bit_length())]
        self.blocks = nn.ModuleList(
            up_block(width(size, side // 2, hparams), width(size, side, hparams), double=level % 2 == 0)
            for level, side in enumerate(self.sides)
        )
        excited = [side for side in self.sides if side // SPAN >= BASE and hparams.excitation]
        self.excitations = nn.ModuleDict(
            {
                str(side): SkipExcitation(width(size, side // SPAN, hparams), width(size, side, hparams))
                for side in excited
            }
        )
        self.last = nn.Conv2d(width(size, size, hparams), image_channels, 3, padding=1)
        initialise_normal(self)

    def forward(self, latents: Tensor) -> Tensor:
        features = self.stem(latents)
        maps = {BASE: features}
        for side, block in zip(self.sides, self.blocks, strict=True):
            features = block(features)
            if str(side) in self.excitations:
                features = self.excitations[str(side)](maps[side // SPAN], features)
            maps[side] = features
        images: Tensor = self.last(features).tanh()
        return images


class DownBlock(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H/2, W/2): the mean of a convolved and an averaged path."""

    def __init__(self, inputs: int, outputs: int, norm: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *_convolution(inputs, outputs, 4, norm, stride=2), *_convolution(outputs, outputs, 3, norm)
        )
        self.direct = nn.Sequential(*_convolution(inputs, outputs, 1, norm))

    def forward(self, features: Tensor) -> Tensor:
        mean: Tensor = (self.main(features) + self.direct(avg_pool2d(features, 2))) / 2
        return mean


def _convolution(inputs: int, outputs: int, side: int, norm: bool, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, side, stride, padding=(side - 1) // 2, bias=not norm)
    return [convolution, *([nn.BatchNorm2d(outputs)] if norm else []), nn.LeakyReLU(0.2, inplace=True)]


class LightweightDiscriminator(nn.Module):
    """(B, C, H, W) -> logits (B,). Maps of 16 pixels go into `deepest`, maps of 8 into `head`."""

    def __init__(self, image_channels: int, size: int, hparams: LightweightHParams) -> None:
        super().__init__()
        norm = hparams.normalised
        sides = [size // 2**level for level in range(1, (size // LAST).bit_length())]
        widths = [width(size, side, hparams) for side in sides]
        blocks = [DownBlock(before, after, norm) for before, after in pairwise(widths)]
        self.first = nn.Sequential(*_convolution(image_channels, widths[0], 4, False, stride=2), *blocks[:-1])
        self.deepest = blocks[-1]
        self.head = logit_head(widths[-1], LAST, hparams.minibatch, bias=False)
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.deepest(self.first(images)))
        return logits.squeeze(1)  # (B, 1) -> (B,)


class Decoder(nn.Module):
    """The discriminator's last features (B, C, 8, 8) and a quarter (B, C', 8, 8) of the earlier ones -> two images.

    Both are (B, image_channels, side, side) in [-1, 1]; `side` is half of the image's, at most 32 pixels.
    """

    def __init__(self, image_channels: int, size: int, hparams: LightweightHParams) -> None:
        super().__init__()
        levels = (min(RECONSTRUCTED, size // 2) // LAST).bit_length() - 1
        self.whole = self._stack(width(size, LAST, hparams), image_channels, levels)
        self.part = self._stack(width(size, 2 * LAST, hparams), image_channels, levels)
        initialise_normal(self)

    def _stack(self, inputs: int, image_channels: int, levels: int) -> nn.Sequential:
        widths = [max(4, inputs // 2**level) for level in range(levels + 1)]
        blocks = [up_block(before, after, False) for before, after in pairwise(widths)]
        return nn.Sequential(*blocks, nn.Conv2d(widths[-1], image_channels, 3, padding=1), nn.Tanh())

    def forward(self, last: Tensor, quarter: Tensor) -> tuple[Tensor, Tensor]:
        return self.whole(last), self.part(quarter)


def networks(hparams: LightweightHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": LightweightGenerator(spec.channels, spec.size, hparams),
        "discriminator": LightweightDiscriminator(spec.channels, spec.size, hparams),
        "decoder": Decoder(spec.channels, spec.size, hparams),
    }


DEFAULTS = LightweightHParams(
    latent_size=128, batch_size=16, loss="hinge", spectral_norm="both", augment="diffaugment", ema=0.995
)

register(
    Recipe(
        name="lightweight_gan",
        title="Lightweight GAN",
        task="images",
        paper="2101.04775",
        year=2021,
        networks=networks,
        objective=Reconstruction,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=4, max_channels=8, batch_size=4),
        data="avatars",
        sizes=SIZES,
        optimizers=two_players(discriminator=("discriminator", "decoder")),
        equation=lambda hparams: (
            adversarial_equation(hparams) + r"\qquad L_D\mathrel{+}=\mathbb{E}|\mathrm{decode}(f)-T(x)|"
        ),
        presets=(
            Preset(
                name="heroes",
                title="Pixel-art heroes",
                look_for="Upright shapes on white within a minute, with a checkerboard at first; heads, hair and "
                "boots after two. The heroes look alike and change together: variety takes longer than five minutes. "
                "Watch the two reconstruction terms fall: the discriminator learns to represent whole images, not "
                "only what gives fakes away.",
                data="tinyhero", size=64, steps=1_800, seconds=290,
                hparams={
                    "channels": 12, "max_channels": 64, "latent_size": 64, "ema": 0.99,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_800,
                },
            ),
        ),
    )
)  # fmt: skip
