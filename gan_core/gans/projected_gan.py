"""Projected GAN: discriminators on random projections of pretrained features (2111.01007).

    L_D = sum_l  E[l_real(D_l(P_l(x)))] + E[l_fake(D_l(P_l(G(z))))]                                      (equation 4)

A fixed feature net, trained on other images, provides features at L resolutions. P_l mixes them by fixed random
convolutions: 1x1 across channels, and 3x3 from the coarsest resolution upwards (section 3.2). Each D_l (B,
projected channels, H, W) -> (B,) then has an easy task, so that the generator gets a useful gradient early; it learns
from a few thousand images in minutes.

The generator is StyleGAN2's, which the paper tests besides FastGAN's; its w, style mixing and truncation are as in
`stylegan2`. The discriminator returns logits (B, L). When to use it: little time or data, and a feature net for similar
images. Metrics computed with the same feature net overestimate the quality of the samples.

The knob `judge` names the feature net: a small one of the shelf, or `imagenet`, EfficientNet-Lite0 as in the paper, for
photos and images of one's own (the extra `imagenet`). Drawn faces are learnt faster with the shelf's net for emoji.

Differs from the paper: one logit per resolution instead of a logit map; means instead of sums over resolutions, which
makes no difference to Adam (a gradient penalty applies to the sum of the logits); with `pixels`, an additional
discriminator receives the image itself, for which small feature nets are too coarse; R1 and the minibatch standard
deviation, without which samples trained on 4,000 drawn faces were sharp after ten minutes and all alike after thirty.
"""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.data.base import DataSpec
from gan_core.fitting import fill
from gan_core.gans.feature_net import convolutions
from gan_core.gans.recipe import Preset, PretrainedModel, PretrainedPart, Recipe, register
from gan_core.gans.stabilised import apply_spectral_norm
from gan_core.gans.stylegan2 import DEFAULTS as STYLEGAN2
from gan_core.gans.stylegan2 import Stylegan2Generator, Stylegan2HParams
from gan_core.knobs import changed, knob, to_dict
from gan_core.layers.blocks import logit_head
from gan_core.layers.efficientnet import check_installed, efficientnet_lite0
from gan_core.layers.style import SIZES, draw_clamped
from gan_core.layers.style_generator import draw_truncated
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.path_length import PathLength

LEVELS = 4  # largest number of feature resolutions
LAST = 4  # pixels, the lowest resolution of a discriminator
IMAGENET = "imagenet"
STEM, BLOCKS, BLOCK_CHANNELS = 3, (0, 2, 4, 10), (16, 24, 40, 112)  # of EfficientNet-Lite0: layers before its blocks
SPREADS = (
    6.2,
    8.5,
    7.6,
    6.5,
)  # standard deviations of these blocks' features, over 96 photos each of CIFAR-10 and BSDS


@dataclass(frozen=True)
class ProjectedHParams(Stylegan2HParams):
    """The knobs of the generator and the discriminators."""

    judge: str = knob(
        "features.emoji", label="Feature net", change="rebuild", group="networks",
        help="The model on the shelf whose features the discriminators receive, or imagenet: EfficientNet-Lite0, for "
        "photos. Empty: a randomly initialised network.",
    )  # fmt: skip
    judge_channels: int = knob(
        12, 4, 256, label="Feature net channels", change="rebuild", group="networks",
        help="Channels of the feature net's first convolutions.",
    )  # fmt: skip
    judge_max_channels: int = knob(
        128, 4, 1024, label="Maximum feature net channels", change="rebuild", group="networks",
        help="Channels of the feature net's last convolutions.",
    )  # fmt: skip
    mixed_channels: int = knob(
        48, 4, 1024, label="Projected channels", change="rebuild", group="networks",
        help="Channels of the random projection of the features at each resolution.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        64, 4, 1024, label="Discriminator channels", change="rebuild", group="networks",
        help="Channels of every layer of the discriminators.",
    )  # fmt: skip
    pixels: bool = knob(
        True, label="Pixel discriminator", change="rebuild", group="networks",
        help="Adds a discriminator that receives the image itself, which improves colours and fine detail.",
    )  # fmt: skip


