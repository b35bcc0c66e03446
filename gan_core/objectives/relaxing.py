"""The adversarial objective for texts that are relaxed to shares of tokens (1611.04051).

    y_t = softmax((log p_t + g_t) / temperature),   g_t ~ Gumbel(0, 1)

At a high temperature the shares are even and have good gradients; at a low one they are nearly one-hot, as real texts
are, and gradients are rare and large. The temperature falls exponentially from its first to its last value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.layers.text import TextGenerator
from gan_core.objectives.adversarial import Adversarial, Fakes
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.language import pretraining, pretraining_knob, text_latents_knob
from gan_core.ranks import uniform


@dataclass(frozen=True)
class RelaxedHParams(AdversarialHParams):
    """The knobs of the objective."""

    latent_size: int = text_latents_knob()
    pretraining: float = pretraining_knob(0.0)
    first_temperature: float = knob(
        2.0, 0.05, 20.0, label="First temperature", group="objective", clock="temperature",
        help="Temperature of the relaxed tokens at the beginning. Higher is smoother and further from real texts.",
    )  # fmt: skip
    last_temperature: float = knob(
        0.5, 0.05, 20.0, label="Last temperature", group="objective", clock="temperature",
        help="Temperature of the relaxed tokens at the end of its schedule.",
    )  # fmt: skip
    temperature_steps: int = knob(
        4_000, 1, 10_000_000, label="Steps of the temperature", unit="steps", group="objective", logarithmic=True,
        clock="temperature",
        help="The temperature falls exponentially from its first to its last value over this many steps.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue("Texts can't be augmented like images. Set the augmentation to none.")


class Relaxed(Adversarial[RelaxedHParams]):
    """Networks: `generator`, a `TextGenerator`; `discriminator`, which takes shares of tokens (B, T, V)."""

    def phases(self, hparams: RelaxedHParams) -> Sequence[Phase]:
        # exact: the generator is called by another method than `forward`
        game = [
            replace(phase, start=hparams.pretraining, clock="pretraining", exact=True)
            for phase in super().phases(hparams)
        ]
        return [*pretraining(hparams, hparams.pretraining), *game]

    def real(self, samples: Tensor, context: StepContext[RelaxedHParams]) -> Tensor:
        generator = cast(TextGenerator, context.networks["generator"])
        return one_hot(samples, generator.tokens).to(torch.get_default_dtype())  # (B, T) -> (B, T, V)

    def generate(self, networks: Networks, batch: Batch, context: StepContext[RelaxedHParams]) -> Fakes:
        generator = cast(TextGenerator, networks["generator"])
        shape = (len(batch["real"]), generator.length, generator.tokens)
        noise = uniform(shape, context.generator).to(context.device)
        temperature = temperature_at(context.hparams, context.steps_of("temperature"))
        context.observe("temperature", torch.full((1,), temperature))
        return Fakes(generator.relaxed(noise, temperature), noise, None)


def temperature_at(hparams: RelaxedHParams, steps: int) -> float:
    """first^(1 - s) last^s with the elapsed share s of the schedule."""
    share = min(1.0, steps / hparams.temperature_steps)
    return float(hparams.first_temperature ** (1 - share) * hparams.last_temperature**share)
