"""Conditional GAN: the class is an input of both networks (1411.1784).

    min_G max_D  E_x[log D(x|y)] + E_z[log(1 - D(G(z|y)|y))]              (equation 2)

A learned class embedding is concatenated with the latents, (B, latent_size + embedding), and with the image: next to
its pixels in an MLP, or as an additional channel (B, 1, H, W) in a convolutional discriminator.

Differs from the paper: embeddings instead of one-hot vectors with their own hidden layers; DCGAN networks as an
alternative to the paper's MLPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.mlp_gan import MlpDiscriminator, MlpGenerator, MlpHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.classes import ClassEmbedding
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class CganHParams(DcganHParams, MlpHParams):
    """The knobs of both architectures and of the embedding."""

    body: str = knob(
        "mlp", choices=("mlp", "dcgan"), label="Architecture", change="rebuild", group="networks",
        help="Multilayer perceptrons, as in the paper, or DCGAN's convolutional networks.",
    )  # fmt: skip
    embedding: int = knob(
        16, 1, 512, label="Class embedding", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the class embedding.",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        # after DcganHParams comes MlpHParams, whose networks these are otherwise
        return super().normalised if self.body == "dcgan" else super(DcganHParams, self).normalised


class ConditionalGenerator(nn.Module):
    """(B, latent_size) and labels (B,), or blends of classes (B, classes) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, classes: int, embedding: int, body: nn.Module) -> None:
        super().__init__()
        self.embedding = ClassEmbedding(classes, embedding)
        self.body = body

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        images: Tensor = self.body(torch.cat([latents, self.embedding(labels)], 1))
        return images


class ConditionalDiscriminator(nn.Module):
    """(B, C, H, W) and labels (B,) -> logits (B,). `plane` is the side of the label channel, 0 for an MLP."""

    def __init__(self, classes: int, embedding: int, plane: int, body: nn.Module) -> None:
        super().__init__()
        self.plane = plane
        self.embedding = nn.Embedding(classes, plane * plane or embedding)
        self.body = body

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        extra = self.embedding(labels)
        if not self.plane:
            flat: Tensor = self.body(images, extra)
            return flat
        channel = extra.reshape(-1, 1, self.plane, self.plane)  # (B, H * W) -> (B, 1, H, W)
        joined = torch.cat([images, channel], 1).contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.body(joined)
        return logits


def networks(hparams: CganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    inputs = hparams.latent_size + hparams.embedding
    bodies: tuple[nn.Module, nn.Module]
    if hparams.body == "mlp":
        bodies = (
            MlpGenerator(inputs, shape, hparams),
            MlpDiscriminator(shape, hparams.embedding, hparams, hparams.output == "sigmoid"),
        )
    else:
        bodies = (
            DcganGenerator(inputs, spec.channels, spec.size, hparams),
            DcganDiscriminator(spec.channels + 1, spec.size, hparams),
        )
    plane = spec.size if hparams.body == "dcgan" else 0
    return {
        "generator": ConditionalGenerator(spec.classes, hparams.embedding, bodies[0]),
        "discriminator": ConditionalDiscriminator(spec.classes, hparams.embedding, plane, bodies[1]),
    }


def equation(hparams: Any) -> str:
    return adversarial_equation(hparams).replace("D(x)", "D(x|y)").replace("G(z)", "G(z|y)").replace("f(x)", "f(x|y)")


register(
    Recipe(
        name="cgan",
        title="Conditional GAN",
        task="images",
        paper="1411.1784",
        year=2014,
        networks=networks,
        objective=lambda hparams: Adversarial(hparams, conditional=True),
        hparams=CganHParams(batch_norm=False),
        tiny=CganHParams(
            latent_size=4, embedding=3, generator_widths=(8,), discriminator_widths=(8,), channels=4, max_channels=8,
            batch_norm=False, batch_size=4,
        ),
        data="digits",
        sizes=SIZES,
        capabilities=frozenset({"labels"}),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                beginner=True,
                title="Digits by class",
                look_for="Each column of the grid is conditioned on one digit: the columns become 0 to 9 within ten "
                "seconds.",
                data="digits", size=8, steps=4_000, seconds=25,
                hparams={
                    "generator_widths": (128, 256, 256, 256), "discriminator_widths": (256, 256), "latent_size": 32,
                    "activation": "relu", "batch_norm": True, "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 4_000,
                    "penalty": "r1", "penalty_weight": 0.03, "penalty_every": 8, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
