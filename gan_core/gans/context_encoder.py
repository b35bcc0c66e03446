"""Context encoder: inpainting by an encoder-decoder with an adversarial loss (1604.07379).

    L_G = 0.999 |M (y - G(x, M))|^2 - 0.001 E[log D(x')]        L_D = -E[log D(y)] - E[log(1 - D(x'))]

The encoder downsamples an image with holes and its mask, (B, C + 1, H, W), to 4 pixels and to a code of `code_size`
dimensions; the decoder upsamples it to an image (B, C, H, W) in [-1, 1], of which only the holes are used. The
discriminator receives the filled image. All networks follow DCGAN: strided convolutions, batch normalisation, leaky
ReLU 0.2 in encoder and discriminator, ReLU in the decoder.

Differs from the paper: for a centre hole the paper generates and discriminates that square only, with an overlap of 7
of 64 pixels; here one network handles holes of any shape, receives the mask, and weighs the borders of holes ten times.
Holes are filled with grey instead of the data's mean. Skip connections from encoder to decoder, as in a U-Net, are a
knob: they fill better, but the code carries less information. Narrower by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import DcganDiscriminator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.objectives.base import Batch
from gan_core.objectives.inpainting import Inpainting, InpaintingHParams, blanked, middle_hole, preview_holes

SIZES = (16, 32, 64, 128)
WIDEST = 8  # times the channels at full resolution


@dataclass(frozen=True)
class ContextHParams(InpaintingHParams):
    """The knobs of the context encoder."""

    code_size: int = knob(
        256, 4, 4096, label="Bottleneck size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the code between encoder and decoder; the paper uses 4000.",
    )  # fmt: skip
    skips: bool = knob(
        False, label="Skip connections", change="rebuild", group="networks",
        help="Passes the encoder's feature maps to the decoder, as in a U-Net. Fills more sharply, but the code "
        "carries less information.",
    )  # fmt: skip


class ContextEncoder(nn.Module):
    """Images (B, C, H, W), holes (B, 1, H, W), true where pixels are missing -> images (B, C, H, W) in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, channels: int, code_size: int, skips: bool) -> None:
        super().__init__()
        levels = size.bit_length() - 3  # halvings down to 4 pixels
        widths = [channels * min(2**level, WIDEST) for level in range(levels)]
        self.skips = skips
        self.down = nn.ModuleList([_halving(image_channels + 1, widths[0], norm=False)])
        self.down.extend(_halving(inputs, outputs) for inputs, outputs in pairwise(widths))
        self.code = nn.Sequential(
            nn.Conv2d(widths[-1], code_size, 4, bias=False), nn.BatchNorm2d(code_size), nn.LeakyReLU(0.2), nn.Flatten()
        )
        self.open = nn.Sequential(
            nn.Unflatten(1, (code_size, 1, 1)),
            nn.ConvTranspose2d(code_size, widths[-1], 4, bias=False), nn.BatchNorm2d(widths[-1]), nn.ReLU(),
        )  # fmt: skip
        seen = 2 if skips else 1
        self.up = nn.ModuleList(_doubling(seen * inputs, outputs) for inputs, outputs in pairwise(widths[::-1]))
        self.up.append(
            nn.Sequential(nn.ConvTranspose2d(seen * widths[0], image_channels, 4, stride=2, padding=1), nn.Tanh())
        )
        initialise_normal(self)

    def forward(self, images: Tensor, holes: Tensor) -> Tensor:
        levels = self._levels(images, holes)
        features: Tensor = self.open(self.code(levels[-1]))
        for layers, level in zip(self.up, reversed(levels), strict=True):
            features = layers(torch.cat([features, level], 1) if self.skips else features)
        return features

    def encode(self, images: Tensor, holes: Tensor) -> Tensor:
        """The codes, (B, code_size)."""
        code: Tensor = self.code(self._levels(images, holes)[-1])
        return code

    def _levels(self, images: Tensor, holes: Tensor) -> list[Tensor]:
        features = torch.cat([blanked(images, holes), holes.to(images.dtype)], 1)
        levels = []
        for layers in self.down:
            features = layers(features)
            levels.append(features)
        return levels


def _halving(inputs: int, outputs: int, norm: bool = True) -> nn.Module:
    """(B, inputs, H, W) -> (B, outputs, H/2, W/2)."""
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not norm)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(outputs)] if norm else []), nn.LeakyReLU(0.2))


def _doubling(inputs: int, outputs: int) -> nn.Module:
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W)."""
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def networks(hparams: ContextHParams, spec: DataSpec) -> dict[str, nn.Module]:
    size, inputs, width = spec.size, spec.channels, max(4, hparams.discriminator_channels)
    body = DcganHParams(channels=width, max_channels=WIDEST * width)
    return {
        "generator": ContextEncoder(inputs, size, hparams.channels, hparams.code_size, hparams.skips),
        "discriminator": DcganDiscriminator(inputs, size, body),
    }


def fill(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor, holes: Tensor) -> Tensor:
    """The images (B, C, H, W) with their holes (B, 1, H, W) filled."""
    return torch.where(holes, networks["generator"](images, holes), images)


def fill_middle(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """The images with their centre square removed and filled."""
    return fill(networks, hparams, images, middle_hole(images.shape[0], images.shape[3]).to(images.device))


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    images = batch["real"]
    holes = preview_holes(hparams.holes, images)
    return [blanked(images, holes), fill(networks, hparams, images, holes), images]


def equation(hparams: ContextHParams) -> str:
    contrast = r"+c\,L_{contrast}" if hparams.contrast_weight else ""
    return (
        r"L_G=\lambda\,\mathbb{E}[\lVert M\odot(y-G(x,M))\rVert_2^2]+w\,L_G^{adv}" + contrast + r"\qquad x=(1-M)\odot y"
    )


DEFAULTS = ContextHParams(batch_size=32, loss="non_saturating", adversarial_weight=1e-3)

register(
    Recipe(
        name="context_encoder",
        title="Context encoder",
        task="inpainting",
        paper="1604.07379",
        year=2016,
        networks=networks,
        objective=lambda hparams: Inpainting(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, code_size=6, batch_size=4),
        data="avatars",
        capabilities=frozenset({"translate", "fill"}),
        sizes=SIZES,
        translations={"fill_middle": fill_middle},
        fill=fill,
        compare=compare,
        compared=("given", "filled", "truth"),
        equation=equation,
        presets=(
            Preset(
                name="avatars",
                title="Inpainting the centre of faces",
                look_for="Three images per item: input, output, ground truth. Skin of the right tone comes first, "
                "inferred from the neck, then an average face. Glasses and gaze cannot be inferred and remain a guess.",
                data="avatars", size=32, steps=4_000, seconds=240,
                hparams={"generator_rate": 1e-3, "discriminator_rate": 5e-4, "code_size": 128},
            ),
        ),
    )
)  # fmt: skip
