"""Blocks that several GANs share, and weight initialisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_core.ranks import uniform


class RandomLayer(nn.Module):
    """A layer that draws random numbers from its own `generator`, set by the trainer.

    torch's global generator is shared by all threads: a preview drawn elsewhere would change training. Without a
    generator (a freshly loaded model), the global one is used.
    """

    generator: torch.Generator | None = None


class Dropout(RandomLayer):
    """Inverted dropout (1207.0580)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return inputs
        kept = uniform(inputs.shape, self.generator, device=inputs.device) >= self.rate
        return inputs * kept / (1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class LatentStem(nn.ConvTranspose2d):
    """Latents (B, inputs) -> (B, outputs, size, size): DCGAN's first layer, weights (inputs, outputs, size, size).

    Computed as a matrix product, which is four times as fast as a transposed convolution of a single pixel.
    """

    def __init__(self, inputs: int, outputs: int, size: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, size, bias=bias)

    def forward(self, latents: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.permute(0, 2, 3, 1)  # (I, O, H, W) -> (I, H, W, O), its order in memory
        features = (latents @ weight.flatten(1)).reshape(-1, *weight.shape[1:])  # (B, H * W * O) -> (B, H, W, O)
        if self.bias is not None:
            features = features + self.bias
        images: Tensor = features.permute(0, 3, 1, 2)  # -> (B, O, H, W), channels last
        return images


class GlobalConv2d(nn.Conv2d):
    """(B, inputs, size, size) -> (B, outputs): a convolution as large as its input, computed as a matrix product."""

    def __init__(self, inputs: int, outputs: int, size: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, size, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        weight = self.weight.permute(0, 2, 3, 1).flatten(1)  # (O, I, H, W) -> (O, H * W * I)
        return linear(features.permute(0, 2, 3, 1).flatten(1), weight, self.bias)  # (B, I, H, W) -> (B, O)


def logit_head(features: int, size: int, minibatch: str, bias: bool = True) -> nn.Module:
    """The last layers of a discriminator: (B, features, size, size), or (B, features) for size 0 -> logits (B, 1).

    `minibatch` adds a layer that compares the samples of a batch: "none", "discrimination" or "standard_deviation".
    """
    layers: list[nn.Module] = []
    if minibatch == "standard_deviation":
        layers.append(MinibatchStandardDeviation())
        features += 1
    if minibatch == "discrimination":
        features *= max(1, size) ** 2
        minibatch_layer = MinibatchDiscrimination(features)
        layers += [nn.Flatten(), minibatch_layer] if size else [minibatch_layer]
        features += minibatch_layer.kernels
        size = 0
    last: nn.Module = GlobalConv2d(features, 1, size, bias) if size else nn.Linear(features, 1)
    return nn.Sequential(*layers, last) if layers else last


def activation(name: str, slope: float) -> nn.Module:
    """`relu`, `leaky_relu` (with its negative slope) or `tanh`."""
    if name == "leaky_relu":
        return nn.LeakyReLU(slope, inplace=True)
    return nn.ReLU(inplace=True) if name == "relu" else nn.Tanh()


def initialise_normal(module: nn.Module) -> None:
    """DCGAN's initialisation (1511.06434, section 4): N(0, 0.02), batch-norm scales N(1, 0.02), biases 0."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(layer.weight, 1.0, 0.02)
            nn.init.zeros_(layer.bias)


def set_noise_generator(network: nn.Module, generator: torch.Generator) -> None:
    """Sets the generator that all random layers of a network draw from."""
    for layer in network.modules():
        if isinstance(layer, RandomLayer):
            layer.generator = generator
