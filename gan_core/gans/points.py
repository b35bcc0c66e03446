"""GANs in the plane: small perceptrons that learn a cloud of points (B, 2).

Here every objective can be checked in seconds, because the modes of the data are known: how many are covered, and how
many samples lie close to one (`gan_core/metrics/points.py`). The networks are like 1611.02163's toy example: tanh or
ReLU layers of 128, latents of a few dimensions.
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
from gan_core.layers.blocks import activation, verdict_head
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class PointsHParams(AdversarialHParams):
    """The knobs of networks for points."""

    generator_widths: tuple[int, ...] = knob(
        (128, 128), 1, 1024, label="Generator's layers", change="rebuild", group="networks",
        help="Neurons of each hidden layer, from the latents to the point.",
    )  # fmt: skip
    discriminator_widths: tuple[int, ...] = knob(
        (128, 128), 1, 1024, label="Discriminator's layers", change="rebuild", group="networks",
        help="Neurons of each hidden layer, from the point to the verdict.",
    )  # fmt: skip
    activation: str = knob(
        "tanh", choices=("tanh", "leaky_relu", "relu"), label="Activation", change="rebuild", group="networks",
        help="Tanh bends the plane smoothly and draws narrow modes best; ReLU folds it along straight lines.",
    )  # fmt: skip
    noise: str = knob(
        "gaussian", choices=("gaussian", "uniform"), label="Noise", change="rebuild", group="networks",
        help="The distribution of each latent number: standard normal, or even between -1 and 1.",
    )  # fmt: skip
    batch_norm: bool = knob(
        False, label="Batch-norm", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue(N_AUGMENT, augment=self.augment)
        if self.virtual_batch_norm and not self.batch_norm:
            raise BadValue(N_VIRTUAL)


N_AUGMENT = "The augmentation {augment} changes images, and points are none. Use instance noise instead."
N_VIRTUAL = "Virtual batch-norm takes the place of batch-norm. Switch batch-norm on as well."


def perceptron(inputs: int, widths: tuple[int, ...], hparams: PointsHParams, batch_norm: bool) -> nn.Sequential:
    """(B, inputs) -> (B, widths[-1])."""
    layers: list[nn.Module] = []
    for width in widths:
        layers.append(nn.Linear(inputs, width))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation(hparams.activation, 0.2))
        inputs = width
    return nn.Sequential(*layers)


class PointGenerator(nn.Module):
    """(B, latent_size) -> (B, 2). Latents are standard normal; the generator makes uniform noise of them itself."""

    def __init__(self, hparams: PointsHParams) -> None:
        super().__init__()
        self.uniform = hparams.noise == "uniform"
        self.layers = perceptron(hparams.latent_size, hparams.generator_widths, hparams, hparams.batch_norm)
        self.point = nn.Linear(hparams.generator_widths[-1], 2)

    def forward(self, latents: Tensor) -> Tensor:
        if self.uniform:
            latents = torch.erf(latents / math.sqrt(2))  # 2 Phi(z) - 1, even in (-1, 1)
        points: Tensor = self.point(self.layers(latents))
        return points


class PointDiscriminator(nn.Module):
    """(B, 2) -> logits (B,)."""

    def __init__(self, hparams: PointsHParams) -> None:
        super().__init__()
        self.layers = perceptron(2, hparams.discriminator_widths, hparams, False)
        self.head = verdict_head(hparams.discriminator_widths[-1], 0, hparams.minibatch)

    def forward(self, points: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(points))
        return logits.squeeze(1)  # (B, 1) -> (B,)


# what all good presets share: tanh, few latents, no momentum, a short memory of squares, rates that fall in the end
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
                "ring8",
                "All eight modes of a ring",
                "A cloud grows into a ring while the noise on the discriminator's inputs fades, and falls into eight "
                "drops soon after. The few points between two drops can't be avoided: the generator is continuous.",
                "ring8", 2, 5_000, 15,
                {
                    # a third layer folds the plane more sharply: 97 % close to a mode instead of 90 %
                    **STEADY, "decay_steps": 5_000, "generator_widths": (128, 128, 128), "instance_noise": 0.5,
                    "instance_noise_steps": 5_000,
                },
            ),
            Preset(
                "grid25",
                "Twenty-five modes of a grid",
                "A carpet first, then its threads tear at the modes. Watch the points between them vanish; a mode that "
                "is left without points seldom comes back.",
                "grid25", 2, 8_000, 45,
                {
                    **STEADY, "decay_steps": 8_000, "generator_widths": (128, 128, 128, 128),
                    "discriminator_widths": (128, 128, 128), "instance_noise": 0.8,
                    # to the very end: where the noise was gone sooner, some modes were lost again
                    "instance_noise_steps": 8_000,
                },
            ),
            Preset(
                "collapses",
                "Mode collapse",
                "The cloud falls onto one or two modes and stays there, sharp and all alike: the generator has found "
                "what passes, and nothing tells it of the others. Then train anew with one of the remedies that the "
                "run's page offers, and compare: from the start, they keep the modes.",
                "ring8", 2, 5_000, 20,
                {
                    # 1611.02163's latents and ReLU; the discriminator learns three times as fast and, with nothing to
                    # keep it smooth, is soon sure of everything. Twice as fast leaves up to four modes of some seeds
                    "latent_size": 256, "activation": "relu", "batch_size": 128, "beta1": 0.5, "ema": 0.0,
                    "generator_rate": 1e-3, "discriminator_rate": 3e-3, "schedule": "linear", "decay_steps": 5_000,
                },
                ("instance_noise", "mild_gradient_penalty"),
            ),
        ),
    )
)  # fmt: skip
