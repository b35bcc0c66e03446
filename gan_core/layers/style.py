"""Blocks of ProGAN and the style-based GANs: equalised layers, pixel norm, blur, growth, discriminator epilogue.

Equalised learning rate (1710.10196, section 4.1): weights are initialised from N(0, 1) and scaled by He's constant at
runtime, so that Adam, whose updates do not depend on the scale of the gradient, trains all layers at the same relative
speed. Leaky ReLU has a slope of 0.2; its gain of sqrt(2) is part of the constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate, linear, pad
from torch.nn.utils.parametrize import is_parametrized

from gan_core.hparams import AdversarialHParams, channels_knob, max_channels_knob
from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation

SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
HE = math.sqrt(2)


@dataclass(frozen=True)
class PyramidHParams(AdversarialHParams):
    """The channels of both networks."""

    channels: int = channels_knob(32, 128, reference="ProGAN and StyleGAN use 16 at 1024 pixels, StyleGAN2 uses 32.")
    max_channels: int = max_channels_knob(128, reference="The papers use 512.")


def widths(size: int, hparams: PyramidHParams) -> list[int]:
    """Channels at 4, 8, ... `size` pixels."""
    levels = size.bit_length() - 2
    return [min(hparams.channels * 2**level, hparams.max_channels) for level in range(levels)][::-1]


class EqualisedLinear(nn.Linear):
    """(B, inputs) -> (B, outputs), w = rate * gain / sqrt(inputs) * stored, bias = rate * stored.

    `rate` multiplies the layer's learning rate (1812.04948, appendix C: 0.01 in the mapping network).
    """

    def __init__(self, inputs: int, outputs: int, gain: float = HE, rate: float = 1.0, bias: float = 0.0) -> None:
        super().__init__(inputs, outputs)
        self.rate, self.scale = rate, rate * gain / math.sqrt(inputs)
        nn.init.normal_(self.weight, 0.0, 1 / rate)
        nn.init.constant_(self.bias, bias / rate)

    def forward(self, inputs: Tensor) -> Tensor:
        return linear(inputs, equalised(self), self.bias * self.rate)


class EqualisedConv2d(nn.Conv2d):
    """(B, inputs, H, W) -> (B, outputs, H', W'), w = gain / sqrt(inputs * kernel^2) * stored.

    "up": nearest-neighbour upsampling by 2, then this convolution; "down": this convolution, then the mean of 2 x 2
    pixels. Both are computed as one strided 4 x 4 convolution (the published code's fused form) with 2.25 times fewer
    multiplications. "stride" has stride 2, for inputs that a blur has padded.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        gain: float = HE,
        resample: Literal["", "up", "down", "stride"] = "",
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        self.scale, self.resample = gain / math.sqrt(inputs * kernel**2), resample
        nn.init.normal_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        weight = equalised(self)
        if self.resample == "up":
            smeared = _smeared(weight).flip(2, 3).transpose(0, 1)  # (O, I, 4, 4) -> (I, O, 4, 4)
            return conv_transpose2d(features, smeared, self.bias, stride=2, padding=1)
        if self.resample == "down":
            return conv2d(features, _smeared(weight) / 4, self.bias, stride=2, padding=1)
        if self.resample == "stride":
            return conv2d(features, weight, self.bias, stride=2)
        return conv2d(features, weight, self.bias, padding=self.padding)


def equalised(layer: nn.Module) -> Tensor:
    """The effective weight of a layer with a `scale`.

    He's constant is left out under spectral normalisation, which already sets the scale.
    """
    weight: Tensor = layer.weight  # type: ignore[assignment]
    return weight if is_parametrized(layer, "weight") else weight * layer.scale  # type: ignore[operator]


def _smeared(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) -> (O, I, 4, 4): the kernel added to itself, shifted by a pixel along each axis."""
    wide = pad(weight, (1, 1, 1, 1))
    return wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


class PixelNorm(nn.Module):
    """x / sqrt(mean_c x^2 + 1e-8), at each pixel (1710.10196, section 4.2); also for vectors (B, F)."""

    def forward(self, features: Tensor) -> Tensor:
        return features * (features.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Blur(nn.Module):
    """(B, C, H, W) -> each channel filtered by the outer product of `taps`, scaled to the sum `gain`.

    Can be differentiated twice. Padded with zeros, as in the papers. `taps` must be symmetric.
    """

    kernel: Tensor

    def __init__(self, taps: tuple[int, ...] = (1, 2, 1), padding: int = 1, stride: int = 1, gain: float = 1) -> None:
        super().__init__()
        row = torch.tensor(taps, dtype=torch.float32)
        self.register_buffer("kernel", torch.outer(row, row) * (gain / sum(taps) ** 2), persistent=False)
        self.padding, self.stride = padding, stride

    def forward(self, features: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or not (torch.is_grad_enabled() and features.requires_grad):
            return _filtered(features, self.kernel, self.stride, self.padding)
        filtered: Tensor = _Filter.apply(features, self.kernel, self.stride, self.padding)
        return filtered


def _filtered(features: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
    """Each channel of (B, C, H, W) filtered by a kernel (k, k), in the precision of the features."""
    channels = features.shape[1]
    kernels = kernel.to(features.dtype).expand(channels, 1, *kernel.shape)
    with torch.autocast(features.device.type, enabled=False):
        return conv2d(features, kernels, stride=stride, padding=padding, groups=channels)


class _Filter(torch.autograd.Function):
    """`_filtered` with its gradient as another filtering, because the kernel is symmetric and needs no gradient.

    On CPUs the usual gradient of a convolution by channels takes up to ten times the forward pass, in bfloat16 with a
    stride of 2 even eighty times (oneDNN in PyTorch 2.15).
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, kernel: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.size, ctx.stride, ctx.padding = features.shape[2:], stride, padding
        return _filtered(features, kernel, stride, padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (kernel,) = ctx.saved_tensors
        side = kernel.shape[0]
        if ctx.stride > 1:  # zeros at the places that the stride left out
            height, width = (length + 2 * ctx.padding - side + 1 for length in ctx.size)
            spread = gradient.new_zeros(*gradient.shape[:2], height, width).contiguous(
                memory_format=torch.channels_last
            )
            spread[:, :, :: ctx.stride, :: ctx.stride] = gradient
            gradient = spread
        return _Filter.apply(gradient, kernel, 1, side - 1 - ctx.padding), None, None, None


class Growable(nn.Module):
    """A network whose levels all exist from the start; the buffers `resolution` and `alpha` say how many are used.

    Initially all levels are in use. `alpha` is the weight of the newest level during its fade-in. A mix-in: `further`
    is passed to the next class's constructor.
    """

    resolution: Tensor
    alpha: Tensor

    def __init__(self, size: int, *further: Any) -> None:
        super().__init__(*further)
        self.size = size
        self.register_buffer("resolution", torch.tensor(size))
        self.register_buffer("alpha", torch.tensor(1.0))

    def stage(self) -> tuple[int, float]:
        """The newest level in use (0: 4 pixels) and its weight in [0, 1]; the first level has no fade-in."""
        level = int(self.resolution).bit_length() - 3
        return level, float(self.alpha) if level else 1.0


def to_rgb_layers(image_channels: int, size: int, hparams: PyramidHParams) -> nn.ModuleList:
    """One 1 x 1 convolution to an image per level of a growing generator."""
    return nn.ModuleList(EqualisedConv2d(width, image_channels, 1, gain=1) for width in widths(size, hparams))


def faded_image(network: Growable, to_rgb: nn.ModuleList, features: Tensor, previous: Tensor) -> Tensor:
    """The newest level's image, blended with the image of the `previous` features, (B, C, size, size)."""
    level, alpha = network.stage()
    image: Tensor = to_rgb[level](features)
    if alpha < 1:
        image = doubled(to_rgb[level - 1](previous)).lerp(image, alpha)
    return resized(image, network.size)


def doubled(images: Tensor, factor: int = 2) -> Tensor:
    """(B, C, H, W) -> (B, C, factor H, factor W), each pixel repeated."""
    return images if factor == 1 else interpolate(images, scale_factor=factor)


def resized(images: Tensor, size: int) -> Tensor:
    """(B, C, H, W) -> (B, C, size, size), by averaging or repeating pixels."""
    if images.shape[-1] < size:
        return doubled(images, size // images.shape[-1])
    return images if images.shape[-1] == size else avg_pool2d(images, images.shape[-1] // size)


class Epilogue(nn.Module):
    """The discriminator's last layers: (B, channels, 4, 4)[, labels (B,)] -> logits (B,).

    With classes there is one logit per class, selected by the label (StyleGAN's published code).
    """

    def __init__(self, channels: int, minibatch: str, classes: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        extra = 0
        if minibatch == "standard_deviation":
            layers.append(MinibatchStandardDeviation())
            extra = 1
        layers += [EqualisedConv2d(channels + extra, channels, 3), leaky(), nn.Flatten()]
        layers += [EqualisedLinear(channels * 16, channels), leaky()]
        if minibatch == "discrimination":
            comparison = MinibatchDiscrimination(channels)
            layers.append(comparison)
            channels += comparison.kernels
        self.layers = nn.Sequential(*layers)
        self.head = EqualisedLinear(channels, max(1, classes), gain=1)

    def forward(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        logits: Tensor = self.head(self.layers(features))
        return logits[:, 0] if labels is None else logits.gather(1, labels[:, None])[:, 0]  # (B, K) -> (B,)


def draw_clamped(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images (B, C, H, W), clamped to [-1, 1], from latents (B, latent_size) and, with classes, labels (B,)."""
    generator = networks["generator"]
    images: Tensor = generator(latents) if labels is None else generator(latents, labels)
    return images.clamp(-1, 1)
