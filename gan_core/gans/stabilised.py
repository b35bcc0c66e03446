"""Spectral and virtual batch normalisation for the networks of any adversarial recipe."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.parametrize import register_parametrization

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.layers.virtual_batch_norm import WithReference
from gan_core.objectives.penalties import MATRICES, TRANSPOSED

REFERENCES = 64  # samples of the reference batch
NORMALISED = (*MATRICES, nn.Embedding)


def stabilised(
    networks: dict[str, nn.Module], hparams: AdversarialHParams, spec: DataSpec, conditional: bool
) -> dict[str, nn.Module]:
    """The networks with spectral or virtual batch normalisation, if the knobs ask for them."""
    if hparams.virtual_batch_norm:
        networks = networks | {"generator": _with_reference(networks["generator"], hparams, spec, conditional)}
    if hparams.spectral_norm != "none":
        apply_spectral_norm(networks["discriminator"])
    if hparams.spectral_norm == "both":
        apply_spectral_norm(networks["generator"])
    return networks


def apply_spectral_norm(network: nn.Module) -> None:
    """Divides each weight by its largest singular value, with one power iteration per pass (1802.05957, equation 8).

    Layers that are already normalised or not trained are skipped, and modulated convolutions, which normalise their
    outputs. When to use it: in the discriminator with the hinge
    loss; in both networks if the generator has attention (1805.08318).
    """
    for layer in list(network.modules()):
        if isinstance(layer, NORMALISED) and "weight" in dict(layer.named_parameters(recurse=False)):
            outputs = 1 if isinstance(layer, TRANSPOSED) else 0  # the weight's axis
            register_parametrization(layer, "weight", SpectralNorm(layer.weight, dim=outputs))


class SpectralNorm(_SpectralNorm):
    """PyTorch's, always in single precision: under autocast it would mix two types, which fails on CUDA."""

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            return super().forward(weight)


def _with_reference(
    generator: nn.Module, hparams: AdversarialHParams, spec: DataSpec, conditional: bool
) -> WithReference:
    if not any(isinstance(layer, _BatchNorm) for layer in generator.modules()):
        raise BadValue("Virtual batch normalisation replaces batch normalisation, but this generator has none.")
    latents = torch.randn(REFERENCES, hparams.latent_size)
    labels = torch.arange(REFERENCES) % spec.classes if conditional else None
    return WithReference(generator, latents, labels)