class Frozen(nn.Module):
    """Layers that are not trained: weights become buffers, and batch-norm stays in evaluation mode."""

    def freeze(self) -> Self:
        for layer in self.modules():
            for name, weight in list(layer.named_parameters(recurse=False)):
                delattr(layer, name)
                layer.register_buffer(name, weight.detach())
        return self.train()

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


class PretrainedFeatures(Frozen):
    """Images (B, C, H, W) -> features (B, C_l, H / 2^l, W / 2^l) of the first `LEVELS` resolutions, l = 1, 2, ..."""

    def __init__(self, image_channels: int, size: int, channels: int, max_channels: int) -> None:
        super().__init__()
        levels = convolutions(image_channels, size, channels, max_channels)[:-1][:LEVELS]
        self.layers = nn.Sequential(*(layer for level in levels for layer in level.layers))
        self.level_lengths = [len(level.layers) for level in levels]
        self.shapes = [(level.channels, level.size) for level in levels]
        self.freeze()

    def forward(self, images: Tensor) -> list[Tensor]:
        found = []
        layers = iter(self.layers)
        for length in self.level_lengths:
            level = itertools.islice(layers, length)
            for convolution, norm, activation in zip(level, level, level, strict=True):
                images = activation(_normalised(images, convolution, norm))
            found.append(images)
        return found


def _normalised(images: Tensor, convolution: nn.Module, norm: nn.Module) -> Tensor:
    """The convolution and its batch norm in evaluation mode, as one convolution."""
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, _BatchNorm)  # of several processes too, which is no BatchNorm2d
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = convolution.weight * gain[:, None, None, None]
    bias = norm.bias - norm.running_mean * gain
    return conv2d(images, weight, bias, convolution.stride, convolution.padding)


class ImageNetFeatures(Frozen):
    """Images (B, 3, H, W) -> features of EfficientNet-Lite0 at 1/2, 1/4, 1/8 and 1/16 of the resolution.

    Features are divided by their spread over photos, because raw ones, 6 to 9 times as wide, let samples collapse.
    Raises BadValue if the packages aren't installed.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        check_installed()
        layers = copy.deepcopy(efficientnet_lite0())
        ends = [STEM + block + 1 for block in BLOCKS]
        self.levels = nn.ModuleList(layers[start:end] for start, end in itertools.pairwise([0, *ends]))
        self.shapes = [(channels, size >> (level + 1)) for level, channels in enumerate(BLOCK_CHANNELS)]
        self.freeze()

    def forward(self, images: Tensor) -> list[Tensor]:
        found = []
        for level, spread in zip(self.levels, SPREADS, strict=True):
            images = level(images)
            found.append(images / spread)
        return found


class RandomProjection(Frozen):
    """Features at L resolutions -> L random projections (B, channels, H_l, W_l) (section 3.2)."""

    def __init__(self, shapes: list[tuple[int, int]], channels: int) -> None:
        super().__init__()
        self.across_channels = nn.ModuleList(nn.Conv2d(inputs, channels, 1, bias=False) for inputs, _ in shapes)
        self.across_levels = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1, bias=False) for _ in shapes)
        for layer in [*self.across_channels, *self.across_levels]:
            nn.init.kaiming_normal_(layer.weight)
        self.freeze()

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        mixed: list[Tensor] = []
        coarser: Tensor | None = None
        for found, channels, levels in zip(
            reversed(features), reversed(self.across_channels), reversed(self.across_levels), strict=True
        ):
            here = channels(found)
            if coarser is not None:
                doubled = interpolate(coarser, size=here.shape[-2:], mode="bilinear")
                here = (here + doubled) / math.sqrt(2)  # keeps unit variance
            coarser = levels(here)
            mixed.insert(0, coarser)
        return mixed


class LevelDiscriminator(nn.Module):
    """(B, inputs, size, size) -> logits (B,): strided convolutions with spectral norm and leaky ReLU 0.2."""

    def __init__(self, inputs: int, size: int, channels: int, minibatch: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        while size > LAST:
            layers += [nn.Conv2d(inputs, channels, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            inputs, size = channels, size // 2
        layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = logit_head(channels, size, minibatch, bias=False)
        apply_spectral_norm(self)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layers(features))
        return logits.flatten()  # (B, 1) -> (B,)


class ProjectedDiscriminator(nn.Module):
    """(B, C, H, W) in [-1, 1] -> logits (B, L): of the image (with `pixels`), then of fine to coarse features."""

    def __init__(self, image_channels: int, size: int, hparams: ProjectedHParams) -> None:
        super().__init__()
        self.eyes = eyes_of(image_channels, size, hparams)
        self.mixing = RandomProjection(self.eyes.shapes, hparams.mixed_channels)
        self.pixels = hparams.pixels
        seen = [(hparams.mixed_channels, side) for _, side in self.eyes.shapes]
        if hparams.pixels:
            seen = [(image_channels, size), *seen]
        self.levels = nn.ModuleList(
            LevelDiscriminator(inputs, side, hparams.discriminator_channels, hparams.minibatch) for inputs, side in seen
        )

    def forward(self, images: Tensor) -> Tensor:
        seen = self.mixing(self.eyes(images))
        if self.pixels:
            seen = [images, *seen]
        logits = [level(features) for level, features in zip(self.levels, seen, strict=True)]
        return torch.stack(logits, 1)  # L times (B,) -> (B, L)


def eyes_of(channels: int, size: int, hparams: ProjectedHParams) -> ImageNetFeatures | PretrainedFeatures:
    """The feature net that the settings name; one of the shelf gets its weights later."""
    if hparams.judge == IMAGENET:
        return ImageNetFeatures(size)
    return PretrainedFeatures(channels, size, hparams.judge_channels, hparams.judge_max_channels)


def networks(hparams: ProjectedHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": Stylegan2Generator(spec.channels, spec.size, hparams),
        "discriminator": ProjectedDiscriminator(spec.channels, spec.size, hparams),
    }


def insert(discriminator: nn.Module, hparams: ProjectedHParams, model: PretrainedModel) -> None:
    """Copies a feature net's convolutions into the discriminator."""
    assert isinstance(discriminator, ProjectedDiscriminator)
    assert isinstance(discriminator.eyes, PretrainedFeatures)
    weights = model.networks["features"].state_dict()
    fill(discriminator.eyes, {name: weights[name] for name in discriminator.eyes.state_dict() if name in weights})


