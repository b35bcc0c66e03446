"""The original GAN: two multilayer perceptrons.

    min_G max_D  E_x[log D(x)] + E_z[log(1 - D(G(z)))]                    (1406.2661, equation 1)

The generator maps z (B, latent_size) to an image (B, C, H, W) in [-1, 1]; the discriminator maps an image to a logit
(B,). Defaults are the widths used in tutorials, 100-256-512-1024-784 for images of 28 pixels.

Differs from the paper: leaky ReLU instead of ReLU and maxout, Adam instead of SGD with momentum, tanh at the output;
batch normalisation is a setting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob, when
from gan_core.layers.blocks import Dropout, activation, logit_head
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class MlpHParams(AdversarialHParams):
    """The knobs of multilayer perceptrons."""

    generator_widths: tuple[int, ...] = knob(
        (256, 512, 1024), 1, 8192, label="Generator layer widths", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Width of each hidden layer, from the latents to the image.",
    )  # fmt: skip
    discriminator_widths: tuple[int, ...] = knob(
        (512, 256), 1, 8192, label="Discriminator layer widths", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Width of each hidden layer, from the image to the logit.",
    )  # fmt: skip
    activation: str = knob(
        "leaky_relu", choices=("leaky_relu", "relu", "tanh"), label="Activation", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Leaky ReLU passes a small gradient for negative inputs, where ReLU passes none.",
    )  # fmt: skip
    slope: float = knob(
        0.2, 0.0, 1.0, label="Negative slope", change="rebuild", group="networks",
        acts_when=when(body=("mlp",), activation=("leaky_relu",)),
        help="Slope of leaky ReLU for negative inputs.",
    )  # fmt: skip
    batch_norm: bool = knob(
        False, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch.",
    )  # fmt: skip
    batch_norm_momentum: float = knob(
        0.1, 0.001, 1.0, label="Batch normalisation momentum", change="rebuild", group="networks",
        acts_when=when(body=("mlp",), batch_norm=(True,)),
        help="Weight of each new batch in the running statistics, as in PyTorch. Keras counts the other way: its 0.8 "
        "is 0.2 here.",
    )  # fmt: skip
    dropout: float = knob(
        0.0, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the discriminator's hidden units dropped at random during training.",
    )  # fmt: skip
    discriminator_batch_norm: bool = knob(
        False, label="Batch normalisation (discriminator)", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Normalises the discriminator's hidden layers, real and generated batches apart. Left out if a gradient "
        "penalty is used.",
    )  # fmt: skip
    generator_dropout: float = knob(
        0.0, 0.0, 0.9, label="Dropout (generator)", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Fraction of the generator's hidden units dropped at random during training; samples are drawn without.",
    )  # fmt: skip
    output: str = knob(
        "tanh", choices=("tanh", "sigmoid"), label="Output", change="rebuild", group="networks",
        acts_when=when(body=("mlp",)),
        help="Tanh: both networks work with images in [-1, 1], as usual. Sigmoid: with images in [0, 1].",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        return self.discriminator_batch_norm and self.penalty == "none"


class DiscriminatorKnobs(Protocol):
    """The settings that a perceptron that judges images needs."""

    @property
    def discriminator_widths(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str: ...
    @property
    def slope(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def minibatch(self) -> str: ...
    @property
    def normalised(self) -> bool: ...


class MlpGenerator(nn.Module):
    """(B, inputs) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, inputs: int, shape: tuple[int, ...], hparams: MlpHParams) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        for width in hparams.generator_widths:
            layers.append(nn.Linear(inputs, width))
            if hparams.batch_norm:
                layers.append(nn.BatchNorm1d(width, momentum=hparams.batch_norm_momentum))
            layers.append(activation(hparams.activation, hparams.slope))
            if hparams.generator_dropout:
                layers.append(Dropout(hparams.generator_dropout))
            inputs = width
        self.unsigned = hparams.output == "sigmoid"
        last = nn.Sigmoid() if self.unsigned else nn.Tanh()
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, math.prod(shape)), last)

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.layers(latents)
        if self.unsigned:
            images = 2 * images - 1
        return images.reshape(-1, *self.shape)  # (B, C * H * W) -> (B, C, H, W)


