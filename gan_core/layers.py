"""Blocks that several GANs use in the same form, and weight initialisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Inverted dropout (1207.0580) that draws from its own `generator`, as set by the trainer.

    `nn.Dropout` draws from torch's global generator, which every thread shares: a preview drawn elsewhere would
    change the training. Without a generator (a freshly loaded model) the global one serves.
    """

    generator: torch.Generator | None = None

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return inputs
        kept = torch.rand(inputs.shape, generator=self.generator, device=inputs.device) >= self.rate
        return inputs * kept / (1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


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
    """Gives every random layer of a network the generator that it shall draw from."""
    for layer in network.modules():
        if isinstance(layer, Dropout):
            layer.generator = generator
