"""A feature net: a small convolutional classifier whose features are used by metrics and losses.

FID, KID, precision and recall compare images in the features of a network (1706.08500 uses Inception). Inception was
trained on photos of 299 pixels; for digits of 28 pixels, a network trained on digits is more informative. It is a
classifier:

    min_F  -E[log softmax(head(F(x)))_y]

Images (B, C, H, W) in [-1, 1] pass through pairs of 3x3 convolutions with batch normalisation (1502.03167), each pair
halving the resolution down to 4 to 7 pixels; a linear layer returns the features (B, d), and the `head` maps them to
logits (B, classes). Features are taken before the ReLU, because FID assumes that they are Gaussian, and after a
batch-norm, so that no feature dominates by its scale.

Data with attributes (hair, glasses, hat) instead of classes train one set of logits per attribute; the losses are
summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, single_network
from gan_core.hparams import channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import Dropout
from gan_core.objectives.supervised import Supervised, SupervisedHParams

SMALLEST = 7  # pixels: convolutions stop at this size or below


@dataclass(frozen=True)
class FeatureNetHParams(SupervisedHParams):
    """The knobs of the classifier."""

    channels: int = channels_knob(16)
    max_channels: int = max_channels_knob(128)
    features: int = knob(
        64, 2, 1024, label="Feature size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the feature vector. Metrics need more samples than dimensions.",
    )  # fmt: skip
    dropout: float = knob(
        0.3, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the features dropped at random before the classification layer during training.",
    )  # fmt: skip


class Level(NamedTuple):
    """Convolutions at one resolution, and the channels and pixels of their output."""

    layers: list[nn.Module]
    channels: int
    size: int


def convolutions(image_channels: int, size: int, channels: int, max_channels: int) -> list[Level]:
    """One level per halving down to `SMALLEST` or below, and a last one that keeps the size."""
    levels = []
    inputs, width = image_channels, channels
    while size > SMALLEST:
        size = (size + 1) // 2
        levels.append(Level([*_convolution(inputs, width, 1), *_convolution(width, width, 2)], width, size))
        inputs, width = width, min(2 * width, max_channels)
    return [*levels, Level([*_convolution(inputs, width, 1), *_convolution(width, width, 1)], width, size)]


class FeatureClassifier(nn.Module):
    """(B, C, H, W) in [-1, 1] -> features (B, d) and logits (B, answers) of the classes or attribute values."""

    def __init__(self, image_channels: int, size: int, answers: int, hparams: FeatureNetHParams) -> None:
        super().__init__()
        levels = convolutions(image_channels, size, hparams.channels, hparams.max_channels)
        layers = (layer for level in levels for layer in level.layers)
        self.layers = nn.Sequential(*layers, nn.Flatten())  # (B, C, H, W) -> (B, C * H * W)
        self.features = nn.Linear(levels[-1].channels * levels[-1].size ** 2, hparams.features, bias=False)
        self.norm = nn.BatchNorm1d(hparams.features)
        self.head = nn.Sequential(nn.ReLU(), Dropout(hparams.dropout), nn.Linear(hparams.features, answers))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features: Tensor = self.norm(self.features(self.layers(images)))
        return features, self.head(features)


def _convolution(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def networks(hparams: FeatureNetHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"features": FeatureClassifier(spec.channels, spec.size, sum(spec.questions.values()), hparams)}


register(
    Recipe(
        name="feature_net",
        title="Feature net (classifier)",
        task="supervised",
        paper="1706.08500",
        year=2017,
        networks=networks,
        objective=lambda hparams: Supervised(),
        hparams=FeatureNetHParams(batch_size=128, beta1=0.9, ema=0.995),
        tiny=FeatureNetHParams(channels=4, max_channels=8, features=6, batch_size=4, beta1=0.9),
        data="mnist",
        optimizers=single_network("features"),
        ema_networks=("features",),
        equation=lambda hparams: r"L=-\mathbb{E}[\log p(y|x)]",
        presets=(
            Preset(
                name="mnist_net",
                title="MNIST classifier",
                look_for="Each column shows the images that the network assigns to one class: mixed at first, sorted "
                "after half a minute. The loss ends below 0.05 and the accuracy on held-out digits above 99 %, which "
                "is good enough for computing metrics.",
                data="mnist", size=28, steps=3_000, seconds=300, hparams={"schedule": "cosine", "decay_steps": 3_000},
            ),
        ),
    )
)  # fmt: skip
