"""SAGAN: self-attention in both networks (1805.08318).

    beta_ji = softmax_i(f(x_i)^T g(x_j))     o_j = v(sum_i beta_ji h(x_i))     y = gamma o + x     (equations 1 to 3)

Convolutions are local; whether two eyes match is beyond their reach. An attention layer in each network relates distant
positions, with gamma learned from 0. The products are not divided by the square root of their dimension: tutorials do
so, the paper does not. Spectral normalisation in both networks, hinge loss, two time-scale updates: the discriminator's
learning rate is four times the generator's. `generator.attention_maps(latents)` and
`discriminator.attention_maps(images)` return beta, (B, H, W, h, w), in [0, 1].

The generator maps z (B, latent_size) to (B, C, H, W) in [-1, 1], the discriminator an image to a logit (B,). Published
size, for ImageNet at 128 pixels: `channels=64, max_channels=1024, attention_size=32`.

Differs from the paper: unconditional, so that it trains on any images; BigGAN is the conditional version, with
class-conditional batch normalisation and projection. h has C / 8 channels as in the text, not C / 2 as in the published
code, and there is no pooling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, base_size
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.gans.sngan import ResidualHParams, discriminator_widths, halvings, widths
from gan_core.knobs import knob
from gan_core.layers.residual import ResidualDiscriminator, ResidualGenerator, SelfAttention, initialise_xavier
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class SaganHParams(ResidualHParams):
    """The knobs of residual networks with attention."""

    attention_size: int = knob(
        16, 0, 128, label="Self-attention resolution", unit="pixels", change="rebuild", group="networks",
        help="Apply self-attention at the largest feature map up to this size; 0 turns it off. The cost grows with "
        "the fourth power of the size. The paper uses 32 at 128 pixels.",
    )  # fmt: skip


def networks(hparams: SaganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    size, side = spec.size, hparams.attention_size
    made: dict[str, nn.Module] = {
        "generator": ResidualGenerator(
            hparams.latent_size, spec.channels, base_size(size), widths(size, hparams),
            attention=SelfAttention, attention_size=side,
        ),
        "discriminator": ResidualDiscriminator(
            spec.channels, size, discriminator_widths(size, hparams), halvings(size), hparams.minibatch,
            attention=SelfAttention, attention_size=side,
        ),
    }  # fmt: skip
    for network in made.values():
        initialise_xavier(network)
    return made


DEFAULTS = SaganHParams(
    latent_size=128, batch_size=32, loss="hinge", spectral_norm="both", beta1=0.0, beta2=0.9,
    generator_rate=1e-4, discriminator_rate=1e-4, rate_ratio=4.0,
)  # fmt: skip

register(
    Recipe(
        name="sagan",
        title="SAGAN (self-attention)",
        task="images",
        paper="1805.08318",
        year=2018,
        networks=networks,
        objective=Adversarial,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=8, max_channels=8, batch_size=4),
        data="avatars",
        sizes=SIZES,
        capabilities=frozenset({"attention"}),
        equation=adversarial_equation,
        presets=(
            Preset(
                name="avatars",
                title="Drawn faces with self-attention",
                look_for="Heads by step 100, shoulders by 300, hair and eyes from 700 on; at the end the background "
                "is uniform. Expect the discriminator's scores to oscillate while its learning rate is high.",
                data="avatars", size=32, steps=1_500, seconds=270,
                hparams={
                    "channels": 24, "max_channels": 96, "latent_size": 64, "batch_size": 24,
                    "generator_rate": 3e-4, "discriminator_rate": 2e-4, "schedule": "linear", "decay_steps": 1_500,
                },
            ),
        ),
    )
)  # fmt: skip
