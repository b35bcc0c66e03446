"""SpecGAN: log-mel spectrograms as pictures, heard by Griffin-Lim; conditional on what is said and by whom
(1802.04208, section 3.2).

    min_G max_D  E_x[log D(S(x), c)] + E_z[log(1 - D(G(z, c), c))]          x' = GriffinLim(G(z, c))

The generator maps z (B, latent_size) to spectrograms (B, 1, 64, L / 128) in [-1, 1]: a linear layer to
(B, C, 4, T / 16), then four transposed convolutions that double both sides. The discriminator is its mirror image and
sees the spectrograms S(x) of real waves (layers/spectrum.py). Waves (B, L) are made where samples are drawn.

Class and speaker are inputs of the generator's first layer, and the discriminator adds the scalar product of an
embedding of them with its last features (1802.05637).

Differs from the paper: mel bands and a fixed scale in decibels instead of 128 linear bins, each normalised by its mean
and deviation; conditions; the logistic loss with R1 instead of WGAN-GP, which trains several times as fast on a CPU;
the phases are found by the fast Griffin-Lim algorithm. The paper's loss, kernel and widths are settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Recipe, register
from gan_core.hparams import AdversarialHParams, channels_knob, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.layers.spectrum import BANDS, HOP, griffin_lim
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.spoken import Spoken, asked_for, weights_of, widths

LEVELS = 4  # doublings of both sides
UNIT = HOP * 2**LEVELS  # samples that the length of a sound is a multiple of


@dataclass(frozen=True)
class SpecganHParams(AdversarialHParams):
    """The knobs of SpecGAN."""

    channels: int = channels_knob(12, reference="SpecGAN has 64.")
    max_channels: int = max_channels_knob(96, reference="SpecGAN has 1024.")
    kernel: int = knob(
        4, 3, 7, label="Kernel size", unit="pixels", change="rebuild", group="networks",
        help="Side of the convolutions, in bands and frames. Larger ones see more and are slower. SpecGAN has 5.",
    )  # fmt: skip
    batch_norm: bool = knob(
        True, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch.",
    )  # fmt: skip

    @property
    def pyramid(self) -> list[int]:
        """Channels from the smallest features to the largest."""
        return [min(self.channels * 2**level, self.max_channels) for level in reversed(range(LEVELS))]

    @property
    def padding(self) -> dict[str, Any]:
        """The padding of convolutions that halve both sides."""
        return {"kernel_size": self.kernel, "stride": 2, "padding": (self.kernel - 1) // 2}


class SpectrogramGenerator(nn.Module):
    """Latents (B, latent_size) and conditions, see `spoken.weights_of` -> spectrograms (B, 1, BANDS, T) in [-1, 1]."""

    def __init__(self, frames: int, rate: int, conditions: tuple[int, int], hparams: SpecganHParams) -> None:
        super().__init__()
        self.conditions, self.rate = conditions, rate
        pyramid = hparams.pyramid
        self.start = (pyramid[0], BANDS >> LEVELS, frames >> LEVELS)
        self.stem = nn.Linear(hparams.latent_size + sum(conditions), pyramid[0] * self.start[1] * self.start[2])
        layers: list[nn.Module] = []
        for inputs, outputs in zip(pyramid, [*pyramid[1:], 1], strict=True):
            layers += [nn.BatchNorm2d(inputs)] if hparams.batch_norm else []
            layers += [
                nn.ReLU(),
                nn.ConvTranspose2d(inputs, outputs, **hparams.padding, output_padding=hparams.kernel % 2),
            ]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        said = weights_of(labels, latents.shape[0], self.conditions, latents)
        features = self.stem(torch.cat([latents, said], 1)).reshape(-1, *self.start)  # -> (B, C, 4, T / 16)
        pictures: Tensor = self.layers(features.contiguous(memory_format=torch.channels_last))
        return pictures


class SpectrogramDiscriminator(nn.Module):
    """Spectrograms (B, 1, BANDS, T) and conditions (B, classes + speakers) -> logits (B,)."""

    def __init__(self, frames: int, conditions: tuple[int, int], hparams: SpecganHParams) -> None:
        super().__init__()
        self.conditions = conditions
        layers: list[nn.Module] = []
        inputs = 1
        for outputs in reversed(hparams.pyramid):
            layers += [nn.Conv2d(inputs, outputs, **hparams.padding), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Flatten())
        features = inputs * (BANDS >> LEVELS) * (frames >> LEVELS)
        self.head = nn.Linear(features, 1)
        self.said = nn.Linear(sum(conditions), features, bias=False) if sum(conditions) else None

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        features = self.layers(pictures.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.head(features).squeeze(1)  # (B, 1) -> (B,)
        if self.said is None:
            return logits
        agreed: Tensor = self.said(weights_of(labels, pictures.shape[0], self.conditions, pictures)) * features
        return logits + agreed.sum(1)


def networks(hparams: SpecganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    if spec.size % UNIT:
        raise BadValue(
            "SpecGAN makes sounds whose length is a multiple of {unit} samples, not {length}.",
            unit=UNIT, length=spec.size,
        )  # fmt: skip
    frames = spec.size // HOP
    made = {
        "generator": SpectrogramGenerator(frames, spec.rate, widths(spec), hparams),
        "discriminator": SpectrogramDiscriminator(frames, widths(spec), hparams),
    }
    for network in made.values():
        initialise_normal(network)
    return made


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Waves (B, L) in [-1, 1]."""
    generator = networks["generator"]
    return griffin_lim(generator(latents, labels), generator.rate)  # type: ignore[arg-type]


DEFAULTS = SpecganHParams(
    batch_size=32, latent_size=64, generator_rate=1e-3, discriminator_rate=1e-3, beta1=0.0, penalty="r1",
    penalty_weight=0.3, penalty_every=8, ema=0.998,
)  # fmt: skip

register(
    Recipe(
        name="specgan",
        title="SpecGAN",
        task="audio",
        paper="1802.04208",
        year=2018,
        networks=networks,
        objective=lambda hparams: Spoken(hparams, as_spectrograms=True),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=4, max_channels=4, batch_size=4),
        data="spoken_digits",
        capabilities=frozenset({"labels"}),
        draw=draw,
        conditions=lambda spec, hparams, count, asked: asked_for(spec, count, asked),
        equation=adversarial_equation,
    )
)  # fmt: skip
