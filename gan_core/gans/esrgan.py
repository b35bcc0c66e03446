"""ESRGAN: SRGAN with residual dense blocks, no batch normalisation, and a relativistic discriminator (1809.00219).

    D_Ra(y, f) = sigmoid(C(y) - E[C(f)])
    L_D = -E[log D_Ra(y, G(x))] - E[log(1 - D_Ra(G(x), y))]
    L_G = E[|y - G(x)|] - w (E[log(1 - D_Ra(y, G(x)))] + E[log D_Ra(G(x), y)])

The generator maps (B, C, h, w) to (B, C, 4h, 4w): residual-in-residual dense blocks (RRDBs) of three dense blocks with
five convolutions each, every residual scaled by 0.2; nearest-neighbour upsampling and convolutions at the end. With 64
channels, a growth rate of 32 and 23 blocks it has the published 16.7 M parameters; the default is smaller. The
discriminator is SRGAN's; it estimates whether a real image is more realistic than the average upscaled one, so that the
generator also learns from real images.

Differs from the paper: L1 is the only content loss by default, where the paper adds VGG features before activation;
hence its weight of 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, register
from gan_core.gans.srgan import crop_discriminator, super_resolution_recipe
from gan_core.knobs import knob
from gan_core.objectives.super_resolution import SuperResolutionHParams

RESIDUAL_SCALE = 0.2
INITIAL_SCALE = 0.1  # of the weights, relative to He initialisation


@dataclass(frozen=True)
class EsrganHParams(SuperResolutionHParams):
    """The knobs of ESRGAN."""

    blocks: int = knob(
        3, 1, 32, label="Residual-in-residual dense blocks", change="rebuild", group="networks",
        help="RRDBs of the generator, each with three dense blocks; the paper uses 23.",
    )  # fmt: skip
    growth: int = knob(
        16, 2, 64, label="Growth rate", unit="channels", change="rebuild", group="networks",
        help="Channels that each convolution of a dense block adds; the paper uses 32.",
    )  # fmt: skip


class DenseBlock(nn.Module):
    """(B, C, h, w) -> the same shape; each convolution receives the input and all previous outputs."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        outputs = [growth] * 4 + [channels]
        self.layers = nn.ModuleList(
            nn.Conv2d(channels + place * growth, output, 3, padding=1) for place, output in enumerate(outputs)
        )
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, features: Tensor) -> Tensor:
        seen = [features]
        for layer in self.layers[:-1]:
            seen.append(self.activation(layer(torch.cat(seen, 1))))
        changed: Tensor = features + RESIDUAL_SCALE * self.layers[-1](torch.cat(seen, 1))
        return changed


class ResidualDenseBlock(nn.Module):
    """(B, C, h, w) -> the same."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(DenseBlock(channels, growth) for _ in range(3)))

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + RESIDUAL_SCALE * self.layers(features)
        return changed


class DenseGenerator(nn.Module):
    """(B, C, h, w) -> (B, C, scale h, scale w)."""

    def __init__(self, image_channels: int, channels: int, growth: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(image_channels, channels, 3, padding=1)
        trunk = [ResidualDenseBlock(channels, growth) for _ in range(blocks)]
        self.trunk = nn.Sequential(*trunk, nn.Conv2d(channels, channels, 3, padding=1))
        self.enlarging = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(scale // 2))
        self.last = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv2d(channels, image_channels, 3, padding=1),
        )  # fmt: skip
        self.activation = nn.LeakyReLU(0.2)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                layer.weight.data.mul_(INITIAL_SCALE)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stem(images)
        features = features + self.trunk(features)
        for layer in self.enlarging:
            features = self.activation(layer(interpolate(features, scale_factor=2.0)))
        enlarged: Tensor = self.last(features)
        return enlarged


def networks(hparams: EsrganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    generator = DenseGenerator(spec.channels, hparams.channels, hparams.growth, hparams.blocks, int(hparams.scale))
    return {"generator": generator, "discriminator": crop_discriminator(hparams, spec)}


DEFAULTS = EsrganHParams(
    batch_size=16, loss="non_saturating", relativistic="average", adversarial_weight=5e-3, beta1=0.9
)

register(
    super_resolution_recipe(
        name="esrgan",
        title="ESRGAN",
        paper="1809.00219",
        year=2018,
        networks=networks,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, channels=4, growth=2, discriminator_channels=4, blocks=1, batch_size=4, scale="2", warm_up=0.0
        ),
        blend_key=("blocks", "channels", "growth", "scale"),
        presets=(
            Preset(
                name="avatars",
                title="Upscaling faces ×4 with dense blocks",
                look_for="Four images per item: input (16 pixels), bicubic, output, ground truth. A step takes longer "
                "than SRGAN's: compare the two runs at the same step, by PSNR and by eye.",
                data="avatars", size=64, steps=3_000, seconds=700,
                hparams={"blocks": 2, "crop": 48, "generator_rate": 5e-4, "warm_up": 24.0},
            ),
        ),
    )
)  # fmt: skip
