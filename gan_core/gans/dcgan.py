"""DCGAN: convolutional networks that train stably (1511.06434).

    min_G max_D  E_x[log D(x)] + E_z[log(1 - D(G(z)))]

The generator maps z (B, latent_size) through blocks that double the resolution to an image (B, C, H, W) in [-1, 1]; the
discriminator mirrors it with strided convolutions to a logit (B,). The paper's guidelines: no pooling, batch
normalisation in both networks (except at the generator's output and the discriminator's input), ReLU in the generator,
leaky ReLU 0.2 in the discriminator, weights from N(0, 0.02), Adam with learning rate 2e-4 and beta 1 of 0.5.

Settings cover common tutorial variants: fully connected first and last layers, an additional dense layer (1606.03657,
appendix C.1), upsampling followed by a convolution, sizes from 8 to 128. The number of channels is limited, so that
small computers can train it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import AdversarialHParams, channels_knob, max_channels_knob
from gan_core.knobs import knob, when
from gan_core.layers.blocks import Dropout, LatentStem, initialise_normal, logit_head
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation

SIZES = (8, 16, 28, 32, 56, 64, 112, 128)


@dataclass(frozen=True)
class DcganHParams(AdversarialHParams):
    """The knobs of convolutional networks."""

    channels: int = channels_knob(
        32, reference="DCGAN's paper uses 128, PyTorch's example 64.", acts_when=when(body=("dcgan",))
    )
    max_channels: int = max_channels_knob(256, 2048, acts_when=when(body=("dcgan",)))
    stem: str = knob(
        "convolution", choices=("convolution", "linear"), label="First and last layer", change="rebuild",
        group="networks",
        acts_when=when(body=("dcgan",)),
        help="Convolution: fully convolutional, as in the paper. Linear: fully connected layers after the latents and "
        "before the logit, as in many tutorials.",
    )  # fmt: skip
    dense: int = knob(
        0, 0, 4096, label="Dense layer", unit="dimensions", change="rebuild", group="networks",
        acts_when=when(body=("dcgan",)),
        help="Width of an additional fully connected layer, after the latents in the generator and before the logit "
        "in the discriminator; 0 adds none. Useful at 28 pixels, where the two convolutions see strokes but not whole "
        "digits (InfoGAN uses 1024).",
    )  # fmt: skip
    upsampling: str = knob(
        "transposed", choices=("transposed", "nearest"), label="Upsampling", change="rebuild", group="networks",
        acts_when=when(body=("dcgan",)),
        help="Transposed convolution, as in the paper, or nearest-neighbour upsampling followed by a convolution, "
        "which avoids checkerboard artefacts.",
    )  # fmt: skip
    batch_norm: bool = knob(
        True, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises hidden layers over the batch. Left out of the discriminator if a gradient penalty is used.",
    )  # fmt: skip
    dropout: float = knob(
        0.0, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the discriminator's features dropped at random during training.",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        return self.batch_norm and self.penalty == "none"


def base_size(size: int) -> int:
    """The lowest resolution in pixels: 4, or 7 for images of 28, 56 and 112."""
    return 7 if size % 7 == 0 else 4


def pyramid(size: int, hparams: DcganHParams) -> list[int]:
    """Channels at each resolution, from the highest to the lowest."""
    levels = (size // base_size(size)).bit_length() - 1
    return [min(hparams.channels * 2**level, hparams.max_channels) for level in range(levels)]


def _double(inputs: int, outputs: int, hparams: DcganHParams, bias: bool) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W)."""
    if hparams.upsampling == "transposed":
        return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)]


def _dense(inputs: int, outputs: int, activation: nn.Module, norm: bool) -> nn.Sequential:
    """(B, inputs) -> (B, outputs)."""
    normed = [nn.BatchNorm1d(outputs)] if norm else []
    return nn.Sequential(nn.Linear(inputs, outputs, bias=not norm), *normed, activation)


