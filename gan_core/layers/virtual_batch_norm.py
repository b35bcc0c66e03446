"""Virtual batch normalisation (1606.03498, section 3.5): the statistics of a fixed reference batch.

Each sample is normalised by the mean and variance of the reference batch and itself, so that it does not depend on the
other samples of its batch. The reference batch passes through the network with the current weights, which doubles the
cost; therefore it is used in the generator only, as in the paper.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.layers.residual import attention_maps


class VirtualBatchNorm(nn.Module):
    """(R + B, C, ...) -> the same shape; the first R items are the reference.

    The mean for a sample is (R * reference mean + sample mean) / (R + 1), likewise its mean square. With `affine`, the
    output is scaled and shifted by learned weights.
    """

    def __init__(self, channels: int, references: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.references, self.eps = references, eps
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, inputs: Tensor) -> Tensor:
        count = self.references
        flat = inputs.flatten(2) if inputs.ndim > 2 else inputs[:, :, None]  # (R + B, C, N)
        sample_mean, sample_square = flat.mean(2), flat.square().mean(2)  # (R + B, C)
        mean, square = sample_mean[:count].mean(0), sample_square[:count].mean(0)  # (C,)
        share = 1 / (count + 1)
        means = torch.cat(
            [mean.expand(count, -1), torch.lerp(mean.expand_as(sample_mean[count:]), sample_mean[count:], share)]
        )
        squares = torch.cat(
            [
                square.expand(count, -1),
                torch.lerp(square.expand_as(sample_square[count:]), sample_square[count:], share),
            ]
        )
        scale = torch.rsqrt((squares - means.square()).clamp(min=0) + self.eps)  # (R + B, C)
        if self.weight is not None:
            scale = self.weight * scale
        shift = -means * scale if self.bias is None else self.bias - means * scale
        shape = (*scale.shape, *[1] * (inputs.ndim - 2))
        return inputs * scale.reshape(shape) + shift.reshape(shape)  # (R + B, C) -> (R + B, C, 1, 1)


class WithReference(nn.Module):
    """A generator with virtual batch normalisation: a fixed reference batch is prepended to each batch of inputs."""

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
            reference = self.reference_labels
            if labels.is_floating_point():  # blends of classes, (B, classes)
                reference = one_hot(reference, labels.shape[1]).to(labels)
            inputs.append(torch.cat([reference, labels]))
        samples: Tensor = self.network(*inputs)
        return samples[len(self.reference) :]

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Those of the samples, see `layers.residual.attention_maps`."""
        return attention_maps(self, *inputs)

    def codes(self, latents: Tensor) -> Any:
        """The network's codes of latents, where it has some."""
        return self.network.codes(latents)  # type: ignore[operator]


def replace_batch_norm(network: nn.Module, references: int) -> None:
    """Replaces batch normalisation layers by virtual ones with the same weights.

    When to use it: if the statistics of small batches make the samples of a batch resemble each other.
    """
    for name, layer in network.named_children():
        if isinstance(layer, _BatchNorm):
            virtual = VirtualBatchNorm(layer.num_features, references, layer.eps, layer.affine)
            virtual.load_state_dict(dict(layer.named_parameters()))
            setattr(network, name, virtual)
        else:
            replace_batch_norm(layer, references)
