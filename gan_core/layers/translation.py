"""Generators that translate images, and the PatchGAN discriminator.

Layers have the order of junyanz/pytorch-CycleGAN-and-pix2pix, and anti-aliased ones that of
taesungp/contrastive-unpaired-translation, so that weights trained there can be loaded (models/foreign.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, avg_pool2d, conv2d, conv_transpose2d, grid_sample, pad

from gan_core.layers.blocks import Dropout, initialise_normal

WIDEST = 8  # times the channels at full resolution
BLURS = ("none", "down", "up", "both")  # where a residual generator applies a low-pass filter when it resamples
# latents or styles of the outputs that a model with several outputs of one input shows; the first is the mean
_DRAWN = torch.randn(4, 64, generator=torch.Generator().manual_seed(0))
_FIXED = torch.cat([torch.zeros_like(_DRAWN[:1]), _DRAWN[1:]])


def normalisation(kind: str, channels: int) -> nn.Module:
    """Normalisation layer: `instance` (1607.08022), `batch` or `none`."""
    if kind == "none":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class ResidualBlock(nn.Module):
    """x + F(x), (B, C, H, W) -> the same shape, with reflection padding (1703.10593, appendix)."""

    def __init__(self, channels: int, norm: str, dropout: float) -> None:
        super().__init__()
        bias = norm == "instance"
        layers: list[nn.Module] = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias)]
        layers += [normalisation(norm, channels), nn.ReLU(inplace=True)]
        if dropout:
            layers.append(Dropout(dropout))
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), normalisation(norm, channels)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.layers(features)
        return changed


class BlurredHalving(nn.Module):
    """(B, C, H, W) -> (B, C, H/2, W/2): anti-aliased downsampling (1904.11486), the filter [1, 2, 1] with stride 2.

    Padded by reflection.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", _filters((1, 2, 1), channels))  # stored in checkpoints, as in CUT's published code

    def forward(self, features: Tensor) -> Tensor:
        return conv2d(pad(features, (1, 1, 1, 1), "reflect"), self.filt, stride=2, groups=features.shape[1])


class BlurredDoubling(nn.Module):
    """(B, C, H, W) -> (B, C, 2H, 2W): anti-aliased upsampling by the filter [1, 3, 3, 1]; borders are repeated."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("filt", 4 * _filters((1, 3, 3, 1), channels))  # three of four pixels are zeros

    def forward(self, features: Tensor) -> Tensor:
        around = pad(features, (1, 1, 1, 1), "replicate")
        doubled = conv_transpose2d(around, self.filt, stride=2, padding=2, groups=features.shape[1])
        return doubled[:, :, 1:-1, 1:-1]  # (B, C, 2H + 2, 2W + 2) -> (B, C, 2H, 2W)


def _filters(taps: tuple[int, ...], channels: int) -> Tensor:
    """(C, 1, K, K), each the outer product of the taps, normalised to sum to 1."""
    row = torch.tensor(taps, dtype=torch.float32)
    return (torch.outer(row, row) / row.sum() ** 2).repeat(channels, 1, 1, 1)


class Framing(nn.Module):
    """A learned horizontal and vertical scale and shift for all images, initially the identity: (B, C, H, W) -> the
    same.

    A spatial transformer (1506.02025, equation 10) whose parameters do not depend on the image. Borders are repeated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))  # of the picture, across and down; 0.9 makes the content smaller
        self.shift = nn.Parameter(torch.zeros(2))  # to the right and down, in halves of the side

    def forward(self, images: Tensor) -> Tensor:
        theta = torch.cat([torch.diag(1 / self.scale), -(self.shift / self.scale)[:, None]], 1)
        grid = affine_grid(theta.expand(images.shape[0], -1, -1), list(images.shape), align_corners=False)
        return grid_sample(images, grid, padding_mode="border", align_corners=False)


