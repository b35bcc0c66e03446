"""SNGAN: spectral normalisation holds the discriminator's slope at every layer (1802.05957).

    W_SN = W / sigma(W)                                                                              (equation 8)

with sigma the largest singular value, followed by one power iteration a pass. No layer can then stretch its input,
whatever the inputs are, where a gradient penalty acts only between the images at hand. The knob `spectral_norm` does it
for any recipe; this one brings the paper's residual networks: the generator maps z (B, latent_size) through blocks that
double the resolution to (B, C, H, W) in [-1, 1]; the discriminator sums its last features over all places to a logit
(B,). Hinge loss (equations 16 and 17).

Published size for CIFAR-10 (table 4): `channels=256, max_channels=256, discriminator_channels=128` at 32 pixels; the
generator then has 4,276,739 parameters, biases and batch-norm's scales and shifts counted. For ImageNet at 128 pixels
(table 6): `channels=64, max_channels=1024`.

Differs from the paper: one discriminator update a step instead of five, as small computers have no time for more
(`discriminator_steps`); Glorot's initialisation with gain 1; both convolutions of a discriminator's block are as wide
as its output; without classes, which are BigGAN's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, base_size
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation
from gan_core.residual_layers import ResidualDiscriminator, ResidualGenerator, initialise_xavier


@dataclass(frozen=True)
class ResidualHParams(AdversarialHParams):
    """The knobs of residual networks."""

    latent_size: int = knob(
        128, 1, 1024, label="Latent size", unit="numbers", change="rebuild", group="networks",
        help="How many random numbers one sample is made from.",
    )  # fmt: skip
    channels: int = knob(
        32, 4, 512, label="Channels", change="rebuild", group="networks",
        help="Channels of the block next to the image; they double with every halving of the resolution.",
    )  # fmt: skip
    max_channels: int = knob(
        96, 4, 2048, label="Channels at most", change="rebuild", group="networks",
        help="Caps the channels of the widest blocks.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        0, 0, 512, label="Channels of the discriminator", change="rebuild", group="networks",
        help="Its channels next to the image, with the cap scaled alike; 0: as many as the generator's.",
    )  # fmt: skip
    loss: str = knob(
        "hinge",
        choices=("non_saturating", "minimax", "logistic", "least_squares", "wasserstein", "hinge"),
        label="Loss", group="objective",
        help="What the two players minimise. Hinge goes with spectral norm.",
    )  # fmt: skip
    spectral_norm: str = knob(
        "discriminator", choices=("none", "discriminator", "both"), label="Spectral norm", change="rebuild",
        group="stabilisers",
        help="Divides each layer's weights by their largest singular value, so that no layer stretches. Goes well with "
        "the hinge loss.",
    )  # fmt: skip
    beta1: float = knob(
        0.0, 0.0, 0.99, label="Beta 1", group="optimiser",
        help="Memory of the gradient's mean (Adam) or momentum (SGD). GANs like 0 to 0.5: the opponent moves.",
    )  # fmt: skip
    beta2: float = knob(
        0.9, 0.5, 0.9999, label="Beta 2", group="optimiser",
        help="Memory of the gradient's square (Adam), or RMSprop's smoothing.",
    )  # fmt: skip


def widths(size: int, hparams: ResidualHParams) -> list[int]:
    """The generator's channels, from the base to the image: one more than it has blocks."""
    levels = (size // base_size(size)).bit_length() - 1
    return [min(hparams.channels * 2**level, hparams.max_channels) for level in range(levels, -1, -1)]


def discriminator_widths(size: int, hparams: ResidualHParams) -> list[int]:
    """The channels of the discriminator's blocks, from the image."""
    channels = hparams.discriminator_channels or hparams.channels
    return [width * channels // hparams.channels for width in reversed(widths(size, hparams))]


def halvings(size: int) -> int:
    """How many of the discriminator's blocks halve the resolution: down to 4 pixels, or 8 for images of 16 and 32."""
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


register(
    Recipe(
        name="sngan",
        title="SNGAN (ResNet)",
        task="images",
        paper="1802.05957",
        year=2018,
        networks=networks,
        objective=Adversarial,
        hparams=ResidualHParams(batch_size=32),
        tiny=ResidualHParams(latent_size=4, channels=4, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        equation=adversarial_equation,
        presets=(
            Preset(
                "avatars",
                "Drawn faces under spectral norm",
                "Heads on shoulders after a minute, then hair and faces, with no penalty at all: the discriminator's "
                "scores stay within a few units of 0, because no layer can stretch.",
                "avatars", 32, 1_500, 240,
                {
                    "channels": 24, "max_channels": 96, "latent_size": 64, "batch_size": 24,
                    "generator_rate": 5e-4, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_500,
                },
            ),
        ),
    )
)  # fmt: skip
