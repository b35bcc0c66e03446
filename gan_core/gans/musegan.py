"""A small MuseGAN: passages of four voices, written from scratch or continued from a given bar (1709.06298).

    L_D = E[D(G(z, b))] - E[D(x)] + 10 E[(|grad D| - 1)^2]        L_G = -E[D(G(z, b))]

G maps latents (B, latent_size) and a first bar b (B, 4, 16), which may be missing, to probabilities of pitches (B, 4,
32, pitches), of which the most likely is written. As in the paper's hybrid model, half of the latents are shared by all
voices, and each voice has its own part of the rest and its own last layers. What is shared is developed in time by
convolutions. Where a bar is given, the passage begins with it, and D sees both bars together.

D sees the four voices beside each other at each sixteenth, and in addition how loud each pitch class is and where notes
begin (as 1804.09399 does), and convolves along the time.

Differs from the paper: four voices that sing one note each, instead of bands whose instruments play chords, so that a
softmax over pitches replaces thresholds; two bars instead of four; one network where the paper has one for the time and
one for the bar; a given bar of all voices instead of a given track.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.data.voices import BAR, HIGHEST, LOWEST, NOTHING, REST
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.blocks import logit_head
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.passages import PITCHES, Passages, PassagesHParams, as_pitches, as_shares

CLASSES = 12  # pitch classes
FIRST = 4  # positions in time from which the generator starts


@dataclass(frozen=True)
class MuseGanHParams(PassagesHParams):
    """The knobs of the networks."""

    channels: int = knob(
        48, 4, 1024, label="Channels", change="rebuild", group="networks",
        help="Channels of the generator's convolutions along the time.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        48, 4, 1024, label="Channels of the discriminator", change="rebuild", group="networks",
        help="Channels of the discriminator's first convolution; the next ones have twice as many.",
    )  # fmt: skip


class MuseGenerator(nn.Module):
    """Latents (B, latent_size), and bars (B, V, BAR) or None -> shares of pitches (B, V, T, PITCHES)."""

    def __init__(self, voices: int, length: int, hparams: MuseGanHParams) -> None:
        super().__init__()
        self.voices, self.length = voices, length
        self.own = hparams.latent_size // 2 // voices  # latents of each voice
        self.shared = hparams.latent_size - self.own * voices
        width = hparams.channels
        self.read = nn.Sequential(  # (B, V * PITCHES, BAR) -> (B, width, 4)
            nn.Conv1d(voices * PITCHES, width, 3, padding=1), nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 4, 2, padding=1), nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 4, 2, padding=1), nn.LeakyReLU(0.2), nn.Flatten(),
        )  # fmt: skip
        self.first = nn.Linear(self.shared + width * BAR // 4, 2 * width * FIRST)
        layers: list[nn.Module] = []
        inputs, time = 2 * width, FIRST
        while time < length:
            layers += [
                nn.Upsample(scale_factor=2), nn.Conv1d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm1d(width),
                nn.ReLU(),
            ]  # fmt: skip
            inputs, time = width, 2 * time
        self.plan = nn.Sequential(*layers)
        self.parts = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width + self.own, width, 3, padding=1), nn.ReLU(), nn.Conv1d(width, PITCHES, 1))
            for _ in range(voices)
        )

    def forward(self, latents: Tensor, given: Tensor | None = None) -> Tensor:
        if given is None:
            given = torch.full((latents.shape[0], self.voices, BAR), NOTHING, device=latents.device)
        bars = as_shares(given).to(latents.dtype)  # (B, V, BAR, PITCHES)
        read = self.read(bars.permute(0, 1, 3, 2).flatten(1, 2))
        shared, own = latents[:, : self.shared], latents[:, self.shared :]
        first = self.first(torch.cat([shared, read], 1))
        plan = self.plan(first.reshape(first.shape[0], -1, FIRST))  # (B, width, T)
        written = []
        for place, part in enumerate(self.parts):
            mine = own[:, place * self.own : (place + 1) * self.own, None].expand(-1, -1, plan.shape[2])
            written.append(part(torch.cat([plan, mine], 1)).softmax(1))
        shares = torch.stack(written, 1).transpose(2, 3)  # (B, V, PITCHES, T) -> (B, V, T, PITCHES)
        is_given = (given != NOTHING)[..., None]
        begun = torch.where(is_given, bars, shares[:, :, :BAR])
        return torch.cat([begun, shares[:, :, BAR:]], 2)


class MuseDiscriminator(nn.Module):
    """Shares of pitches (B, V, T, PITCHES) -> logits (B,)."""

    def __init__(self, voices: int, length: int, hparams: MuseGanHParams) -> None:
        super().__init__()
        width = hparams.discriminator_channels
        classes = torch.zeros(PITCHES, CLASSES)
        classes[torch.arange(1, PITCHES), (torch.arange(LOWEST, HIGHEST + 1)) % CLASSES] = 1
        self.register_buffer("classes", classes, persistent=False)
        self.classes: Tensor
        layers: list[nn.Module] = [
            nn.Conv1d(voices * PITCHES + CLASSES + voices, width, 3, padding=1), nn.LeakyReLU(0.2),
        ]  # fmt: skip
        inputs, time = width, length
        while time > FIRST:
            layers += [nn.Conv1d(inputs, 2 * width, 4, 2, padding=1), nn.LeakyReLU(0.2)]
            inputs, time = 2 * width, time // 2
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = logit_head(inputs * time, 0, hparams.minibatch)

    def forward(self, shares: Tensor) -> Tensor:
        heard = (shares @ self.classes).sum(1)  # (B, T, CLASSES)
        before = torch.cat([torch.zeros_like(shares[:, :, :1]), shares[:, :, :-1]], 2)
        begins = 1 - (shares * before).sum(3)  # (B, V, T)
        voices = shares.permute(0, 1, 3, 2).flatten(1, 2)  # (B, V, T, PITCHES) -> (B, V * PITCHES, T)
        logits: Tensor = self.head(self.layers(torch.cat([voices, heard.transpose(1, 2), begins], 1)))
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: MuseGanHParams, spec: DataSpec) -> dict[str, nn.Module]:
    voices, length = spec.fields["voices"]
    if hparams.latent_size < 2 * voices:
        raise BadValue(N_LATENTS, wanted=2 * voices, given=hparams.latent_size)
    return {
        "generator": MuseGenerator(voices, length, hparams),
        "discriminator": MuseDiscriminator(voices, length, hparams),
    }


N_LATENTS = "Each voice has latents of its own. Set the latent size to at least {wanted}, not {given}."


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Pitches (B, V, T) int64 from latents and, if given, bars (B, V, BAR)."""
    return as_pitches(networks["generator"](latents, labels))


