"""GANs on 2D points: small perceptrons that learn a distribution of points (B, 2).

Every objective can be checked here in seconds, because the modes of the data are known: how many are covered, and how
many samples lie close to one (`gan_core/metrics/points.py`). The networks are similar to 1611.02163's toy example: tanh
or ReLU layers of 128 units, latents of a few dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head, perceptron
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class PointsHParams(AdversarialHParams):
    """The knobs of networks for points."""

    generator_widths: tuple[int, ...] = knob(
        (128, 128), 1, 1024, label="Generator layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the latents to the point.",
    )  # fmt: skip
    discriminator_widths: tuple[int, ...] = knob(
        (128, 128), 1, 1024, label="Discriminator layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the point to the logit.",
    )  # fmt: skip
    activation: str = knob(
        "tanh", choices=("tanh", "leaky_relu", "relu"), label="Activation", change="rebuild", group="networks",
        help="Tanh maps the plane smoothly and fits narrow modes best; ReLU folds it along straight lines.",
    )  # fmt: skip
    noise: str = knob(
        "gaussian", choices=("gaussian", "uniform"), label="Noise", change="rebuild", group="networks",
        help="The distribution of each latent number: standard normal, or even between -1 and 1.",
    )  # fmt: skip
    batch_norm: bool = knob(
        False, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch.",
    )  # fmt: skip
    discriminator_batch_norm: bool = knob(
        False, label="Batch normalisation (discriminator)", change="rebuild", group="networks",
        help="Normalises the discriminator's hidden layers, real and generated batches apart. Left out if a gradient "
        "penalty is used.",
    )  # fmt: skip
    generator_dropout: float = knob(
        0.0, 0.0, 0.9, label="Dropout (generator)", change="rebuild", group="networks",
        help="Fraction of the generator's hidden units dropped at random during training; samples are drawn without.",
    )  # fmt: skip
    output: str = knob(
        "linear", choices=("linear", "tanh", "sigmoid"), label="Output", change="rebuild", group="networks",
        help="Linear reaches any point. Tanh and sigmoid reach 3 in each direction, which is too little for the grid; "
        "the discriminator then sees points scaled to [-1, 1] (tanh) or [0, 1] (sigmoid).",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        return self.discriminator_batch_norm and self.penalty == "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (deepest := max(len(self.generator_widths), len(self.discriminator_widths))) > DEEPEST:
            raise BadValue(N_DEEP, most=DEEPEST, count=deepest)
        if self.augment != "none":
            raise BadValue(N_AUGMENT, augment=self.augment)
        if self.virtual_batch_norm and not self.batch_norm:
            raise BadValue(N_VIRTUAL)


DEEPEST = 20  # hidden layers: more than can be learnt from here
N_DEEP = "A network has at most {most} hidden layers, not {count}. Use fewer, wider layers."
N_AUGMENT = "The augmentation {augment} applies to images, not to points. Use instance noise instead."
N_VIRTUAL = "Virtual batch normalisation replaces batch normalisation. Turn on batch normalisation as well."


SPAN = 3.0  # how far bounded outputs reach in each direction


class PointGenerator(nn.Module):
    """(B, latent_size) -> (B, 2). Latents are standard normal; the generator makes uniform noise of them itself."""

    def __init__(self, hparams: PointsHParams) -> None:
        super().__init__()
        self.uniform = hparams.noise == "uniform"
        self.output = hparams.output
        self.layers = perceptron(
            hparams.latent_size, hparams.generator_widths, None, hparams.activation, hparams.batch_norm,
            hparams.generator_dropout,
        )  # fmt: skip
        self.point = nn.Linear(hparams.generator_widths[-1], 2)

    def forward(self, latents: Tensor) -> Tensor:
        if self.uniform:
            latents = torch.erf(latents / math.sqrt(2))  # 2 Phi(z) - 1, even in (-1, 1)
        points: Tensor = self.point(self.layers(latents))
        if self.output == "linear":
            return points
        return SPAN * (points.tanh() if self.output == "tanh" else 2 * points.sigmoid() - 1)


class PointDiscriminator(nn.Module):
    """(B, 2) -> logits (B,)."""

    def __init__(self, hparams: PointsHParams) -> None:
        super().__init__()
        self.output = hparams.output
        self.layers = perceptron(2, hparams.discriminator_widths, None, hparams.activation, hparams.normalised)
        self.head = logit_head(hparams.discriminator_widths[-1], 0, hparams.minibatch)

    def forward(self, points: Tensor) -> Tensor:
        if self.output != "linear":
            points = points / SPAN
        if self.output == "sigmoid":
            points = (points + 1) / 2
        logits: Tensor = self.head(self.layers(points))
        return logits.squeeze(1)  # (B, 1) -> (B,)


# shared by the stable presets: tanh, few latents, no momentum, a small beta 2, decaying learning rates
STEADY: Mapping[str, Any] = {
    "latent_size": 2, "batch_size": 128, "beta1": 0.0, "beta2": 0.99, "ema": 0.995, "generator_rate": 2e-3,
    "discriminator_rate": 2e-3, "schedule": "linear",
}  # fmt: skip


def networks(hparams: PointsHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"generator": PointGenerator(hparams), "discriminator": PointDiscriminator(hparams)}


register(
    Recipe(
        name="points",
        title="Points in the plane",
        task="points",
        paper="1611.02163",
        year=2016,
        networks=networks,
        objective=Adversarial,
        hparams=PointsHParams(batch_size=256, latent_size=2, generator_rate=2e-3, discriminator_rate=2e-3),
        tiny=PointsHParams(
            latent_size=2, generator_widths=(8,), discriminator_widths=(8,), batch_size=8, batch_norm=True
        ),
        data="ring8",
        sizes=(2,),
        equation=adversarial_equation,
        presets=(
            Preset(
                name="ring8",
                beginner=True,
                title="All eight modes of a ring",
                look_for="The points spread into a ring while the instance noise decays, and soon after contract to "
                "eight modes. A few points between modes are unavoidable, because the generator is continuous.",
                data="ring8", size=2, steps=5_000, seconds=15,
                hparams={
                    # a third layer gives sharper modes: 97 % of the samples close to one instead of 90 %
                    **STEADY, "decay_steps": 5_000, "generator_widths": (128, 128, 128), "instance_noise": 0.5,
                    "instance_noise_steps": 5_000,
                },
            ),
            Preset(
                name="grid25",
                title="Twenty-five modes of a grid",
                look_for="The points cover the grid evenly at first and then contract to the modes. Watch the points "
                "between modes disappear; a mode that has lost all its points rarely comes back.",
                data="grid25", size=2, steps=8_000, seconds=45,
                hparams={
                    **STEADY, "decay_steps": 8_000, "generator_widths": (128, 128, 128, 128),
                    "discriminator_widths": (128, 128, 128), "instance_noise": 0.8,
                    # until the end: if the noise vanished earlier, some modes were lost again
                    "instance_noise_steps": 8_000,
                },
            ),
            Preset(
                name="collapses",
                title="Mode collapse",
                look_for="The samples collapse onto one or two modes and stay there: the generator has found points "
                "that fool the discriminator, and nothing tells it about the other modes. Then train again with one "
                "of the remedies offered on the run's page and compare: applied from the start, they preserve the "
                "modes.",
                data="ring8", size=2, steps=5_000, seconds=20,
                hparams={
                    # 1611.02163's latents and ReLU; the discriminator learns three times as fast and, without
                    # regularisation, soon becomes overconfident. At twice as fast, some seeds keep up to four modes
                    "latent_size": 256, "activation": "relu", "batch_size": 128, "beta1": 0.5, "ema": 0.0,
                    "generator_rate": 1e-3, "discriminator_rate": 3e-3, "schedule": "linear", "decay_steps": 5_000,
                },
                remedies=("instance_noise", "mild_gradient_penalty"),
            ),
        ),
    )
)  # fmt: skip
