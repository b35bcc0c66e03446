"""The objective of variational autoencoders: the negative evidence lower bound (1312.6114, equation 3).

    L = E[|x - G(z)|^2] / (2 sigma^2) + beta KL(N(mu(x), s(x)^2) | N(0, 1)),      z = mu(x) + s(x) e,  e ~ N(0, 1)

The decoder's distribution is a Gaussian of fixed standard deviation sigma around G(z); constant terms are left out.
Squares are summed over the numbers of an item, and both terms averaged over the batch. beta 1 is the bound itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext


@dataclass(frozen=True)
class VariationalHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    latent_size: int = knob(
        16, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent vector z that a sample is generated from.",
    )  # fmt: skip
    sigma: float = knob(
        0.3, 0.001, 10.0, label="Decoder's spread", group="objective", logarithmic=True,
        help="Standard deviation that the decoder assumes around its output. Smaller: reconstructions are more exact, "
        "but latents drawn at random fall between those that were learned.",
    )  # fmt: skip
    beta: float = knob(
        1.0, 0.0, 100.0, label="Weight of the KL term", group="objective",
        help="1 is the evidence lower bound. Larger keeps the latents closer to the normal distribution.",
    )  # fmt: skip


class Variational(Objective[VariationalHParams]):
    """Networks: `encoder(items)` returns mean and log variance, (B, latent_size) each; `generator(latents)` items."""

    def phases(self, hparams: VariationalHParams) -> Sequence[Phase]:
        return [Phase(name="vae", role="generator", group="vae", terms=self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[VariationalHParams]) -> dict[str, Tensor]:
        items, hparams = batch["real"], context.hparams
        mean, log_variance = networks["encoder"](items)
        noise = context.latents(len(items), hparams.latent_size)
        made = networks["generator"](mean + (0.5 * log_variance).exp() * noise)
        return {
            "reconstruction": reconstruction(items, made, hparams.sigma),
            "kl": hparams.beta * kl_to_normal(mean, log_variance),
        }


def reconstruction(items: Tensor, made: Tensor, sigma: float) -> Tensor:
    """E[|x - G(z)|^2] / (2 sigma^2) of items (B, ...)."""
    return (items - made).square().flatten(1).sum(1).mean() / (2 * sigma**2)


def kl_to_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) | N(0, 1)) in nats, summed over the latents (B, L), mean over the batch (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def as_pair(statistics: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 2 L) -> mean and log variance, (B, L) each; the latter is kept where its exponential is harmless."""
    mean, log_variance = statistics.chunk(2, 1)
    return mean, torch.clamp(log_variance, -20, 10)
