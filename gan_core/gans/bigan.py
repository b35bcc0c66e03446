"""BiGAN: a GAN that learns its inverse (1605.09782); the same idea as ALI (1606.00704).

    min_{G,E} max_D  E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]                   (section 3)

The generator maps latents (B, latent_size) to images (B, C, H, W) in [-1, 1], the encoder images to latents, and the
discriminator an image and its latents to a logit (B,). Nothing compares an image with its reconstruction G(E(x)): the
encoder learns to invert the generator because only then the two kinds of pairs cannot be told apart. Reconstructions
keep what the pair agrees on, such as the digit, more than pixels.

Multilayer perceptrons, as in the paper's experiment on MNIST: the discriminator takes the pixels and the latents side
by side. Encoder and generator are trained together.

Differs from the papers: normal instead of uniform latents; the encoder is deterministic, as in BiGAN, where ALI's draws
from a normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.mlp_gan import MlpDiscriminator, MlpGenerator, MlpHParams
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.layers.blocks import activation
from gan_core.objectives.base import Batch
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.joint import Joint, JointHParams


@dataclass(frozen=True)
class BiganHParams(JointHParams, MlpHParams):
    """The knobs of multilayer perceptrons and of the pairs."""


class MlpEncoder(nn.Module):
    """(B, C, H, W) -> latents (B, latent_size); the generator's widths from the last to the first."""

    def __init__(self, shape: tuple[int, ...], hparams: BiganHParams) -> None:
        super().__init__()
        inputs = math.prod(shape)
        layers: list[nn.Module] = []
        for width in hparams.generator_widths[::-1]:
            layers.append(nn.Linear(inputs, width))
            if hparams.batch_norm:
                layers.append(nn.BatchNorm1d(width, momentum=hparams.batch_norm_momentum))
            layers.append(activation(hparams.activation, hparams.slope))
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, hparams.latent_size))

    def forward(self, images: Tensor) -> Tensor:
        latents: Tensor = self.layers(images.flatten(1))  # (B, C, H, W) -> (B, C * H * W)
        return latents


class JointDiscriminator(MlpDiscriminator):
    """Images (B, C, H, W) and latents (B, latent_size) -> logits (B,)."""

    def forward(self, images: Tensor, extra: Tensor | None = None) -> Tensor:
        if extra is None:
            raise BadValue("This discriminator judges an image together with its latents, not an image alone.")
        return super().forward(images, extra)


def networks(hparams: BiganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {
        "generator": MlpGenerator(hparams.latent_size, shape, hparams),
        "encoder": MlpEncoder(shape, hparams),
        "discriminator": JointDiscriminator(shape, hparams.latent_size, hparams, hparams.output == "sigmoid"),
    }


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], networks["generator"](networks["encoder"](batch["real"]))]


ENCODER = {
    "non_saturating": r"\mathbb{E}[-\log(1-D(x))]", "minimax": r"\mathbb{E}[\log D(x)]",
    "logistic": r"\mathbb{E}[\zeta(D(x))]", "least_squares": r"\tfrac12\mathbb{E}[D(x)^2]",
    "wasserstein": r"\mathbb{E}[f(x)]", "hinge": r"\mathbb{E}[D(x)]",
    "boundary_seeking": r"\tfrac12\mathbb{E}[(\log D(x)-\log(1-D(x)))^2]",
}  # fmt: skip


def equation(hparams: BiganHParams) -> str:
    # a loss that compares is the same for both kinds of pairs
    compares = hparams.relativistic != "none" or hparams.loss not in ENCODER
    players = adversarial_equation(hparams) + r"\qquad L_E=w\," + ("L_G" if compares else ENCODER[hparams.loss])
    return players.replace("(x)", "(x,E(x))").replace("(G(z))", "(G(z),z)")


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
        tiny=BiganHParams(
            latent_size=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=4, batch_norm=True
        ),
        data="digits",
        optimizers=two_players(generator=("generator", "encoder")),
        ema_networks=("generator", "encoder"),
        compare=compare,
        compared=("given", "output"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="A GAN with its inverse on digits",
                look_for="Below the samples, held-out digits stand beside their reconstructions. Vague strokes at "
                "first; within a minute most are the right digit in another hand: nothing asks for the same pixels.",
                data="digits", size=8, steps=4_000, seconds=60,
                hparams={
                    "generator_widths": (256, 256), "discriminator_widths": (256, 256), "latent_size": 10,
                    "activation": "leaky_relu", "batch_norm": True, "beta1": 0.5, "generator_rate": 1e-3,
                    "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 4_000, "penalty": "r1",
                    "penalty_weight": 0.03, "penalty_every": 8, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
