"""The objective of denoising diffusion models (2006.11239, equation 14), and how noise is added.

    x_t = sqrt(A_t) x + sqrt(1 - A_t) e,   e ~ N(0, 1)          L = E[|e - e_theta(x_t, t)|^2]

A_t is the product of 1 - b_s up to the level t of `levels`, with b from .1/levels to 20/levels: for 1,000 levels these
are the paper's 1e-4 to 0.02. At the last level next to nothing of x is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.ranks import integers

FIRST, LAST = 0.1, 20.0  # b of the first and of the last level, times the number of levels


@dataclass(frozen=True)
class DenoisingHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    latent_size: int = knob(
        192, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Numbers of the noise that a sample starts from: at least as many as the data have, 64 for a grey image "
        "of 8 pixels, 192 in colour, 2 for a point.",
    )  # fmt: skip
    levels: int = knob(
        200, 10, 1000, label="Noise levels", change="rebuild", group="objective",
        help="Levels of noise between the data and noise alone.",
    )  # fmt: skip


class Denoising(Objective[DenoisingHParams]):
    """Network: `generator.noise_in(noisy items, levels (B,))` returns its estimate of their noise."""

    def phases(self, hparams: DenoisingHParams) -> Sequence[Phase]:
        # exact: the network is called by another method than `forward`, which draws samples
        return [Phase(name="denoiser", role="generator", group="denoiser", terms=self._terms, exact=True)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[DenoisingHParams]) -> dict[str, Tensor]:
        items, hparams = batch["real"], context.hparams
        level = integers(hparams.levels, len(items), context.generator).to(items.device)
        noise = as_items(context.latents(len(items), hparams.latent_size), items.shape[1:])
        noisy = add_noise(items, noise, kept(hparams.levels).to(items.device)[level])
        denoiser = cast("Denoiser", networks["generator"])
        return {"noise": (noise - denoiser.noise_in(noisy, level)).square().mean()}


class Denoiser(nn.Module):
    """The interface that the objective requires of a network."""

    def noise_in(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The noise in items (B, ...) at levels (B,) int64, in [0, levels)."""
        raise NotImplementedError


def kept(levels: int) -> Tensor:
    """A_t: the share of the data's variance that is left at each level, (levels,), falling."""
    rates = torch.linspace(FIRST, LAST, levels, dtype=torch.float64) / levels
    return torch.cumprod(1 - rates.clamp(max=0.999), 0).float()


def as_items(latents: Tensor, shape: Sequence[int]) -> Tensor:
    """The first numbers of latents (B, latent_size) in the shape of the data, (B, ...)."""
    return latents[:, : math.prod(shape)].reshape(-1, *shape)  # (B, L) -> (B, ...)


def add_noise(items: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """sqrt(A) x + sqrt(1 - A) e, with A (B,) for items (B, ...) (equation 4)."""
    share = share.reshape(-1, *[1] * (items.ndim - 1))  # (B,) -> (B, 1, ...)
    return share.sqrt() * items + (1 - share).sqrt() * noise


def noise_of(noisy: Tensor, items: Tensor, share: Tensor) -> Tensor:
    """e, if the item in x_t is known: (x_t - sqrt(A) x) / sqrt(1 - A)."""
    share = share.reshape(-1, *[1] * (noisy.ndim - 1))  # (B,) -> (B, 1, ...)
    return (noisy - share.sqrt() * items) / (1 - share).sqrt()


def denoised(noisy: Tensor, noise: Tensor, share: Tensor) -> Tensor:
    """x, if the noise in it is known: (x_t - sqrt(1 - A) e) / sqrt(A) (equation 15)."""
    share = share.reshape(-1, *[1] * (noisy.ndim - 1))  # (B,) -> (B, 1, ...)
    return (noisy - (1 - share).sqrt() * noise) / share.sqrt()