DEFAULTS = changed(
    ProjectedHParams(**to_dict(STYLEGAN2)),
    {
        "loss": "hinge", "penalty_every": 8, "path_weight": 0.0, "channels": 16,
        "max_channels": 96, "latent_size": 64, "w_size": 96, "noise": False, "generator_rate": 2.5e-3,
        "discriminator_rate": 5e-4, "ema": 0.998,
    },
)  # fmt: skip

register(
    Recipe(
        name="projected_gan",
        title="Projected GAN",
        task="images",
        paper="2111.01007",
        year=2021,
        networks=networks,
        objective=PathLength,
        hparams=DEFAULTS,
        tiny=changed(
            DEFAULTS,
            {
                "judge": "feature_net.tiny", "judge_channels": 4, "judge_max_channels": 8, "mixed_channels": 4,
                "discriminator_channels": 4, "latent_size": 4, "channels": 4, "max_channels": 8, "w_size": 4,
                "mapping_layers": 2, "batch_size": 4, "path_every": 2,
            },
        ),
        data="avatars",
        sizes=SIZES,
        capabilities=frozenset({"truncation", "w_space", "style_mixing"}),
        draw=draw_clamped,
        truncate=draw_truncated,
        pretrained_part=PretrainedPart(
            network="discriminator",
            knob="judge",
            task="supervised",
            fits=lambda theirs, ours: theirs.channels == ours.channels and theirs.size >= ours.size,
            matched=lambda theirs, _: {
                "judge_channels": theirs["channels"],
                "judge_max_channels": theirs["max_channels"],
            },
            insert=insert,
            general={IMAGENET: "EfficientNet-Lite0 (ImageNet)"},
        ),
        equation=adversarial_equation,
        presets=(
            Preset(
                name="avatars",
                beginner=True,
                title="Drawn faces",
                look_for="Coloured blobs that differ from the start, heads by step 150, hats and long hair by 500, "
                "eyes and glasses from 1,100 on. The discriminators use the features of a network trained on emoji, "
                "which has never seen these faces. StyleGAN2's preset has the same generator: compare the two at the "
                "same step.",
                data="avatars", size=32, steps=3_000, seconds=300, hparams={"channels": 16, "max_channels": 64},
            ),
        ),
    )
)  # fmt: skip
