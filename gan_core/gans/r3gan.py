"""R3GAN: a modern baseline without tricks (2501.05441).

    L_D = E[f(C(x) - C(G(z)))] + gamma/2 (E|grad C(x)|^2 + E|grad C(G(z))|^2),     f(t) = log(1 + e^-t)     (section 2)
    L_G = E[f(C(G(z)) - C(x))]

The relativistic loss compares real and generated images in pairs, which leaves no flat region in which a part of the
data can be given up; R1 and R2 together make it converge locally. With both, nothing else of StyleGAN2 is needed: no
mapping network, modulation, noise, minibatch statistics, path length, equalised learning rate or normalisation.

Networks (section 3): the same blocks in both, (B, C, H, W) -> (B, C, H, W),

    y = x + W3 act(W2 act(W1 x))        1x1 to `expansion` C channels, 3x3 in groups, 1x1 back to C channels

with leaky ReLU 0.2 behind a bias. W1 and W2 are initialised so that the sum of L blocks keeps unit variance (factor
L^-1/4 each), W3 is 0 at first (as in Fixup, 1901.09321). Resolutions are connected by bilinear resampling, behind or
before a 1x1 convolution. The generator's first features are a learned 4 x 4 basis, scaled channel by channel by a
linear map of z (B, latent_size); the discriminator ends in such a basis. Images (B, C, size, size), logits (B,).

Over the first `burn_in_kimg` thousand images the following change along half a cosine (appendix, and the authors'
train.py): gamma falls to a tenth, the learning rates to a quarter, beta 2 rises from 0.9 to 0.99, the half-life of the
EMA from 0 to that of the knob, and, with adaptive augmentation, its probability from 0 to `augment_probability`.

Published size (FFHQ at 64 pixels, train.py): `channels=384, max_channels=768, blocks=2, group_channels=16,
latent_size=64, batch_size=256, generator_rate=2e-4, discriminator_rate=2e-4, penalty_weight=2, burn_in_kimg=20000`:
22.4 M parameters in each network.

Differs from the paper: smaller by default; no classes. When to use it: as the first thing to try where stability
matters more than speed; both gradient penalties are computed in every step, which about doubles its time
(`penalty_form` offers a cheaper form).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head
from gan_core.layers.style import SIZES, Blur, PyramidHParams, doubled, draw_clamped, widths
from gan_core.objectives.burn_in import BurnIn, BurnInHParams
from gan_core.objectives.equations import adversarial_equation

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # He's gain of this leaky ReLU
BASE = 4  # pixels of the learned basis
TAPS = (1, 3, 3, 1)
N_UNNORMALISED = "R3GAN has no normalisation layers, and its blocks start at 0: spectral normalisation cannot be used."


@dataclass(frozen=True)
class R3ganHParams(BurnInHParams, PyramidHParams):
    """The knobs of both networks."""

    channels: int = channels_knob(32, 512, reference="The paper uses 384 at 64 pixels.")
    max_channels: int = max_channels_knob(96, 2048, reference="The paper uses 768.")
    blocks: int = knob(
        1, 1, 8, label="Blocks per resolution", change="rebuild", group="networks",
        help="Residual blocks at each resolution, in both networks. The paper uses 2.",
    )  # fmt: skip
    expansion: int = knob(
        2, 1, 8, label="Expansion", unit="times", change="rebuild", group="networks",
        help="Channels inside a residual block, as a multiple of those outside. The paper uses 2.",
    )  # fmt: skip
    group_channels: int = knob(
        16, 1, 256, label="Channels per group", change="rebuild", group="networks",
        help="The 3x3 convolutions are grouped: each group of this many channels sees itself only, so that the blocks "
        "can be wide. The paper uses 16.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spectral_norm != "none":
            raise BadValue(N_UNNORMALISED)


class ResidualBlock(nn.Module):
    """(B, C, H, W) -> the same shape; `depth` is the number of such blocks in the network."""

    def __init__(self, channels: int, depth: int, hparams: R3ganHParams) -> None:
        super().__init__()
        inside = channels * hparams.expansion
        gain = GAIN * depth**-0.25
        self.widen = _convolution(channels, inside, 1, gain=gain)
        self.mix = _convolution(inside, inside, 3, gain=gain, groups=_groups(inside, hparams.group_channels))
        self.narrow = _convolution(inside, channels, 1, gain=0.0)
        self.bias1, self.bias2 = (nn.Parameter(torch.zeros(inside, 1, 1)) for _ in range(2))

    def forward(self, features: Tensor) -> Tensor:
        hidden = leaky_relu(self.widen(features) + self.bias1, SLOPE)
        hidden = leaky_relu(self.mix(hidden) + self.bias2, SLOPE)
        added: Tensor = features + self.narrow(hidden)
        return added


class R3ganGenerator(nn.Module):
    """Latents (B, latent_size) -> (B, C, size, size)."""

    def __init__(self, image_channels: int, size: int, hparams: R3ganHParams) -> None:
        super().__init__()
        channels = widths(size, hparams)
        self.basis = nn.Parameter(torch.randn(channels[0], BASE, BASE))
        self.stem = _scaled(nn.Linear(hparams.latent_size, channels[0], bias=False))
        self.changes = nn.ModuleList(_change(before, after) for before, after in pairwise(channels))
        self.smooth = Blur()  # on repeated pixels: equivalent to bilinear upsampling by [1, 3, 3, 1]
        self.levels = nn.ModuleList(_level(width, len(channels), hparams) for width in channels)
        self.to_image = _convolution(channels[-1], image_channels, 1)

    def forward(self, latents: Tensor) -> Tensor:
        features = self.basis * self.stem(latents)[:, :, None, None]  # (B, C) -> (B, C, 4, 4)
        features = self.levels[0](features.contiguous(memory_format=torch.channels_last))
        for change, level in zip(self.changes, list(self.levels)[1:], strict=True):
            features = level(self.smooth(doubled(change(features))))
        images: Tensor = self.to_image(features)
        return images


class R3ganDiscriminator(nn.Module):
    """(B, C, size, size) -> logits (B,)."""

    def __init__(self, image_channels: int, size: int, hparams: R3ganHParams) -> None:
        super().__init__()
        channels = widths(size, hparams)[::-1]
        self.from_image = _convolution(image_channels, channels[0], 1)
        self.levels = nn.ModuleList(_level(width, len(channels), hparams) for width in channels)
        self.halve = Blur(TAPS, stride=2)
        self.changes = nn.ModuleList(_change(before, after) for before, after in pairwise(channels))
        self.basis = _convolution(channels[-1], channels[-1], BASE, groups=channels[-1], padding=0)
        self.head = logit_head(channels[-1], 0, hparams.minibatch)
        for layer in self.head.modules():
            if isinstance(layer, nn.Linear):
                _scaled(layer).register_parameter("bias", None)  # it would cancel in differences of logits

    def forward(self, images: Tensor) -> Tensor:
        features = self.levels[0](self.from_image(images))
        for change, level in zip(self.changes, list(self.levels)[1:], strict=True):
            features = level(change(self.halve(features)))
        logits: Tensor = self.head(self.basis(features).flatten(1))  # (B, C, 4, 4) -> (B, C) -> (B, 1)
        return logits.squeeze(1)


def _level(channels: int, levels: int, hparams: R3ganHParams) -> nn.Sequential:
    depth = levels * hparams.blocks
    return nn.Sequential(*(ResidualBlock(channels, depth, hparams) for _ in range(hparams.blocks)))


def _change(before: int, after: int) -> nn.Module:
    return nn.Identity() if before == after else _convolution(before, after, 1)


def _groups(channels: int, group_channels: int) -> int:
    """The number of groups of about `group_channels` channels that divides `channels`."""
    most = max(1, channels // group_channels)
    return next(count for count in range(most, 0, -1) if channels % count == 0)


def _convolution(
    inputs: int, outputs: int, kernel: int, gain: float = 1.0, groups: int = 1, padding: int | None = None
) -> nn.Conv2d:
    padding = kernel // 2 if padding is None else padding
    layer = nn.Conv2d(inputs, outputs, kernel, padding=padding, groups=groups, bias=False)
    _scaled(layer, gain)
    return layer


def _scaled(layer: nn.Linear | nn.Conv2d, gain: float = 1.0) -> nn.Linear | nn.Conv2d:
    """Weights from N(0, gain^2 / fan in)."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    return layer


