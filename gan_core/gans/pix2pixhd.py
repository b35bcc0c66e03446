"""pix2pixHD: paired translation from coarse to fine, by discriminators of several scales (1711.11585).

    L_G = sum_k L_GAN(G, D_k) + l L_FM(G, D_k)

Source (B, C, H, W) -> image of the same shape in [-1, 1]. The global generator, CycleGAN's residual one, works at half
the size; the local enhancer adds its features (B, 2 channels, H/2, W/2), those before its last layer, to its own of the
full image. The discriminators judge source and image together at the full size, at half of it ...; each is a PatchGAN.
Instead of pix2pix's L1 loss, which blurs, the output must give the discriminators the same features as the target
(objectives/coarse_to_fine.py). First the global generator is trained at half the size, then the enhancer, then both.

Differs from the paper: small images, so two halvings and fewer blocks in the global generator and two scales by
default; no perceptual loss of a pretrained network; sources are images, not maps of classes, and there are neither
borders nor features of instances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.layers.translation import MultiScaleDiscriminator, ResidualBlock, ResnetGenerator, halved
from gan_core.objectives.base import Batch
from gan_core.objectives.coarse_to_fine import CoarseToFine, CoarseToFineHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (16, 32, 64, 128, 256)
LAST = 3  # layers of the global generator that turn its features into an image


@dataclass(frozen=True)
class Pix2PixHdHParams(CoarseToFineHParams):
    """The knobs of pix2pixHD."""

    blocks: int = knob(
        4, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of the global generator; the paper uses 9.",
    )  # fmt: skip
    local_blocks: int = knob(
        2, 1, 12, label="Residual blocks of the enhancer", change="rebuild", group="networks",
        help="Residual blocks of the local enhancer, at half the size; the paper uses 3.",
    )  # fmt: skip


class CoarseToFineGenerator(nn.Module):
    """(B, C, H, W) -> (B, C, H, W) in [-1, 1]. While `enhanced` is 0, images of the global generator, each pixel
    repeated; while `fixed`, it doesn't learn."""

    enhanced: Tensor

    def __init__(self, image_channels: int, size: int, hparams: Pix2PixHdHParams) -> None:
        super().__init__()
        width = hparams.channels
        self.size, self.fixed = size, False
        self.register_buffer("enhanced", torch.tensor(1.0))
        self.coarse = ResnetGenerator(image_channels, 2 * width, hparams.blocks)
        self.down = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(image_channels, width, 7), nn.InstanceNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.InstanceNorm2d(2 * width), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.up = nn.Sequential(
            *(ResidualBlock(2 * width, "instance", 0.0) for _ in range(hparams.local_blocks)),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True), nn.ReflectionPad2d(3), nn.Conv2d(width, image_channels, 7), nn.Tanh(),
        )  # fmt: skip
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        half = halved(images)
        if not bool(self.enhanced):
            return interpolate(self.coarse(half), scale_factor=2.0)
        features = self.coarse.layers[:-LAST](half)  # (B, 2 channels, H/2, W/2)
        made: Tensor = self.up(self.down(images) + (features.detach() if self.fixed else features))
        return made


def networks(hparams: Pix2PixHdHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels, size = spec.channels, spec.size
    discriminator = MultiScaleDiscriminator(
        2 * channels, hparams.discriminator_channels, hparams.patch_layers, size, hparams.scales, "instance"
    )
    return {"generator": CoarseToFineGenerator(channels, size, hparams), "discriminator": discriminator}


def translate(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    translated: Tensor = networks["generator"](images)
    return translated


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["source"], networks["generator"](batch["source"]), batch["target"]]


def equation(hparams: Pix2PixHdHParams) -> str:
    given = EQUATIONS[hparams.loss].replace("D(y)", "D_k(x,y)").replace("D(G(x))", "D_k(x,G(x))")
    return given + r"+\lambda\sum_i\mathbb{E}[\lVert D_k^{(i)}(x,y)-D_k^{(i)}(x,G(x))\rVert_1]"


DEFAULTS = Pix2PixHdHParams(channels=16, ema=0.99)

register(
    Recipe(
        name="pix2pixhd",
        title="pix2pixHD",
        task="paired",
        paper="1711.11585",
        year=2017,
        networks=networks,
        objective=CoarseToFine,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, channels=2, discriminator_channels=2, blocks=1, local_blocks=1, batch_size=4, coarse_kimg=0.004,
            fixed_kimg=0.004,
        ),
        data="avatars_pencil",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        translations={"source_to_target": translate},
        compare=compare,
        compared=("source", "output", "target"),
        equation=equation,
        presets=(
            Preset(
                name="pencil",
                title="Pencil drawings at 64 pixels, from coarse to fine",
                look_for="Three images per item: drawing, output, ground truth. Large pixels at first: the global "
                "generator works at 32 pixels. At step 600 the enhancer is added, and eyes and mouths become sharp "
                "within 100 steps, although no term compares pixels.",
                data="avatars_pencil", size=64, steps=1_200, seconds=200,
                hparams={
                    "batch_size": 8, "channels": 8, "discriminator_channels": 16, "blocks": 3, "local_blocks": 2,
                    "patch_layers": 2, "generator_rate": 1e-3, "discriminator_rate": 5e-4, "coarse_kimg": 4.8,
                    "fixed_kimg": 1.2,
                },
            ),
        ),
    )
)  # fmt: skip
