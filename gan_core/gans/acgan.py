"""ACGAN: a GAN whose discriminator also classifies (1610.09585).

    D maximises L_S + L_C,  G maximises L_C - L_S         (section 3; see objectives/auxiliary.py)

A class embedding is concatenated with the latents, (B, latent_size + embedding), and DCGAN's generator maps them to
images (B, C, H, W) in [-1, 1]; labels are class indices (B,) or blends of classes (B, classes). DCGAN's discriminator
receives no label and returns logits (B,); the `classifier` maps its last features to class logits (B, classes).

Differs from the paper: a learned embedding instead of one-hot vectors; DCGAN's networks without the paper's dropout and
noise (both are knobs), at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.cgan import ConditionalGenerator
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams, base_size, pyramid
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.objectives.auxiliary import AuxiliaryClassifier, AuxiliaryHParams
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class AcganHParams(DcganHParams, AuxiliaryHParams):
    """The knobs of ACGAN: convolutional networks, embedding, classifier."""

    embedding: int = knob(
        16, 1, 512, label="Class embedding", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the class embedding.",
    )  # fmt: skip


def feature_count(size: int, hparams: DcganHParams) -> int:
    """Number of features that go into the head of DCGAN's discriminator."""
    return hparams.dense or pyramid(size, hparams)[-1] * base_size(size) ** 2


def networks(hparams: AcganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    body = DcganGenerator(hparams.latent_size + hparams.embedding, spec.channels, spec.size, hparams)
    # features (B, C, H, W) or (B, C * H * W) -> (B, classes)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(feature_count(spec.size, hparams), spec.classes))
    initialise_normal(classifier)
    return {
        "generator": ConditionalGenerator(spec.classes, hparams.embedding, body),
        "discriminator": DcganDiscriminator(spec.channels, spec.size, hparams),
        "classifier": classifier,
    }


def equation(hparams: Any) -> str:
    adversarial = adversarial_equation(hparams).replace("G(z)", "G(z,c)")
    classes = r"L_C=-\mathbb{E}[\log P(c|x)]-\mathbb{E}[\log P(c|G(z,c))]"
    return rf"{adversarial}\qquad {classes}\qquad L_D\mathrel{{+}}=L_C,\ L_G\mathrel{{+}}=L_C"


register(
    Recipe(
        name="acgan",
        title="ACGAN",
        task="images",
        paper="1610.09585",
        year=2016,
        networks=networks,
        objective=AuxiliaryClassifier,
        hparams=AcganHParams(max_channels=128),
        tiny=AcganHParams(latent_size=4, embedding=3, channels=4, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        capabilities=frozenset({"labels"}),
        optimizers=two_players(discriminator=("discriminator", "classifier")),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Digits with an auxiliary classifier",
                look_for="Each column is conditioned on one digit. Within seconds the discriminator classifies real "
                "digits correctly (the class terms fall to 0), and after half a minute nine samples in ten show the "
                "requested digit.",
                data="digits", size=16, steps=4_000, seconds=100,
                hparams={
                    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 4_000,
                    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip
