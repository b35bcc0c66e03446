"""Training an encoder that maps images to the latent space of a fixed generator (GAN inversion).

    L = l |E(G(w+)) - w+|^2 / var(w+)  +  p |G(E(x)) - x|^2  +  q |white(E(x))|^2 / d

w+ are random latents, half of them style-mixed: from a random layer on they follow another latent. x are images of the
data set, and white(.) are whitened deviations from the mean of w, d in number. One phase, in the role "generator";
there is no discriminator.

Reconstructions of held-out images are evaluated by PSNR.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.fidelity import psnr
from gan_core.objectives.translation import EVALUATE_EVERY, evaluated

MIXED = 0.5  # share of the random latents that are style-mixed


@dataclass(frozen=True)
class EncodingHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    latent_weight: float = knob(
        0.1, 0.0, 100.0, label="Latent loss weight", group="objective",
        help="Weight of recovering the latents of generated images.",
    )  # fmt: skip
    pixel_weight: float = knob(
        1.0, 0.0, 100.0, label="Pixel loss weight", group="objective",
        help="Weight of reconstructing the data set's images.",
    )  # fmt: skip
    prior_weight: float = knob(
        0.005, 0.0, 100.0, label="Prior weight", group="objective",
        help="Weight of a term that keeps the latents of real images close to the mean of w, where edits work best.",
    )  # fmt: skip


class LatentEncoder(nn.Module, ABC):
    """Images (B, C, H, W) -> whitened latents (B, layers, w_size) of a fixed generator."""

    @abstractmethod
    def sample(self, count: int, mixed: float, generator: torch.Generator) -> Tensor:
        """Whitened random latents, (count, layers, w_size); the share `mixed` of them is style-mixed."""

    @abstractmethod
    def generate(self, white: Tensor) -> Tensor:
        """The generator's images, (B, C, H, W)."""

    @abstractmethod
    def distance(self, one: Tensor, other: Tensor) -> Tensor:
        """Mean squared distance in w relative to the variance of w, ()."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """The generator's images for the predicted latents, (B, C, H, W) in [-1, 1]."""
        return self.generate(self(images)).clamp(-1, 1)


class Encoding(Objective[EncodingHParams]):
    """Trains the network `encoder`, a `LatentEncoder`."""

    def phases(self, hparams: EncodingHParams) -> Sequence[Phase]:
        return [Phase(name="encoder", role="generator", group="encoder", terms=self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[EncodingHParams]) -> dict[str, Tensor]:
        hparams = context.hparams
        encoder, real = latent_encoder(context.networks["encoder"]), batch["real"]
        with torch.no_grad():
            latents = encoder.sample(len(real), MIXED, context.generator)
            generated = encoder.generate(latents).clamp(-1, 1)
        of_generated, of_real = networks["encoder"](torch.cat([generated, real])).chunk(2)
        return {
            "latents": hparams.latent_weight * encoder.distance(of_generated, latents),
            "pixels": hparams.pixel_weight * mse_loss(encoder.generate(of_real), real),
            "prior": hparams.prior_weight * of_real.square().mean(),
        }

    def after_step(self, context: StepContext[EncodingHParams]) -> None:
        if context.step % EVALUATE_EVERY or not (held_out := context.held_out()):
            return
        with torch.no_grad(), evaluated(context.networks["encoder"]) as encoder:
            context.observe("psnr", psnr(latent_encoder(encoder).reconstruct(held_out["real"]), held_out["real"]))


def latent_encoder(network: nn.Module) -> LatentEncoder:
    assert isinstance(network, LatentEncoder)
    return network