class DcganGenerator(nn.Module):
    """(B, inputs) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, inputs: int, image_channels: int, size: int, hparams: DcganHParams) -> None:
        super().__init__()
        base = base_size(size)
        widths = pyramid(size, hparams)[::-1]
        norm = hparams.batch_norm
        self.base = (widths[0], base, base)
        self.dense = _dense(inputs, hparams.dense, nn.ReLU(inplace=True), norm) if hparams.dense else None
        inputs = hparams.dense or inputs
        self.stem: nn.Module = (
            LatentStem(inputs, widths[0], base, bias=not norm)
            if hparams.stem == "convolution"
            else nn.Linear(inputs, widths[0] * base * base, bias=not norm)
        )
        layers: list[nn.Module] = []
        for place, width in enumerate(widths):
            if norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            last = place + 1 == len(widths)
            layers += _double(width, image_channels if last else widths[place + 1], hparams, bias=not norm)
        self.layers = nn.Sequential(*layers, nn.Tanh())
        initialise_normal(self)

    def forward(self, latents: Tensor) -> Tensor:
        if self.dense is not None:
            latents = self.dense(latents)  # (B, inputs) -> (B, dense)
        if isinstance(self.stem, nn.Linear):
            features = self.stem(latents).unflatten(1, self.base)  # (B, C * H * W) -> (B, C, H, W)
            features = features.contiguous(memory_format=torch.channels_last)
        else:
            features = self.stem(latents)  # (B, L) -> (B, C, H, W)
        images: Tensor = self.layers(features)
        return images


class DcganDiscriminator(nn.Module):
    """(B, C, H, W) -> logits (B,)."""

    def __init__(self, image_channels: int, size: int, hparams: DcganHParams) -> None:
        super().__init__()
        norm = hparams.normalised
        base = base_size(size)
        layers: list[nn.Module] = []
        inputs = image_channels
        for level, width in enumerate(pyramid(size, hparams)):
            normed = norm and level > 0
            layers.append(nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=not norm))
            if normed:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            if hparams.dropout:
                layers.append(Dropout(hparams.dropout))
            inputs = width
        self.layers = nn.Sequential(*layers)
        if hparams.dense:
            self.layers.append(nn.Flatten())  # (B, C, H, W) -> (B, C * H * W) -> (B, dense)
            self.layers.extend(_dense(inputs * base * base, hparams.dense, nn.LeakyReLU(0.2, inplace=True), norm))
            self.head = logit_head(hparams.dense, 0, hparams.minibatch)
        elif hparams.stem == "convolution":
            self.head = logit_head(inputs, base, hparams.minibatch, bias=False)
        else:
            self.layers.append(nn.Flatten())
            self.head = logit_head(inputs * base * base, 0, hparams.minibatch)
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(images))
        return logits.squeeze(1)  # (B, 1) -> (B,)


class DcganEncoder(nn.Module):
    """(B, C, H, W) -> (B, outputs): the discriminator's layers with a linear layer instead of the logit."""

    def __init__(self, image_channels: int, size: int, outputs: int, hparams: DcganHParams) -> None:
        super().__init__()
        features = hparams.dense or pyramid(size, hparams)[-1] * base_size(size) ** 2
        self.layers = nn.Sequential(*DcganDiscriminator(image_channels, size, hparams).layers, nn.Flatten())
        self.last = nn.Linear(features, outputs)

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.last(self.layers(images))
        return made


def networks(hparams: DcganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": DcganGenerator(hparams.latent_size, spec.channels, spec.size, hparams),
        "discriminator": DcganDiscriminator(spec.channels, spec.size, hparams),
    }


# PyTorch's DCGAN tutorial; the rates and beta 1 are the defaults
BLOG: Mapping[str, Any] = {"channels": 64, "max_channels": 512, "batch_size": 128, "ema": 0.0}


register(
    Recipe(
        name="dcgan",
        title="DCGAN",
        task="images",
        paper="1511.06434",
        year=2015,
        networks=networks,
        objective=Adversarial,
        hparams=DcganHParams(),
        tiny=DcganHParams(latent_size=4, channels=4, max_channels=8, batch_size=4, dropout=0.1),
        data="digits",
        sizes=SIZES,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="digits",
                beginner=True,
                title="DCGAN on digits",
                look_for="Blobs within five seconds, strokes after ten, and mostly readable digits after half a "
                "minute. The discriminator's accuracy should stay between 60 and 90 %.",
                data="digits", size=16, steps=4_500, seconds=60,
                hparams={
                    # R1 removes batch-norm from the discriminator, which doubles the share of readable digits
                    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 4_500,
                    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "ema": 0.995,
                },
            ),
            Preset(
                name="fashion",
                title="Clothes (Fashion-MNIST)",
                look_for="Grey shapes after ten seconds; shirts, trousers and shoes with ragged edges after a minute; "
                "then edges become clean and folds appear.",
                data="fashion_mnist", size=28, steps=5_000, seconds=120,
                hparams={
                    "channels": 32, "max_channels": 64, "latent_size": 64, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 5_000,
                    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "ema": 0.995,
                },
            ),
            Preset(
                name="avatars",
                title="Drawn faces",
                look_for="Colours first, then a head on shoulders, then hair, glasses and hats. Expect speckles and "
                "mismatched eyes: nothing in DCGAN enforces symmetry.",
                data="avatars", size=32, steps=6_000, seconds=300,
                hparams={
                    "channels": 32, "max_channels": 128, "latent_size": 64, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 6_000,
                    "penalty": "r1", "penalty_weight": 1.0, "penalty_every": 8, "ema": 0.995,
                },
            ),
            Preset(
                name="blog_dcgan64",
                title="Blog DCGAN 64",
                look_for="PyTorch's tutorial: fully convolutional networks with up to 512 channels. Colours first, "
                "then a head on shoulders. Each step is slow without a GPU.",
                data="avatars", size=64, steps=6_000, seconds=3_600, hparams=BLOG,
            ),
            Preset(
                name="blog_dcgan64_dense",
                title="Blog DCGAN 64 with dense ends",
                look_for="The other form of the tutorials: fully connected first and last layers. What is learned is "
                "much the same as in the fully convolutional form.",
                data="avatars", size=64, steps=6_000, seconds=3_600, hparams={**BLOG, "stem": "linear"},
            ),
        ),
    )
)  # fmt: skip
