"""SeqGAN: the generator is an agent that writes, and the discriminator's opinion is its reward (1609.05473).

    L_G = -E_{Y ~ G}[sum_t (Q_t - b_t) log G(y_t | Y_{1:t-1})]        Q_t = mean over rollouts of D(Y_{1:t}, rollout)

Tokens are chosen, and no gradient passes through a choice; so G learns by policy gradient (REINFORCE) instead: choices
after which D is convinced become likelier. What a token in the middle is worth is found by completing the text several
times (Monte Carlo rollouts). Training has three parts, as in algorithm 1: G by maximum likelihood, D alone, then both.

G is an LSTM over tokens (B, T) int64; D is Kim's convolutional network for sentences (1408.5882) with a highway layer,
tokens (B, T) -> logits (B,).

Differs from the paper: rollouts are drawn by G itself, not by a delayed copy; the mean reward of each place is
subtracted, which leaves the expected gradient as it is; a small LSTM and 4 rollouts by default. The published size: 32
units and dimensions, 16 rollouts, `oracle_5000`, 120 and 50 epochs of pre-training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.gans.text_mle import WriterHParams, draw_text, writer
from gan_core.knobs import HParams, knob
from gan_core.layers.text import TextDiscriminator
from gan_core.objectives.language import PolicyGradient, PolicyHParams


@dataclass(frozen=True)
class ReaderHParams(HParams):
    """The knobs of the discriminator of every recipe of texts."""

    discriminator_embedding: int = knob(
        32, 1, 1024, label="Embedding size of the discriminator", unit="dimensions", change="rebuild",
        group="networks",
        help="Dimensions of the vector by which the discriminator reads a token.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        32, 1, 1024, label="Channels of the discriminator", change="rebuild", group="networks",
        help="Number of patterns of each width that the discriminator looks for.",
    )  # fmt: skip
    widest: int = knob(
        4, 1, 32, label="Widest pattern", unit="tokens", change="rebuild", group="networks",
        help="The discriminator looks for patterns of 1 to this many neighbouring tokens.",
    )  # fmt: skip
    discriminator_dropout: float = knob(
        0.25, 0.0, 0.9, label="Dropout of the discriminator", change="rebuild", group="stabilisers",
        help="Share of the discriminator's features that are left out at random in each step, so that it doesn't "
        "learn the texts by heart.",
    )  # fmt: skip


@dataclass(frozen=True)
class SeqGanHParams(PolicyHParams, WriterHParams, ReaderHParams):
    """The knobs of the recipe."""


def reader(hparams: Any, spec: DataSpec, minibatch: str = "none") -> TextDiscriminator:
    """The discriminator for such texts."""
    return TextDiscriminator(
        len(spec.vocabulary), spec.fields["tokens"][0], hparams.discriminator_embedding,
        hparams.discriminator_channels, hparams.widest, hparams.discriminator_dropout, minibatch,
    )  # fmt: skip


def networks(hparams: SeqGanHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"generator": writer(hparams, spec), "discriminator": reader(hparams, spec)}


DEFAULTS = SeqGanHParams(
    embedding=32, hidden=32, batch_size=64, beta1=0.9, ema=0.99, generator_rate=5e-3, discriminator_rate=2e-3,
    discriminator_steps=3,
)  # fmt: skip

register(
    Recipe(
        name="seqgan",
        title="SeqGAN",
        task="sequence",
        paper="1609.05473",
        year=2016,
        networks=networks,
        objective=lambda hparams: PolicyGradient(),
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, embedding=4, hidden=6, latent_size=8, discriminator_embedding=4, discriminator_channels=3,
            widest=2, batch_size=4, pretraining=0.004, discriminator_pretraining=0.0, rollouts=2,
            discriminator_steps=1,
        ),
        data="oracle",
        draw=draw_text,
        equation=lambda hparams: (
            r"L_D=-\mathbb{E}[\log D(Y)]-\mathbb{E}_{Y\sim G}[\log(1-D(Y))],\qquad "
            r"L_G=-\mathbb{E}_{Y\sim G}\Big[\sum_t(Q_t-b_t)\log G(y_t\mid Y_{1:t-1})\Big]"
        ),
        presets=(
            Preset(
                name="oracle",
                title="The oracle of SeqGAN's paper",
                look_for="The oracle's NLL falls from 8 to 4.2 nats a token while the generator learns by maximum "
                "likelihood; the oracle's own sequences have 2.5. Then the game begins, each step takes many times as "
                "long, and the curve hardly moves.",
                data="oracle", size=20, steps=1_450, seconds=150,
                hparams={"discriminator_pretraining": 9.6},
            ),
        ),
    )
)  # fmt: skip
