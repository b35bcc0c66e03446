"""Adversarial autoencoder: a discriminator makes the codes of an autoencoder normal (1511.05644).

    L_D = -E_z[log D(z)] - E_x[log(1 - D(E(x)))]        L_{E,G} = E[|x - G(E(x))|^2] - w E_x[log D(E(x))]

The encoder maps images (B, C, H, W) to codes (B, latent_size), the generator is the decoder, and the discriminator
judges codes, not images: it tells them from draws of the normal distribution, with a logit (B,). A sample is G(z) for
standard normal z. Like a VAE, it forgets no image and is soft, because squares are averaged; unlike one, its encoder is
deterministic and the prior may have any shape (objectives/matched_codes.py).

Differs from the paper: a deterministic encoder (one of its three kinds), one update for both of the encoder's terms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.gans.vae import VaeDecoder
from gan_core.knobs import knob
from gan_core.layers.blocks import perceptron
from gan_core.objectives.base import Batch
from gan_core.objectives.matched_codes import MatchedCodes, MatchedCodesHParams


@dataclass(frozen=True)
class AaeHParams(MatchedCodesHParams):
    """The knobs of the networks."""

    widths: tuple[int, ...] = knob(
        (256, 256), 1, 8192, label="Layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer of the encoder, from the item to the latents; the decoder mirrors it.",
    )  # fmt: skip
    discriminator_widths: tuple[int, ...] = knob(
        (128, 128), 1, 8192, label="Discriminator layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the code to the logit.",
    )  # fmt: skip


class CodeEncoder(nn.Module):
    """(B, C, H, W) -> (B, latent_size)."""

    def __init__(self, shape: tuple[int, ...], hparams: AaeHParams) -> None:
        super().__init__()
        self.layers = perceptron(math.prod(shape), hparams.widths, hparams.latent_size)

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.layers(images.flatten(1))  # (B, C, H, W) -> (B, C * H * W)
        return codes


class CodeDiscriminator(nn.Module):
    """(B, latent_size) -> logits (B,)."""

    def __init__(self, hparams: AaeHParams) -> None:
        super().__init__()
        self.layers = perceptron(hparams.latent_size, hparams.discriminator_widths, 1)

    def forward(self, codes: Tensor) -> Tensor:
        logits: Tensor = self.layers(codes)
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: AaeHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {
        "generator": VaeDecoder(shape, hparams),
        "encoder": CodeEncoder(shape, hparams),
        "discriminator": CodeDiscriminator(hparams),
    }


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], networks["generator"](networks["encoder"](batch["real"]))]


def equation(hparams: AaeHParams) -> str:
    return (
        r"L_D=-\mathbb{E}[\log D(z)]-\mathbb{E}[\log(1-D(E(x)))]"
        r"\qquad L_{E,G}=\mathbb{E}[\lVert x-G(E(x))\rVert^2]-w\,\mathbb{E}[\log D(E(x))]"
    )


DEFAULTS = AaeHParams(generator_rate=1e-3, discriminator_rate=1e-3)

register(
    Recipe(
        name="aae",
        title="Adversarial autoencoder",
        task="images",
        paper="1511.05644",
        year=2015,
        networks=networks,
        objective=lambda hparams: MatchedCodes(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, widths=(8,), discriminator_widths=(8,), batch_size=4),
        data="digits",
        optimizers=two_players(generator=("generator", "encoder")),
        ema_networks=("generator", "encoder"),
        compare=compare,
        compared=("given", "output"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Digits whose codes are normal",
                look_for="Below the samples, held-out digits stand beside their reconstructions. Both are readable "
                "within ten seconds, and soft. The discriminator sees codes alone: its accuracy near 0.5 means that "
                "they look normal, so that random latents are digits too.",
                data="digits", size=8, steps=3_000, seconds=25,
                hparams={"schedule": "linear", "decay_steps": 3_000, "ema": 0.995},
            ),
        ),
    )
)  # fmt: skip
