"""pix2pix: paired image translation with a conditional GAN (1611.07004).

    min_G max_D  E[log D(x, y)] + E[log(1 - D(x, G(x)))] + lambda E[|y - G(x)|]

The generator maps a source (B, C, H, W) to an image of the same shape in [-1, 1]. The U-Net downsamples it to one pixel
and upsamples it again, with skip connections at each resolution, because input and output share their edges. The
residual generator of CycleGAN works at a quarter of the resolution. The PatchGAN discriminator receives source and
image concatenated by channel and has a receptive field of up to 70 pixels: L1 captures low frequencies, so D only needs
to model high ones. Batch normalisation, weights from N(0, 0.02), Adam with learning rate 2e-4 and beta 1 of 0.5.

Differs from the paper: dropout, the paper's noise, is active during training only, and samples use running batch-norm
statistics, where the paper keeps both as in training. Networks are narrower by default, and the U-Net is as deep as the
image size allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob, when
from gan_core.layers.translation import PatchDiscriminator, ResnetGenerator, UnetGenerator, fitting_layers
from gan_core.objectives.base import Batch
from gan_core.objectives.pairs import Pairs, PairsHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 128, 256)
MOST_DEPTH = 8


@dataclass(frozen=True)
class Pix2PixHParams(PairsHParams):
    """The knobs of pix2pix."""

    generator_kind: str = knob(
        "unet", choices=("unet", "resnet"), label="Generator architecture", change="rebuild", group="networks",
        help="U-Net: skip connections at every resolution, as in the paper. ResNet: residual blocks at a quarter of "
        "the resolution, which can move content further.",
    )  # fmt: skip
    blocks: int = knob(
        6, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        acts_when=when(generator_kind=("resnet",)),
        help="Residual blocks of the ResNet generator; the CycleGAN paper uses 6 at 128 pixels and 9 at 256.",
    )  # fmt: skip
    norm: str = knob(
        "batch", choices=("batch", "instance"), label="Normalisation", change="rebuild", group="networks",
        help="Over the batch, as in the paper, or over each image by itself (instance normalisation), which suits a "
        "batch size of 1.",
    )  # fmt: skip
    dropout: float = knob(
        0.5, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the inner features dropped at random, also the generator's only source of noise.",
    )  # fmt: skip


def networks(hparams: Pix2PixHParams, spec: DataSpec) -> dict[str, nn.Module]:
    inputs, channels, norm = spec.channels, hparams.channels, hparams.norm
    depth = min(MOST_DEPTH, spec.size.bit_length() - 1)
    generator = (
        UnetGenerator(inputs, channels, depth, norm, hparams.dropout)
        if hparams.generator_kind == "unet"
        else ResnetGenerator(inputs, channels, hparams.blocks, norm, hparams.dropout)
    )
    layers = fitting_layers(hparams.patch_layers, spec.size)
    discriminator = PatchDiscriminator(2 * inputs, hparams.discriminator_channels, layers, norm)
    return {"generator": generator, "discriminator": discriminator}


def translate(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    translated: Tensor = networks["generator"](images)
    return translated


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["source"], networks["generator"](batch["source"]), batch["target"]]


def equation(hparams: Pix2PixHParams) -> str:
    return EQUATIONS[hparams.loss].replace("D(y)", "D(x,y)").replace("D(G(x))", "D(x,G(x))") + (
        r"+\lambda\,\mathbb{E}[\lVert y-G(x)\rVert_1]"
    )


DEFAULTS = Pix2PixHParams(loss="non_saturating", ema=0.0)

register(
    Recipe(
        name="pix2pix",
        title="pix2pix",
        task="paired",
        paper="1611.07004",
        year=2016,
        networks=networks,
        objective=lambda hparams: Pairs(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, batch_size=4),
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
                beginner=True,
                title="Colouring pencil drawings",
                look_for="Three images per item: drawing, output, ground truth. Uniform brown at first; skin and hair "
                "get their colours within a minute, then eyes and mouths. The background is a guess, because the "
                "drawing does not determine its colour.",
                data="avatars_pencil", size=32, steps=3_000, seconds=180,
                hparams={"batch_size": 8, "generator_rate": 1e-3, "ema": 0.99},
            ),
        ),
    )
)  # fmt: skip
