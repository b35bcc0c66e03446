"""Virtual batch normalisation (1606.03498, section 3.5): the statistics of a fixed reference batch.

Each sample is normalised with the mean and variance of the reference batch and of itself, so that it does not depend on
the other samples of its batch. The reference runs through the network with the weights of the moment, which doubles the
cost; the paper therefore uses it in the generator only, and so do we.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class VirtualBatchNorm(nn.Module):
    """(R + B, C, ...) -> the same shape; the first R items are the reference.

    A sample's mean is (R * reference mean + own mean) / (R + 1), and so is its mean square. `affine`: it scales and
    shifts by learnt weights.
    """

    def __init__(self, channels: int, references: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.references, self.eps = references, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, inputs: Tensor) -> Tensor:
        count = self.references
        flat = inputs.flatten(2) if inputs.ndim > 2 else inputs[:, :, None]  # (R + B, C, N)
        own_mean, own_square = flat.mean(2), flat.square().mean(2)  # (R + B, C)
        mean, square = own_mean[:count].mean(0), own_square[:count].mean(0)  # (C,)
        share = 1 / (count + 1)
        means = torch.cat(
            [mean.expand(count, -1), torch.lerp(mean.expand_as(own_mean[count:]), own_mean[count:], share)]
        )
        squares = torch.cat(
            [square.expand(count, -1), torch.lerp(square.expand_as(own_square[count:]), own_square[count:], share)]
        )
        scale = torch.rsqrt((squares - means.square()).clamp(min=0) + self.eps)  # (R + B, C)
        if self.weight is not None:
            scale = self.weight * scale
        shift = -means * scale if self.bias is None else self.bias - means * scale
        shape = (*scale.shape, *[1] * (inputs.ndim - 2))
        return inputs * scale.reshape(shape) + shift.reshape(shape)  # (R + B, C) -> (R + B, C, 1, 1)


class WithReference(nn.Module):
    """A generator whose batch-norms are virtual: it is given a fixed reference beside each batch of inputs."""

    reference: Tensor

    def __init__(self, network: nn.Module, reference: Tensor, labels: Tensor | None = None) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("reference", reference)
        self.register_buffer("reference_labels", labels)
        replace_batch_norm(network, len(reference))

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        inputs = [torch.cat([self.reference, latents])]
        if labels is not None:
            assert isinstance(self.reference_labels, Tensor)
            inputs.append(torch.cat([self.reference_labels, labels]))
        samples: Tensor = self.network(*inputs)
        return samples[len(self.reference) :]


def replace_batch_norm(network: nn.Module, references: int) -> None:
    """Puts virtual batch-norms in the place of batch-norms, with their weights.

    When to use it: where a small batch's statistics make the samples of one batch resemble each other.
    """
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            virtual = VirtualBatchNorm(layer.num_features, references, layer.eps, layer.affine)
            virtual.load_state_dict(dict(layer.named_parameters()))
            setattr(network, name, virtual)
        else:
            replace_batch_norm(layer, references)
