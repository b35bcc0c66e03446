"""SNGAN: spectral normalisation bounds the Lipschitz constant of the discriminator (1802.05957).

    W_SN = W / sigma(W)                                                                              (equation 8)

sigma is the largest singular value, tracked by one power iteration per forward pass. It bounds the gradient everywhere,
whereas a gradient penalty acts only between the images at hand. The knob `spectral_norm` applies it to any recipe; this
one has the paper's residual networks: the generator maps z (B, latent_size) through blocks that double the resolution
to (B, C, H, W) in [-1, 1]; the discriminator sums its last features over all positions to a logit (B,). Hinge loss
(equations 16 and 17).

Published size for CIFAR-10 (table 4): `channels=256, max_channels=256, discriminator_channels=128` at 32 pixels; the
generator then has 4,276,739 parameters, including biases and batch-norm scales and shifts. For ImageNet at 128 pixels
(table 6): `channels=64, max_channels=1024`.

Differs from the paper: one discriminator update per step instead of five, for small computers (`discriminator_steps`);
Glorot initialisation with gain 1; both convolutions of a discriminator block are as wide as its output; unconditional
(see BigGAN).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, base_size
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams, channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.residual import ResidualDiscriminator, ResidualGenerator, initialise_xavier
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class ResidualHParams(AdversarialHParams):
    """The knobs of residual networks."""

    channels: int = channels_knob(32, 512)
    max_channels: int = max_channels_knob(96, 2048)
    discriminator_channels: int = knob(
        0, 0, 512, label="Discriminator channels", change="rebuild", group="networks",
        help="Channels of the discriminator at full resolution, with the maximum scaled in proportion; 0 uses the "
        "generator's.",
    )  # fmt: skip


def widths(size: int, hparams: ResidualHParams) -> list[int]:
    """The generator's channels, from the lowest resolution to the image: one more than it has blocks."""
    levels = (size // base_size(size)).bit_length() - 1
    return [min(hparams.channels * 2**level, hparams.max_channels) for level in range(levels, -1, -1)]


def discriminator_widths(size: int, hparams: ResidualHParams) -> list[int]:
    """The channels of the discriminator's blocks, from the image."""
    channels = hparams.discriminator_channels or hparams.channels
    return [width * channels // hparams.channels for width in reversed(widths(size, hparams))]


def halvings(size: int) -> int:
    """Number of downsampling blocks of the discriminator: to 4 pixels, or 8 for images of 16 and 32."""
    levels = (size // base_size(size)).bit_length() - 1
    return levels if size >= 64 or base_size(size) == 7 else max(1, levels - 1)


def networks(hparams: ResidualHParams, spec: DataSpec) -> dict[str, nn.Module]:
    size = spec.size
    made: dict[str, nn.Module] = {
        "generator": ResidualGenerator(hparams.latent_size, spec.channels, base_size(size), widths(size, hparams)),
        "discriminator": ResidualDiscriminator(
            spec.channels, size, discriminator_widths(size, hparams), halvings(size), hparams.minibatch
        ),
    }
    for network in made.values():
        initialise_xavier(network)
    return made


DEFAULTS = ResidualHParams(
    latent_size=128, batch_size=32, loss="hinge", spectral_norm="discriminator", beta1=0.0, beta2=0.9
)  # fmt: skip

register(
    Recipe(
        name="sngan",
        title="SNGAN (ResNet)",
        task="images",
        paper="1802.05957",
        year=2018,
        networks=networks,
        objective=Adversarial,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=4, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="avatars",
                title="Drawn faces with spectral normalisation",
                look_for="Heads on a pale background by step 200, hats and long hair by 450, faces from 700 on, "
                "without any gradient penalty: spectral normalisation keeps the discriminator's scores within a few "
                "units of 0. Dark areas remain striped.",
                data="avatars", size=32, steps=1_500, seconds=240,
                hparams={
                    "channels": 24, "max_channels": 96, "latent_size": 64, "batch_size": 24,
                    "generator_rate": 5e-4, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_500,
                },
            ),
        ),
    )
)  # fmt: skip