class ResnetGenerator(nn.Module):
    """(B, C, H, W) -> (B, C, H, W) in [-1, 1], H and W divisible by 4: two downsamplings, residual blocks, two
    upsamplings.

    `c7s1-64, d128, d256, R256 x blocks, u128, u64, c7s1-3` of 1703.10593, with 64 = `channels`. `bilinear` upsamples
    before a convolution instead of using transposed convolutions, which can leave a checkerboard. `blur`, one of BLURS,
    selects anti-aliased resampling next to convolutions of stride 1 (2007.15651). `framing` adds a learned scale and
    shift before the first layer; `framed=False` skips it, for images that already have the target's framing. The input
    may have `extra` channels, such as the wanted attributes.
    """

    def __init__(
        self, image_channels: int, channels: int, blocks: int, norm: str = "instance", dropout: float = 0.0,
        bilinear: bool = False, framing: bool = False, blur: str = "none", extra: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.framing = Framing() if framing else None
        bias = norm == "instance"
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(image_channels + extra, channels, 7, bias=bias)]
        layers += [normalisation(norm, channels), nn.ReLU(inplace=True)]
        for width in (channels, 2 * channels):
            blurred = blur in ("down", "both")
            layers.append(nn.Conv2d(width, 2 * width, 3, stride=1 if blurred else 2, padding=1, bias=bias))
            layers += [normalisation(norm, 2 * width), nn.ReLU(inplace=True)]
            layers += [BlurredHalving(2 * width)] if blurred else []
        layers += [ResidualBlock(4 * channels, norm, dropout) for _ in range(blocks)]
        for width in (4 * channels, 2 * channels):
            if blur in ("up", "both"):
                layers += [BlurredDoubling(width), nn.Conv2d(width, width // 2, 3, padding=1, bias=bias)]
            elif bilinear:
                layers += [nn.Upsample(scale_factor=2, mode="bilinear"), nn.ReflectionPad2d(1)]
                layers.append(nn.Conv2d(width, width // 2, 3, bias=bias))
            else:
                doubling = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1, bias=bias)
                layers.append(doubling)
            layers += [normalisation(norm, width // 2), nn.ReLU(inplace=True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(channels, image_channels, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialise_normal(self)

    def forward(self, images: Tensor, framed: bool = True) -> Tensor:
        translated: Tensor = self.layers(self.framed(images) if framed else images)
        return translated

    def framed(self, images: Tensor) -> Tensor:
        """The images after the learned scale and shift, if there is one."""
        return images if self.framing is None else self.framing(images)

    def features(self, images: Tensor, places: Sequence[int]) -> list[Tensor]:
        """Outputs of some layers of the first half, (B, C', H', W') each; 0 is the padded image."""
        found = []
        for place, layer in enumerate(self.layers[: max(places) + 1]):
            images = layer(images)
            if place in places:
                found.append(images)
        return found


class UnetGenerator(nn.Module):
    """(B, C, H, W) -> (B, C, H, W) in [-1, 1]: `depth` downsamplings and upsamplings, with a skip at each level.

    The input may have `extra` channels. Channels double from `channels` up to eight times that (1611.07004, section
    6.1.1). Dropout, the paper's noise, is applied at the three levels after the innermost one, in the decoder.
    """

    def __init__(
        self, image_channels: int, channels: int, depth: int, norm: str = "batch", dropout: float = 0.5, extra: int = 0
    ) -> None:
        super().__init__()
        widths = [channels * min(2**level, WIDEST) for level in range(depth)]
        noisy = range(max(2, depth - 4), depth - 1) if dropout else range(0)
        first = nn.Conv2d(image_channels + extra, widths[0], 4, stride=2, padding=1, bias=norm == "instance")
        down = [nn.Sequential(first)]
        up = [nn.Sequential(nn.ReLU(), _doubling(2 * widths[0], image_channels, bias=True), nn.Tanh())]
        for level in range(1, depth):
            innermost = level == depth - 1
            outer, width = widths[level - 1], widths[level]
            halving = nn.Conv2d(outer, width, 4, stride=2, padding=1, bias=norm == "instance")
            # a single pixel has no statistics to normalise by
            down.append(nn.Sequential(nn.LeakyReLU(0.2), halving, *([] if innermost else [normalisation(norm, width)])))
            doubling = _doubling(width if innermost else 2 * width, outer, bias=norm == "instance")
            noise = [Dropout(dropout)] if level in noisy else []
            up.append(nn.Sequential(nn.ReLU(), doubling, normalisation(norm, outer), *noise))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        skips = []
        for layers in self.down:
            images = layers(images)
            skips.append(images)
        features = skips.pop()
        for layers in reversed(self.up):
            features = layers(features)
            if skips:
                features = torch.cat([skips.pop(), features], 1)
        return features


def with_planes(images: Tensor, values: Tensor) -> Tensor:
    """Images (B, C, H, W) with values (B, K) as K constant channels, (B, C + K, H, W)."""
    planes = values[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, planes], 1)


def fixed_latents(place: int, dimensions: int, images: Tensor) -> Tensor:
    """Latents (B, up to 64 dimensions) for images (B, ...), always the same: `place` 0 is the mean of N(0, 1), and 1
    to 3 are drawn from it.
    """
    return _FIXED[place, :dimensions].to(images).expand(images.shape[0], -1)


def _doubling(inputs: int, outputs: int, bias: bool) -> nn.Module:
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W)."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


class BottleneckGenerator(nn.Module):
    """(B, C, H, W) -> (B, C, H, W) in [-1, 1] through `depth` halvings and as many doublings, without skips.

    Channels double from `channels` up to eight times that (1703.05192, section 3.2).
    """

    def __init__(self, image_channels: int, channels: int, depth: int) -> None:
        super().__init__()
        widths = [channels * min(2**level, WIDEST) for level in range(depth)]
        layers: list[nn.Module] = [nn.Conv2d(image_channels, widths[0], 4, stride=2, padding=1), _leaky()]
        for outer, width in pairwise(widths):
            layers += [nn.Conv2d(outer, width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), _leaky()]
        for width, outer in pairwise(widths[::-1]):
            layers += [_doubling(width, outer, bias=False), nn.BatchNorm2d(outer), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, _doubling(widths[0], image_channels, bias=True), nn.Tanh())
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        translated: Tensor = self.layers(images)
        return translated


class WholeDiscriminator(nn.Module):
    """(B, C, H, W) -> one logit for each image, (B, 1, 1, 1), through `depth` halvings to a few pixels."""

    def __init__(self, image_channels: int, channels: int, depth: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(image_channels, channels, 4, stride=2, padding=1), _leaky()]
        width = channels
        for level in range(1, depth):
            inputs, width = width, channels * min(2**level, WIDEST)
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), _leaky()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, size // 2**depth))
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


class PatchDiscriminator(nn.Module):
    """(B, C, H, W) -> logits (B, 1, h, w), each for a patch of the image (1611.07004, section 3.2.2).

    The receptive field of a logit is 16, 34 or 70 pixels for 1, 2 or 3 downsampling `layers`; small images allow fewer,
    see `fitting_layers`.
    """

    def __init__(self, image_channels: int, channels: int, layers: int, norm: str = "instance") -> None:
        super().__init__()
        bias = norm != "batch"
        modules: list[nn.Module] = [nn.Conv2d(image_channels, channels, 4, stride=2, padding=1), _leaky()]
        width = channels
        for level in range(1, layers + 1):
            inputs, width = width, channels * min(2**level, WIDEST)
            stride = 2 if level < layers else 1
            modules.append(nn.Conv2d(inputs, width, 4, stride=stride, padding=1, bias=bias))
            modules += [normalisation(norm, width), _leaky()]
        modules.append(nn.Conv2d(width, 1, 4, padding=1))
        self.layers = nn.Sequential(*modules)
        initialise_normal(self)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits

    def outputs(self, images: Tensor) -> list[Tensor]:
        """The outputs of all blocks, (B, C', h, w), the logits last."""
        found = []
        for layer in self.layers:
            images = layer(images)
            if isinstance(layer, nn.LeakyReLU):
                found.append(images)
        return [*found, images]


class MultiScaleDiscriminator(nn.Module):
    """PatchGANs for an image, its half, its quarter ... (1711.11585, section 3.2): (B, C, H, W) -> for each scale, the
    largest first, the outputs of all blocks, whose last are logits (B, 1, h, w).

    Coarse scales judge the composition of an image, fine ones its details. Images of half the size, or a quarter, are
    judged only by the discriminators of these scales. `scales` and `layers` are reduced to what the size allows.
    """

    def __init__(self, image_channels: int, channels: int, layers: int, size: int, scales: int, norm: str) -> None:
        super().__init__()
        self.size = size
        self.scales = nn.ModuleList(
            PatchDiscriminator(image_channels, channels, fitting_layers(layers, size >> scale), norm)
            for scale in range(fitting_layers(scales, size))
        )

    def forward(self, images: Tensor) -> list[list[Tensor]]:
        finest = (self.size // images.shape[-1]).bit_length() - 1
        found = []
        for place, discriminator in enumerate(list(self.scales)[finest:]):
            images = images if not place else halved(images)
            found.append(discriminator.outputs(images))  # type: ignore[operator]
        return found


def halved(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2): means of 3 x 3 pixels, as in pix2pixHD's published code."""
    return avg_pool2d(images, 3, stride=2, padding=1, count_include_pad=False)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


def fitting_layers(wanted: int, size: int) -> int:
    """The number of downsampling layers that images of `size` pixels allow, at most `wanted`."""
    return min(wanted, size.bit_length() - 3)