def networks(hparams: R3ganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": R3ganGenerator(spec.channels, spec.size, hparams),
        "discriminator": R3ganDiscriminator(spec.channels, spec.size, hparams),
    }


DEFAULTS = R3ganHParams(
    latent_size=64, batch_size=32, loss="logistic", relativistic="standard", penalty="r1_r2", penalty_weight=2.0,
    beta1=0.0, beta2=0.99, generator_rate=5e-4, discriminator_rate=5e-4, ema=0.998,
)  # fmt: skip

register(
    Recipe(
        name="r3gan",
        title="R3GAN",
        task="images",
        paper="2501.05441",
        year=2025,
        networks=networks,
        objective=BurnIn,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=4, max_channels=8, group_channels=4, batch_size=4),
        data="avatars",
        sizes=SIZES,
        draw=draw_clamped,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="avatars",
                title="Drawn faces",
                look_for="A loss of log 2 = 0.69 for both networks would mean that real and generated images can't be "
                "told apart. No normalisation, no style, no tricks: compare with StyleGAN2's preset at the same "
                "number of images.",
                data="avatars", size=32, steps=2_400, seconds=300,
                hparams={"burn_in_kimg": 80.0, "penalty_weight": 1.0},
            ),
        ),
    )
)  # fmt: skip