class MlpDiscriminator(nn.Module):
    """(B, C, H, W) or (B, inputs), concatenated with `extra` (B, extras) -> logits (B,).

    `unsigned` images are scaled from [-1, 1] to [0, 1] first.
    """

    def __init__(
        self, shape: tuple[int, ...], extras: int, hparams: DiscriminatorKnobs, unsigned: bool = False
    ) -> None:
        super().__init__()
        inputs = math.prod(shape) + extras
        layers: list[nn.Module] = []
        for width in hparams.discriminator_widths:
            layers.append(nn.Linear(inputs, width))
            if hparams.normalised:
                layers.append(nn.BatchNorm1d(width))
            layers.append(activation(hparams.activation, hparams.slope))
            if hparams.dropout:
                layers.append(Dropout(hparams.dropout))
            inputs = width
        self.unsigned = unsigned
        self.layers = nn.Sequential(*layers)
        self.head = logit_head(inputs, 0, hparams.minibatch)

    def forward(self, images: Tensor, extra: Tensor | None = None) -> Tensor:
        inputs = images.flatten(1)  # (B, C, H, W) -> (B, C * H * W)
        if self.unsigned:
            inputs = (inputs + 1) / 2
        if extra is not None:
            inputs = torch.cat([inputs, extra], 1)
        logits: Tensor = self.head(self.layers(inputs))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: MlpHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {
        "generator": MlpGenerator(hparams.latent_size, shape, hparams),
        "discriminator": MlpDiscriminator(shape, 0, hparams, hparams.output == "sigmoid"),
    }


register(
    Recipe(
        name="mlp_gan",
        title="MLP GAN",
        task="images",
        paper="1406.2661",
        year=2014,
        networks=networks,
        objective=Adversarial,
        hparams=MlpHParams(),
        tiny=MlpHParams(
            latent_size=4, generator_widths=(8,), discriminator_widths=(8,), batch_size=4, batch_norm=True, dropout=0.1
        ),
        data="digits",
        equation=adversarial_equation,
        presets=(
            Preset(
                name="digits_30s",
                beginner=True,
                title="Readable digits in 30 seconds",
                look_for="Noise turns into strokes within three seconds and into digits within ten. All ten digits "
                "should appear.",
                data="digits", size=8, steps=5_000, seconds=30,
                hparams={
                    # beta 1 of 0, batch-norm and depth each gave 5 to 30 % more readable samples at equal time
                    "generator_widths": (128, 256, 256, 256), "discriminator_widths": (256, 256), "latent_size": 32,
                    "activation": "relu", "batch_norm": True, "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 5_000,
                    "penalty": "r1", "penalty_weight": 0.03, "penalty_every": 8, "ema": 0.995,
                },
            ),
            Preset(
                name="first_gan",
                title="The original GAN, as in tutorials",
                look_for="At first every sample is the same speckled blob; strokes appear after a few hundred steps "
                "and soft digits at the end. Without convolutions, each pixel is learned independently.",
                data="digits", size=28, steps=20_000, seconds=300,
            ),
            Preset(
                name="blog_mnist",
                title="Blog MNIST GAN",
                look_for="The code of many blogs: 100-256-512-1024-784 against 784-512-256-1, binary cross-entropy and "
                "Adam. Blobs, then strokes, then digits; without averaged weights they flicker from step to step.",
                data="mnist", size=28, steps=20_000, seconds=600,
                hparams={"batch_size": 128, "ema": 0.0},
            ),
            Preset(
                name="blog_batch_norm",
                title="Blog batch-norm GAN",
                look_for="A small generator of 128 and 256 units with batch normalisation, as in blogs. Strokes come "
                "sooner than in the larger network without it.",
                data="mnist", size=28, steps=20_000, seconds=300,
                hparams={
                    "batch_size": 128, "ema": 0.0, "generator_widths": (128, 256), "discriminator_widths": (256, 128),
                    "batch_norm": True,
                },
            ),
            Preset(
                name="blog_dropout",
                title="Blog dropout GAN",
                look_for="The discriminator drops 30 % of its units, as in blogs. Its accuracy in training is lower, "
                "because the dropped units judge nothing.",
                data="mnist", size=28, steps=20_000, seconds=600,
                hparams={
                    "batch_size": 128, "ema": 0.0, "generator_widths": (256, 512),
                    "discriminator_widths": (512, 256), "dropout": 0.3,
                },
            ),
        ),
    )
)  # fmt: skip
