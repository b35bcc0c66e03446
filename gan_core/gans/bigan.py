"""BiGAN: a GAN that learns its inverse (1605.09782); the same idea as ALI (1606.00704).

    min_{G,E} max_D  E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]                   (section 3)

The generator maps latents (B, latent_size) to images (B, C, H, W) in [-1, 1], the encoder images to latents, and the
discriminator an image and its latents to a logit (B,). Nothing compares an image with its reconstruction G(E(x)): the
encoder learns to invert the generator because only then the two kinds of pairs cannot be told apart. Reconstructions
keep what the pair agrees on, such as the digit, more than pixels.

DCGAN's networks; in the discriminator, the features of the image are joined with those of the latents by two linear
layers. Encoder and generator are trained together.

Differs from the papers: normal instead of uniform latents, DCGAN's widths at any size; the encoder is deterministic, as
in BiGAN, where ALI's draws from a normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.dcgan import SIZES, DcganEncoder, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal, logit_head
from gan_core.objectives.base import Batch
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.joint import Joint, JointHParams


@dataclass(frozen=True)
class BiganHParams(JointHParams, DcganHParams):
    """The knobs of convolutional networks and of the pairs."""

    joint_width: int = knob(
        128, 1, 2048, label="Joint width", unit="units", change="rebuild", group="networks",
        help="Width of the discriminator's layers that see the image's features and the latents together.",
    )  # fmt: skip


class JointDiscriminator(nn.Module):
    """Images (B, C, H, W) and latents (B, latent_size) -> logits (B,)."""

    def __init__(self, image_channels: int, size: int, hparams: BiganHParams) -> None:
        super().__init__()
        width = hparams.joint_width
        self.of_images = nn.Sequential(DcganEncoder(image_channels, size, width, hparams), nn.LeakyReLU(0.2))
        self.of_latents = nn.Sequential(nn.Linear(hparams.latent_size, width), nn.LeakyReLU(0.2))
        self.joined = nn.Sequential(nn.Linear(2 * width, width), nn.LeakyReLU(0.2))
        self.head = logit_head(width, 0, hparams.minibatch)
        for part in (self.of_latents, self.joined):
            initialise_normal(part)

    def forward(self, images: Tensor, latents: Tensor | None = None) -> Tensor:
        if latents is None:
            raise BadValue("This discriminator judges an image together with its latents, not an image alone.")
        features = torch.cat([self.of_images(images), self.of_latents(latents)], 1)
        logits: Tensor = self.head(self.joined(features))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: BiganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": DcganGenerator(hparams.latent_size, spec.channels, spec.size, hparams),
        "encoder": DcganEncoder(spec.channels, spec.size, hparams.latent_size, hparams),
        "discriminator": JointDiscriminator(spec.channels, spec.size, hparams),
    }


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], networks["generator"](networks["encoder"](batch["real"]))]


def equation(hparams: BiganHParams) -> str:
    return adversarial_equation(hparams).replace("(x)", "(x,E(x))").replace("(G(z))", "(G(z),z)")


register(
    Recipe(
        name="bigan",
        title="BiGAN",
        task="images",
        paper="1605.09782",
        year=2016,
        networks=networks,
        objective=Joint,
        hparams=BiganHParams(latent_size=50),
        tiny=BiganHParams(latent_size=4, channels=4, max_channels=8, batch_size=4, joint_width=8),
        data="digits",
        sizes=SIZES,
        optimizers=two_players(generator=("generator", "encoder")),
        ema_networks=("generator", "encoder"),
        compare=compare,
        compared=("given", "output"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="A GAN with its inverse on digits",
                look_for="Below the samples, held-out digits stand beside their reconstructions.",
                data="digits", size=16, steps=4_000, seconds=120,
                hparams={
                    "channels": 32, "stem": "linear", "beta1": 0.5, "generator_rate": 1e-3,
                    "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 4_000, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