def conditions(spec: DataSpec, hparams: Any, count: int, asked: Any) -> Tensor:
    """The bar that passages continue, (count, V, BAR): pitches (V, BAR), or None to write from scratch.

    Raises BadValue for the name of a class, for another shape, or for pitches that the networks can't write.
    """
    voices = spec.fields["voices"][0]
    if asked is None:
        return torch.full((count, voices, BAR), NOTHING)
    if isinstance(asked, (str, int)):
        raise BadValue("Passages have no classes to choose from.")
    try:
        bar = np.asarray(asked, np.int64)
    except (TypeError, ValueError):
        bar = np.zeros(0, np.int64)
    if bar.shape != (voices, BAR):
        raise BadValue("A bar has {voices} voices of {steps} sixteenths.", voices=voices, steps=BAR)
    wrong = bar[(bar != REST) & ((bar < LOWEST) | (bar > HIGHEST))]
    if len(wrong):
        raise BadValue(
            "Pitches must be between {low} and {high}, or {rest} for a rest, got {pitch}.",
            low=LOWEST, high=HIGHEST, rest=REST, pitch=int(wrong[0]),
        )  # fmt: skip
    return torch.from_numpy(bar).expand(count, voices, BAR)


DEFAULTS = MuseGanHParams(
    latent_size=64, batch_size=32, beta1=0.5, beta2=0.9, ema=0.99, loss="wasserstein", penalty="gradient_penalty",
    generator_rate=1e-3, discriminator_rate=1e-3,
)  # fmt: skip

register(
    Recipe(
        name="musegan",
        title="MuseGAN (small)",
        task="music",
        paper="1709.06298",
        year=2017,
        networks=networks,
        objective=Passages,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, channels=4, discriminator_channels=4, latent_size=8, batch_size=4,
            loss="non_saturating", penalty="none",
        ),
        data="chorales",
        draw=draw,
        conditions=conditions,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="chorales",
                beginner=True,
                title="Two bars of Bach",
                look_for="Soon all notes are in the key, at first as a few long chords. Then the voices begin to move "
                "in quarter notes and to order themselves from soprano to bass. Listen for parallel fifths, which Bach "
                "avoids and which stay more frequent than in his chorales.",
                data="chorales", size=32, steps=1_500, seconds=150,
                hparams={"schedule": "linear", "decay_steps": 1_500},
            ),
        ),
    )
)  # fmt: skip
