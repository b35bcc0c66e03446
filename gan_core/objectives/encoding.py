"""Learning to find pictures in the latent space of a generator that stays as it is.

    L = l |E(G(w+)) - w+|^2 / var(w+)  +  p |G(E(x)) - x|^2  +  q |white(E(x))|^2 / d

w+ are random, half of them mixed: from a random layer on they follow another latent. x are pictures of the data set,
and white(.) are deviations from the mean of w, d in number. One phase, in the role "generator"; there is no opponent.

What comes of pictures that are held out is marked by PSNR.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gan_core.hparams import AloneHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.fidelity import psnr
from gan_core.objectives.translation import MARK_EVERY, evaluated

MIXED = 0.5  # of the random points


@dataclass(frozen=True)
class EncodingHParams(AloneHParams):
    """What the objective reads."""

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


class Finder(nn.Module, ABC):
    """What is trained: pictures (B, C, H, W) -> white coordinates (B, layers, w_size) of a generator that it knows."""

    @abstractmethod
    def random(self, count: int, mixed: float, generator: torch.Generator) -> Tensor:
        """White coordinates of random points, a share of them `mixed`: another latent's from a random layer on."""

    @abstractmethod
    def drawn(self, white: Tensor) -> Tensor:
        """The generator's pictures, (B, C, H, W)."""

    @abstractmethod
    def apart(self, one: Tensor, other: Tensor) -> Tensor:
        """Mean squared distance in w, as a multiple of w's variance, (); what hardly varies hardly counts."""

    def rebuilt(self, images: Tensor) -> Tensor:
        """Pictures as the generator draws what was found for them, (B, C, H, W) in [-1, 1]."""
        return self.drawn(self(images)).clamp(-1, 1)


class Encoding(Objective):
    """Trains the network `encoder`, a `Finder`."""

    def phases(self, hparams: EncodingHParams) -> Sequence[Phase]:
        return [Phase("encoder", "generator", "encoder", self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = context.hparams
        assert isinstance(hparams, EncodingHParams)
        encoder, real = finder(context.networks["encoder"]), batch["real"]
        with torch.no_grad():
            wanted = encoder.random(len(real), MIXED, context.generator)
            made = encoder.drawn(wanted).clamp(-1, 1)
        of_made, of_real = networks["encoder"](torch.cat([made, real])).chunk(2)
        return {
            "latents": hparams.latent_weight * encoder.apart(of_made, wanted),
            "pixels": hparams.pixel_weight * mse_loss(encoder.drawn(of_real), real),
            "prior": hparams.prior_weight * of_real.square().mean(),
        }

    def after_step(self, context: StepContext) -> None:
        if context.step % MARK_EVERY or not (held_out := context.held_out()):
            return
        with torch.no_grad(), evaluated(context.networks["encoder"]) as encoder:
            context.observe("psnr", psnr(finder(encoder).rebuilt(held_out["real"]), held_out["real"]))


def finder(network: nn.Module) -> Finder:
    assert isinstance(network, Finder)
    return network
