"""The adversarial objective for music: in some passages of a batch, the generator continues a real bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.data.voices import BAR, HIGHEST, LOWEST, NOTHING, REST
from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.ranks import uniform

PITCHES = HIGHEST - LOWEST + 2  # states of a voice: silent, or one of the pitches


@dataclass(frozen=True)
class PassagesHParams(AdversarialHParams):
    """The knobs of the objective."""

    continued: float = knob(
        0.5, 0.0, 1.0, label="Continued passages", unit="fraction of the batch", group="objective",
        help="Share of the generated passages whose first bar is a real one, so that the generator learns to continue "
        "a bar.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue("Music can't be augmented like images. Set the augmentation to none.")


class Passages(Adversarial[PassagesHParams]):
    """Networks: `generator(latents, given (B, V, BAR) pitches)` returns shares of pitches (B, V, T, PITCHES);
    `discriminator` takes them.
    """

    def real(self, samples: Tensor, context: StepContext[PassagesHParams]) -> Tensor:
        return as_shares(samples)

    def generate(self, networks: Networks, batch: Batch, context: StepContext[PassagesHParams]) -> Fakes:
        latents = context.latents(len(batch["voices"]), context.hparams.latent_size)
        chosen = uniform((len(latents),), context.generator).to(latents.device) < context.hparams.continued
        first = batch["voices"][:, :, :BAR]
        given = torch.where(chosen[:, None, None], first, torch.full_like(first, NOTHING))
        return Fakes(cast(Tensor, networks["generator"](latents, given)), latents, None)


def as_shares(voices: Tensor) -> Tensor:
    """Pitches (..., T) as one-hot shares (..., T, PITCHES); zeros for NOTHING."""
    places = torch.where(voices < 0, 0, voices - LOWEST + 1)
    shares = one_hot(places.clamp(0, PITCHES - 1), PITCHES).to(torch.get_default_dtype())
    return shares * (voices != NOTHING)[..., None]


def as_pitches(shares: Tensor) -> Tensor:
    """The likeliest pitches (..., T) int64 of shares (..., T, PITCHES)."""
    places = shares.argmax(-1)
    return torch.where(places == 0, REST, places + LOWEST - 1)
