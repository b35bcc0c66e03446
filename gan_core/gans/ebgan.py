"""EBGAN: the discriminator is an autoencoder, whose error is an energy (1609.03126).

    L_D = E[D(x)] + E[max(0, m - D(G(z)))]        L_G = E[D(G(z))] + w f_PT        (see objectives/energy.py)

The discriminator encodes an image (B, C, H, W) to a code (B, code_size), decodes it to an image of the same shape, and
returns minus the error per pixel, (B,). It learns to reconstruct real images, and to reconstruct samples badly up to an
error of m; so its target is a whole image instead of one bit. The encoder has the layers of DCGAN's discriminator, the
decoder those of DCGAN's generator, which is also the generator.

Differs from the paper: DCGAN's widths at any size, and the energy is the mean squared error of an image in [-1, 1],
instead of a norm, so that the margin does not depend on the size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, DcganEncoder, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.objectives.energy import EQUATION, Energy, EnergyHParams
from gan_core.objectives.equations import adversarial_equation


def code_knob(default: int) -> Any:
    """The knob `code_size` of discriminators that reconstruct."""
    return knob(
        default, 1, 1024, label="Code size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions between the encoder and the decoder of the discriminator. Too large: everything is "
        "reconstructed, samples too.",
    )  # fmt: skip


@dataclass(frozen=True)
class EbganHParams(EnergyHParams, DcganHParams):
    """The knobs of convolutional networks and of the autoencoder."""

    code_size: int = code_knob(32)


class AutoencoderDiscriminator(nn.Module):
    """(B, C, H, W) in [-1, 1] -> minus the reconstruction error per pixel, (B,); `power` 1: absolute, 2: squared."""

    def __init__(self, image_channels: int, size: int, code_size: int, hparams: DcganHParams, power: int) -> None:
        super().__init__()
        self.power = power
        self.encoder = DcganEncoder(image_channels, size, code_size, hparams)
        # under a penalty on single images, neither half is normalised over the batch
        self.head = DcganGenerator(code_size, image_channels, size, replace(hparams, batch_norm=hparams.normalised))

    def rebuild(self, images: Tensor) -> Tensor:
        """Images after encoder and decoder, in [-1, 1]."""
        rebuilt: Tensor = self.head(self.encoder(images))
        return rebuilt

    def forward(self, images: Tensor) -> Tensor:
        errors = (self.rebuild(images) - images).abs().pow(self.power)
        return -errors.flatten(1).mean(1)  # (B, C, H, W) -> (B,)


def networks(hparams: EbganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": DcganGenerator(hparams.latent_size, spec.channels, spec.size, hparams),
        "discriminator": AutoencoderDiscriminator(spec.channels, spec.size, hparams.code_size, hparams, power=2),
    }


def equation(hparams: EbganHParams) -> str:
    pulled = r"+w\,f_{PT}" if hparams.pulling_away else ""
    return EQUATION + pulled if hparams.loss == "energy" else adversarial_equation(hparams, pulled)


register(
    Recipe(
        name="ebgan",
        title="EBGAN",
        task="images",
        paper="1609.03126",
        year=2016,
        networks=networks,
        objective=Energy,
        hparams=EbganHParams(),
        tiny=EbganHParams(latent_size=4, channels=4, max_channels=8, batch_size=4, code_size=4),
        data="digits",
        sizes=SIZES,
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Energy-based GAN on digits",
                look_for="The discriminator redraws each image, and its score is minus the squared error per pixel: "
                "that of real digits rises to -0.05 within half a minute, that of samples stays near -0.4, beyond the "
                "margin. All ten digits are there after 20 seconds; their edges stay rough.",
                data="digits", size=16, steps=1_500, seconds=75,
                hparams={
                    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.5,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_500,
                    "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
