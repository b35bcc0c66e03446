"""StyleGAN: a style-based generator (1812.04948).

    w = f(z);   AdaIN(x_i, y) = y_s,i (x_i - mean(x_i)) / std(x_i) + y_b,i,   y = A w                       (equation 1)

A mapping network turns z (B, latent_size) into w (B, w_size). The synthesis network starts from a learned constant;
each layer adds noise scaled by a learned strength per channel, and w sets the mean and the scale of each feature map.
Each level is nearest-neighbour upsampling, a 3 x 3 convolution and a blur [1, 2, 1], followed by another convolution:
two layers per level, hence `num_ws` = 2 (log2(size) - 1). The discriminator is ProGAN's, with a blur before each
downsampling. During training, some images follow a second latent from a random layer on (style mixing); when sampling,
w is truncated towards its tracked mean.

Loss: non-saturating logistic with R1 (as in the paper's final results). Differs from the paper: trained at full
resolution from the start, unless `growing` is turned on, because growing gains little at small sizes; R1's weight is 1
instead of 10, because gradients are steeper for images with fewer pixels; smaller by default.

With `classes`, the mapping network also receives a class embedding, and the discriminator returns one logit per class.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.progan import GrowingDiscriminator
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import changed, knob
from gan_core.layers.style import (
    SIZES,
    Blur,
    EqualisedConv2d,
    EqualisedLinear,
    Growable,
    draw_clamped,
    faded_image,
    leaky,
    to_rgb_layers,
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
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.growing import Growing, GrowthHParams


@dataclass(frozen=True)
class StyleganHParams(GrowthHParams, StyleHParams):
    """The knobs of the first style-based generator."""

    growing: bool = knob(
        False, label="Progressive growing", change="rebuild", group="growth",
        help="Starts at a low resolution and grows, as in the paper; otherwise trains at full resolution from the "
        "start.",
    )  # fmt: skip


class AdaIn(nn.Module):
    """(B, C, H, W) and w (B, w_size) -> (B, C, H, W): w sets the mean and the scale of each feature map."""

    def __init__(self, channels: int, w_size: int) -> None:
        super().__init__()
        self.style = EqualisedLinear(w_size, 2 * channels, gain=1)
        with torch.no_grad():
            self.style.bias[:channels] = 1  # scales start around 1, shifts around 0

    def forward(self, features: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.style(w)[:, :, None, None].chunk(2, 1)  # (B, 2C) -> twice (B, C, 1, 1)
        variance, mean = torch.var_mean(features, (2, 3), unbiased=False, keepdim=True)
        scale = scale * (variance + 1e-8).rsqrt()
        return torch.addcmul(shift - mean * scale, features, scale)


class StyledLayer(nn.Module):
    """Noise, bias, leaky ReLU and AdaIN, after a convolution without bias or the constant."""

    def __init__(self, channels: int, size: int, hparams: StyleHParams) -> None:
        super().__init__()
        self.noise = noise_layer(size, hparams, channels)
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.activation = leaky()
        self.adain = AdaIn(channels, hparams.w_size)

    def forward(self, features: Tensor, w: Tensor, noise: NoiseMode) -> Tensor:
        styled: Tensor = self.adain(self.activation(self.noise(features, noise) + self.bias), w)
        return styled


class SynthesisLevel(nn.Module):
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W); with 0 `inputs`, the constant -> (B, outputs, 4, 4)."""

    def __init__(self, inputs: int, outputs: int, size: int, hparams: StyleHParams) -> None:
        super().__init__()
        enter: list[nn.Module] = [LearnedConstant(outputs)]
        if inputs:
            enter = [EqualisedConv2d(inputs, outputs, 3, resample="up", bias=False), Blur()]
        self.enter = nn.Sequential(*enter)
        self.first = StyledLayer(outputs, size, hparams)
        self.convolution = EqualisedConv2d(outputs, outputs, 3, bias=False)
        self.second = StyledLayer(outputs, size, hparams)

    def forward(self, features: Tensor, ws: Tensor, noise: NoiseMode) -> Tensor:
        features = self.first(self.enter(features), ws[:, 0], noise)
        styled: Tensor = self.second(self.convolution(features), ws[:, 1], noise)
        return styled


class StyleganGenerator(Growable, StyleGenerator):
    """Latents (B, latent_size)[, labels] -> (B, C, size, size); two layers per level take a w."""

    def __init__(self, image_channels: int, size: int, hparams: StyleHParams, classes: int = 0) -> None:
        channels = widths(size, hparams)
        super().__init__(size, layers_of_w(size), classes, hparams)
        self.levels = nn.ModuleList(
            SynthesisLevel(inputs, outputs, 4 << level, hparams)
            for level, (inputs, outputs) in enumerate(itertools.pairwise([0, *channels]))
        )
        self.to_rgb = to_rgb_layers(image_channels, size, hparams)

    def synthesis(self, ws: Tensor, noise: NoiseMode = "random") -> Tensor:
        features = previous = ws
        for level in range(self.stage()[0] + 1):
            previous, features = features, self.levels[level](features, ws[:, 2 * level : 2 * level + 2], noise)
        return faded_image(self, self.to_rgb, features, previous)


def networks(hparams: StyleganHParams, spec: DataSpec, classes: int = 0) -> dict[str, nn.Module]:
    """Both networks; `classes` makes them conditional."""
    return {
        "generator": StyleganGenerator(spec.channels, spec.size, hparams, classes),
        "discriminator": GrowingDiscriminator(spec.channels, spec.size, hparams, blur=True, classes=classes),
    }


DEFAULTS = StyleganHParams(
    latent_size=128, channels=32, max_channels=128, batch_size=16, penalty="r1", penalty_weight=1.0,
    minibatch="standard_deviation", beta1=0.0, beta2=0.99, generator_rate=1e-3, discriminator_rate=1e-3, ema=0.999,
)  # fmt: skip

register(
    Recipe(
        name="stylegan",
        title="StyleGAN",
        task="images",
        paper="1812.04948",
        year=2018,
        networks=networks,
        objective=lambda hparams: Growing(hparams) if hparams.growing else Adversarial(hparams),
        hparams=DEFAULTS,
        tiny=changed(
            DEFAULTS,
            {
                "latent_size": 4, "channels": 4, "max_channels": 8, "w_size": 4, "mapping_layers": 2, "batch_size": 4,
                "growing": True, "hold_kimg": 0.004, "fade_kimg": 0.008,
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
                title="Drawn faces (StyleGAN)",
                look_for="Uniform squares first, heads by step 500, hair by 2,000, eyes and glasses from 2,800 on. "
                "Coarse layers control the shape and fine layers the colours; style mixing keeps them independent.",
                data="avatars", size=32, steps=4_000, seconds=300,
                hparams={
                    "channels": 16, "max_channels": 64, "latent_size": 64, "w_size": 64, "penalty_weight": 0.1,
                    "penalty_every": 8, "generator_rate": 3e-3, "discriminator_rate": 3e-3, "ema": 0.99,
                },
            ),
        ),
    )
)  # fmt: skip
