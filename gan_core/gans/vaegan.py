"""VAE/GAN: a variational autoencoder whose errors a discriminator measures (1512.09300).

    encoder:  L_prior + L_llike        generator:  gamma L_llike + L_G        discriminator:  L_D        (algorithm 1)

The encoder maps images (B, C, H, W) to a normal distribution of latents, (B, latent_size) each for mean and log
variance; the generator is the decoder. Images and reconstructions are compared in the discriminator's last features
instead of pixel by pixel, so that a stroke may be slightly out of place but not blurred (objectives/vae_gan.py). A
sample is G(z) for standard normal z.

Differs from the paper: DCGAN's networks at any size, the non-saturating loss by default, Adam instead of RMSprop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganEncoder, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.objectives.base import Batch
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.vae_gan import VaeGan, VaeGanHParams
from gan_core.objectives.variational import as_pair


@dataclass(frozen=True)
class VaeganHParams(VaeGanHParams, DcganHParams):
    """The knobs of convolutional networks and of the objective."""


class GaussianEncoder(nn.Module):
    """(B, C, H, W) -> mean and log variance of the latents, (B, latent_size) each."""

    def __init__(self, image_channels: int, size: int, hparams: DcganHParams) -> None:
        super().__init__()
        self.body = DcganEncoder(image_channels, size, 2 * hparams.latent_size, hparams)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return as_pair(self.body(images))


def networks(hparams: VaeganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": DcganGenerator(hparams.latent_size, spec.channels, spec.size, hparams),
        "discriminator": DcganDiscriminator(spec.channels, spec.size, hparams),
        "encoder": GaussianEncoder(spec.channels, spec.size, hparams),
    }


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    mean, _ = networks["encoder"](batch["real"])
    return [batch["real"], networks["generator"](mean)]


def equation(hparams: VaeganHParams) -> str:
    distance = r"\mathbb{E}[\lVert D_l(x)-D_l(\tilde x)\rVert^2]"
    players = adversarial_equation(hparams, rf"+\tfrac{{\gamma}}{{2}}{distance}")
    return players + rf"\qquad L_E=\beta\,\mathrm{{KL}}+\tfrac12{distance}"


PLAYERS = two_players()

register(
    Recipe(
        name="vaegan",
        title="VAE/GAN",
        task="images",
        paper="1512.09300",
        year=2015,
        networks=networks,
        objective=VaeGan,
        hparams=VaeganHParams(latent_size=32),
        tiny=VaeganHParams(latent_size=4, channels=4, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        optimizers={**PLAYERS, "encoder": two_players(generator=("encoder",))["generator"]},
        ema_networks=("generator", "encoder"),
        compare=compare,
        compared=("given", "output"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="A VAE with a discriminator on digits",
                look_for="Below the samples, held-out digits stand beside their reconstructions, which are the right "
                "digit after a minute: similarity is measured in the discriminator's features, not in "
                "pixels. Samples are less clear than reconstructions, because latents drawn at random fall "
                "between those of digits.",
                data="digits", size=16, steps=1_500, seconds=150,
                hparams={
                    "channels": 32, "stem": "linear", "beta1": 0.5, "generator_rate": 1e-3,
                    "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_500, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
