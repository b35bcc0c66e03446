"""Context encoder: what was there, told from its surroundings (1604.07379).

    L_G = 0.999 |y - G(x)|^2 - 0.001 E[log D(G(x))]        L_D = -E[log D(y)] - E[log(1 - D(G(x)))]

The encoder halves an image with a blank middle (B, C, H, W) down to 4 pixels and to a code of `code_size` numbers; the
decoder doubles it up to the missing square (B, C, H/2, W/2) in [-1, 1]. The discriminator judges squares alone. All
are DCGAN's: strided convolutions, batch-norm, leaky ReLU 0.2 in encoder and discriminator, ReLU in the decoder.

Differences: the paper's published network overlaps the hole's rim by 7 pixels of 64; here the rim of the hole itself
weighs ten times. The blank is grey, not the data's mean. Narrower by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers import initialise_normal
from gan_core.objectives.base import Batch
from gan_core.objectives.masked import Masked, MaskedHParams, blanked, filled

SIZES = (16, 32, 64, 128)
WIDEST = 8  # times the channels at the image's side


@dataclass(frozen=True)
class ContextHParams(MaskedHParams):
    """The knobs of the context encoder."""

    code_size: int = knob(
        256, 4, 4096, label="Code size", unit="numbers", change="rebuild", group="networks",
        help="How many numbers the surroundings are summed up in; the paper has 4000.",
    )  # fmt: skip


class ContextEncoder(nn.Module):
    """Images with a blank middle (B, C, H, W) -> the square that belongs there, (B, C, H/2, W/2) in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, channels: int, code_size: int) -> None:
        super().__init__()
        self.decoder = DcganGenerator(code_size, image_channels, size // 2, _body(channels))
        layers: list[nn.Module] = []
        inputs, width = image_channels, channels
        while size > 4:
            layers.append(nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=not layers))
            layers += ([nn.BatchNorm2d(width)] if len(layers) > 1 else []) + [nn.LeakyReLU(0.2, inplace=True)]
            inputs, width, size = width, min(2 * width, WIDEST * channels), size // 2
        layers += [nn.Conv2d(inputs, code_size, 4, bias=False), nn.BatchNorm2d(code_size)]
        self.encoder = nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True), nn.Flatten())  # -> (B, code_size)
        initialise_normal(self.encoder)

    def forward(self, images: Tensor) -> Tensor:
        square: Tensor = self.decoder(self.encoder(images))
        return square


def networks(hparams: ContextHParams, spec: DataSpec) -> dict[str, nn.Module]:
    half, inputs = spec.size // 2, spec.channels
    return {
        "generator": ContextEncoder(inputs, spec.size, hparams.channels, hparams.code_size),
        "discriminator": DcganDiscriminator(inputs, half, _body(hparams.discriminator_channels)),
    }


def _body(channels: int) -> DcganHParams:
    """DCGAN's settings for networks of that width."""
    return DcganHParams(channels=max(4, channels), max_channels=WIDEST * max(4, channels))


def fill(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """The images (B, C, H, W) with their middle made anew from the rest."""
    return filled(images, networks["generator"](blanked(images)))


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    images = batch["real"]
    return [blanked(images), fill(networks, hparams, images), images]


def equation(hparams: ContextHParams) -> str:
    return (
        r"L_G=\lambda\,\mathbb{E}[\lVert y-G(x)\rVert_2^2]+w\,L_G^{adv}\qquad y=\text{the middle},\ x=\text{the rest}"
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
        objective=lambda hparams: Masked(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, code_size=6, batch_size=4),
        data="avatars",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        translations={"fill": fill},
        compare=compare,
        compared=("given", "filled", "truth"),
        equation=equation,
        presets=(
            Preset(
                "avatars",
                "Faces without a middle",
                "Threes: what is given, what is made of it, the truth. First skin of the right tone, taken from the "
                "neck; then a mean face. Glasses and the look of the eyes can't be known, and stay a guess.",
                "avatars", 32, 4_000, 240,
                {"generator_rate": 1e-3, "discriminator_rate": 5e-4, "code_size": 128},
            ),
        ),
    )
)  # fmt: skip
