"""StyleGAN2: weight modulation, a generator with image skips, a residual discriminator (1912.04958).

    w'_ijk = s_i w_ijk;   w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + 1e-8)                       (equations 1 and 3)

A style s = A(w) scales the input channels i of each convolution, and demodulation restores unit variance of its output
channels j: the effect of AdaIN without its droplet artefacts. Scaling the inputs and outputs of one convolution that
all images share (the "fused" form) gives the same result and is faster on a CPU than a convolution with separate
weights per image (the "grouped" form of the published code).

Synthesis: a learned constant; each level doubles the resolution by a transposed convolution with the blur [1, 3, 3, 1]
and has a second convolution; each is followed by noise of learned strength and leaky ReLU. Images are summed over the
levels, upsampled with the same blur. w number 2 k - 1 and 2 k control the convolutions of level k, the next one its
image, hence `num_ws` = 2 (log2(size) - 1). With `positions`, the bias behind a convolution is learned for each pixel,
as transformers' positional embeddings are (2102.07074): zero padding alone says little about where a pixel is
(2012.05217), and pictures with a fixed layout, such as faces, are learnt in about half of the steps. The discriminator
downsamples by blurred, strided convolutions: (x + skip) / sqrt(2).

With `palette`, the levels sum up logits instead of an image, and each pixel is a mixture of a few colours that depend
on w (layers/palette.py).

Loss: non-saturating logistic with R1 every 16 steps and path length regularisation every 8 (objectives/path_length.py),
both lazy; style mixing as in StyleGAN. No compiled extension: all filters are ordinary convolutions.

Differs from the paper: smaller by default, and R1's weight is 1 instead of 10, because gradients are steeper for images
with fewer pixels. Classes (`classes`) are handled as in StyleGAN.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, interpolate, leaky_relu

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import changed, knob
from gan_core.layers.palette import Palette, palette_knob
from gan_core.layers.style import (
    HE,
    SIZES,
    Blur,
    Epilogue,
    EqualisedConv2d,
    EqualisedLinear,
    PyramidHParams,
    doubled,
    draw_clamped,
    leaky,
    widths,
)
from gan_core.layers.style_generator import (
    LearnedConstant,
    NoiseMode,
    StyleGenerator,
    StyleHParams,
    draw_truncated,
    layers_of_w,
    noise_layer,
)
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.path_length import PathLength, PathLengthHParams

TAPS = (1, 3, 3, 1)


@dataclass(frozen=True)
class Stylegan2HParams(PathLengthHParams, StyleHParams):
    """The knobs of the second style-based generator."""

    modulation: str = knob(
        "fused", choices=("fused", "grouped"), label="Modulation", change="rebuild", group="networks",
        help="Fused: scales the inputs and outputs of a shared convolution. Grouped: scales the weights for each "
        "image. The results are the same; fused is faster on a CPU.",
    )  # fmt: skip
    positions: int = knob(
        0, 0, 1024, label="Per-pixel biases up to", unit="pixels", change="rebuild", group="networks",
        help="In layers up to this resolution, the bias is learned for each pixel instead of each channel. Pictures "
        "with a fixed layout, such as faces, are learned faster; at fine resolutions it adds grain. 0: none.",
    )  # fmt: skip
    palette: int = palette_knob()


class ModulatedConv2d(nn.Module):
    """(B, inputs, H, W) and w (B, w_size) -> (B, outputs, H', W'), H' = 2 H with `up`.

    `gain` scales the output; with `demodulate`, it is the standard deviation of each output for inputs of unit
    variance.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, w_size: int, modulation: str, up: bool = False,
        demodulate: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.style = EqualisedLinear(w_size, inputs, gain=1, bias=1.0)
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.gain = HE if demodulate else 1.0
        self.up, self.demodulate, self.modulation = up, demodulate, modulation
        # a transposed convolution spreads each pixel over four, which the gain of the blur compensates
        self.blur = Blur(TAPS, padding=1, gain=4) if up else None

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        style, weight = self.style(w), self.weight * self.scale
        mix = self._grouped if self.modulation == "grouped" else self._fused
        mixed = mix(features, style, weight)
        return mixed if self.blur is None else self.blur(mixed)

    def _fused(self, features: Tensor, style: Tensor, weight: Tensor) -> Tensor:
        mixed = self._convolve(features * style[:, :, None, None], weight)
        if not self.demodulate:
            return mixed
        sizes = style.square() @ weight.square().sum((2, 3)).T  # (B, I) @ (I, O) -> (B, O)
        return mixed * (self.gain * (sizes + 1e-8).rsqrt()).to(mixed.dtype)[:, :, None, None]

    def _grouped(self, features: Tensor, style: Tensor, weight: Tensor) -> Tensor:
        weights = weight * style[:, None, :, None, None]  # (O, I, k, k) -> (B, O, I, k, k)
        if self.demodulate:
            weights = weights * self.gain * (weights.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        count, _, height, width = features.shape
        joined = features.reshape(1, -1, height, width)  # (B, I, H, W) -> (1, B * I, H, W)
        mixed = self._convolve(joined, weights.flatten(0, 1), count)  # weights (B * O, I, k, k)
        return mixed.reshape(count, -1, *mixed.shape[2:])  # (1, B * O, H', W') -> (B, O, H', W')

    def _convolve(self, features: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
        if not self.up:
            return conv2d(features, weight, padding=weight.shape[-1] // 2, groups=groups)
        outputs, inputs = weight.shape[0] // groups, weight.shape[1]
        # (G * O, I, k, k) -> (G * I, O, k, k)
        split = weight.reshape(groups, outputs, inputs, 3, 3)
        turned = split.transpose(1, 2).reshape(groups * inputs, outputs, 3, 3)
        return conv_transpose2d(features, turned, stride=2, groups=groups)  # -> 2 H + 1 pixels


class StyledConv(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU with a gain of sqrt(2)."""

    def __init__(self, inputs: int, outputs: int, size: int, hparams: Stylegan2HParams, up: bool = False) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(inputs, outputs, 3, hparams.w_size, hparams.modulation, up)
        self.noise = noise_layer(size, hparams)
        side = size if size <= hparams.positions else 1
        self.bias = nn.Parameter(torch.zeros(1, outputs, side, side))

    def forward(self, features: Tensor, w: Tensor, noise: NoiseMode) -> Tensor:
        # the gain is part of the convolution: leaky ReLU is homogeneous
        features = self.noise(self.convolution(features, w), noise)
        features = features + self.bias.to(features.dtype)
        return leaky_relu(features, 0.2, inplace=True)


class ToRgb(nn.Module):
    """(B, inputs, H, W) and w -> a level's contribution to the image, (B, C, H, W); not demodulated."""

    def __init__(self, inputs: int, image_channels: int, hparams: Stylegan2HParams) -> None:
        super().__init__()
        self.convolution = ModulatedConv2d(
            inputs, image_channels, 1, hparams.w_size, hparams.modulation, demodulate=False
        )
        self.bias = nn.Parameter(torch.zeros(1, image_channels, 1, 1))

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        made: Tensor = self.convolution(features, w) + self.bias
        return made


class SynthesisLevel(nn.Module):
    """Features and image of the previous level -> those of this level, twice as large."""

    def __init__(self, inputs: int, outputs: int, image_channels: int, size: int, hparams: Stylegan2HParams) -> None:
        super().__init__()
        self.enter = StyledConv(inputs, outputs, size, hparams, up=True) if inputs else None
        self.convolution = StyledConv(outputs, outputs, size, hparams)
        self.to_rgb = ToRgb(outputs, image_channels, hparams)
        # on repeated pixels: equivalent to the blur [1, 3, 3, 1]
        self.smooth = Blur() if inputs else None

    def forward(self, features: Tensor, image: Tensor | None, ws: Tensor, noise: NoiseMode) -> tuple[Tensor, Tensor]:
        layer = 0
        if self.enter is not None:
            features, layer = self.enter(features, ws[:, 0], noise), 1
        features = self.convolution(features, ws[:, layer], noise)
        made = self.to_rgb(features, ws[:, layer + 1])
        if self.smooth is not None and image is not None:
            made = made + self.smooth(doubled(image))
        return features, made


class Stylegan2Generator(StyleGenerator):
    """Latents (B, latent_size)[, labels] -> (B, C, size, size)."""

    def __init__(self, image_channels: int, size: int, hparams: Stylegan2HParams, classes: int = 0) -> None:
        channels = widths(size, hparams)
        super().__init__(layers_of_w(size), classes, hparams)
        self.constant = LearnedConstant(channels[0])
        self.levels = nn.ModuleList(
            SynthesisLevel(inputs, outputs, hparams.palette or image_channels, 4 << level, hparams)
            for level, (inputs, outputs) in enumerate(itertools.pairwise([0, *channels]))
        )
        self.palette = Palette(hparams.palette, image_channels, hparams.w_size) if hparams.palette else None

    @property
    def magnifies(self) -> bool:
        return self.palette is not None

    def synthesis(self, ws: Tensor, noise: NoiseMode = "random") -> Tensor:
        return self._coloured(self._summed(ws, noise), ws)

    def magnified(self, ws: Tensor, factor: int, noise: NoiseMode = "constant") -> Tensor:
        return self._coloured(interpolate(self._summed(ws, noise), scale_factor=factor, mode="bicubic"), ws)

    def _coloured(self, summed: Tensor, ws: Tensor) -> Tensor:
        """The sum of the levels, an image or a palette's logits -> images (B, C, H, W)."""
        return summed if self.palette is None else self.palette(summed, ws[:, -1])

    def _summed(self, ws: Tensor, noise: NoiseMode) -> Tensor:
        features: Tensor = self.constant(ws)
        image: Tensor | None = None
        for level, block in enumerate(self.levels):
            # a level's image and the next level's first convolution share a w
            first = max(0, 2 * level - 1)
            features, image = block(features, image, ws[:, first : 2 * level + 2], noise)
        assert image is not None
        return image


class ResidualHalving(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, H/2, W/2): convolutions and a skip, both blurred before downsampling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            EqualisedConv2d(inputs, inputs, 3), leaky(), Blur(TAPS, padding=2),
            EqualisedConv2d(inputs, outputs, 3, resample="stride", gain=1), leaky(),
        )  # fmt: skip
        self.skip = nn.Sequential(Blur(TAPS, stride=2), EqualisedConv2d(inputs, outputs, 1, gain=1 / HE, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        # (x + skip) / sqrt(2) as gains: He's gain becomes 1 before the leaky ReLU, and 1 / sqrt(2) in the skip
        halved: Tensor = self.layers(features) + self.skip(features)
        return halved


class ResidualDiscriminator(nn.Module):
    """(B, C, size, size)[, labels (B,)] -> logits (B,)."""

    def __init__(self, image_channels: int, size: int, hparams: PyramidHParams, classes: int = 0) -> None:
        super().__init__()
        channels = widths(size, hparams)[::-1]
        self.layers = nn.Sequential(
            EqualisedConv2d(image_channels, channels[0], 1), leaky(),
            *(ResidualHalving(inputs, outputs) for inputs, outputs in itertools.pairwise(channels)),
        )  # fmt: skip
        self.epilogue = Epilogue(channels[-1], hparams.minibatch, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.epilogue(self.layers(images), labels)
        return logits


def networks(hparams: Stylegan2HParams, spec: DataSpec, classes: int = 0) -> dict[str, nn.Module]:
    """Both networks; `classes` makes them conditional."""
    return {
        "generator": Stylegan2Generator(spec.channels, spec.size, hparams, classes),
        "discriminator": ResidualDiscriminator(spec.channels, spec.size, hparams, classes),
    }


DEFAULTS = Stylegan2HParams(
    latent_size=128, channels=48, max_channels=128, batch_size=16,
    penalty="r1", penalty_weight=1.0, penalty_every=16, minibatch="standard_deviation",
    beta1=0.0, beta2=0.99, generator_rate=2e-3, discriminator_rate=2e-3, ema=0.999,
)  # fmt: skip

register(
    Recipe(
        name="stylegan2",
        title="StyleGAN2",
        task="images",
        paper="1912.04958",
        year=2019,
        networks=networks,
        objective=PathLength,
        hparams=DEFAULTS,
        tiny=changed(
            DEFAULTS,
            {
                "latent_size": 4, "channels": 4, "max_channels": 8, "w_size": 4, "mapping_layers": 2, "batch_size": 4,
                "penalty_every": 2, "path_every": 2,
            },
        ),
        data="avatars",
        sizes=SIZES,
        capabilities=frozenset({"truncation", "w_space", "style_mixing"}),
        draw=draw_clamped,
        truncate=draw_truncated,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="avatars",
                title="Drawn faces",
                look_for="Coloured fog, heads on shoulders after 400 steps, hair and shirts by 1,000, eyes from 1,300 "
                "on. The path lengths settle in a narrow band: equal steps in w change the image equally.",
                data="avatars", size=32, steps=4_000, seconds=300,
                hparams={
                    "channels": 16, "max_channels": 64, "latent_size": 64, "w_size": 64, "penalty_weight": 1.0,
                    "generator_rate": 1e-2, "discriminator_rate": 1e-2, "ema": 0.995, "noise": False,
                },
            ),
        ),
    )
)  # fmt: skip
