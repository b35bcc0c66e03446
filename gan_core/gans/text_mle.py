"""Maximum likelihood: an LSTM learns to predict each token of a text, without an opponent.

    L = -E[sum_t log p(y_t | y_1 .. y_{t-1})] / E[tokens]        p(y_t | ...) = softmax((W h_t + b) / temperature)

What GANs for text are compared with, and what most of them begin with. Tokens (B, T) int64; END, token 0, ends a text.
A text is drawn token by token: each of the first T latents (B, latent_size), through the normal distribution's
function, is a point in (0, 1), and the token is the one into whose share of the probability it falls. So a seed is
always the same text, and a lower temperature moves each choice towards the likeliest token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register, single_network
from gan_core.knobs import HParams, knob
from gan_core.layers.text import TextGenerator
from gan_core.objectives.language import Likelihood, LikelihoodHParams


@dataclass(frozen=True)
class WriterHParams(HParams):
    """The knobs of the generator of every recipe of texts."""

    embedding: int = knob(
        32, 1, 1024, label="Embedding size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the vector that stands for a token.",
    )  # fmt: skip
    hidden: int = knob(
        128, 1, 4096, label="Hidden size", unit="units", change="rebuild", group="networks",
        help="Units of the generator's LSTM: what it can remember of the text so far.",
    )  # fmt: skip
    temperature: float = knob(
        1.0, 0.05, 5.0, label="Sampling temperature",
        help="Divides the logits when texts are drawn. Below 1 the likely tokens are chosen more often: fewer mistakes "
        "and less variety. Training doesn't depend on it.",
    )  # fmt: skip


@dataclass(frozen=True)
class TextMleHParams(LikelihoodHParams, WriterHParams):
    """The knobs of the recipe."""


def writer(hparams: Any, spec: DataSpec) -> TextGenerator:
    """The generator for such texts; raises BadValue if there are too few latents."""
    (length,) = spec.fields["tokens"]
    if hparams.latent_size < length:
        raise BadValue(N_LATENTS, wanted=length, given=hparams.latent_size)
    return TextGenerator(len(spec.vocabulary), length, hparams.embedding, hparams.hidden)


N_LATENTS = "Each token is drawn with a number of its own. Set the latent size to at least {wanted}, not {given}."


def draw_text(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Texts (B, T) int64 from latents (B, latent_size)."""
    return cast(TextGenerator, networks["generator"]).draw(latents, hparams.temperature)


def networks(hparams: TextMleHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"generator": writer(hparams, spec)}


DEFAULTS = TextMleHParams(rate=3e-3, beta1=0.9, batch_size=64, ema=0.99)

register(
    Recipe(
        name="text_mle",
        title="Maximum likelihood (LSTM)",
        task="sequence",
        paper="1308.0850",
        year=2013,
        networks=networks,
        objective=lambda hparams: Likelihood(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, embedding=4, hidden=6, latent_size=8, batch_size=4),
        data="arithmetic",
        optimizers=single_network("generator"),
        draw=draw_text,
        equation=lambda hparams: r"L=-\mathbb{E}\Big[\sum_t\log p(y_t\mid y_{1:t-1})\Big]",
        presets=(
            Preset(
                name="arithmetic",
                title="Learning to calculate",
                look_for="In two seconds the texts look like equations. The results become right slowly: a tenth after "
                "300 steps, more than half after 1,500. There is no game: the loss falls and stays low.",
                data="arithmetic", size=8, steps=2_200, seconds=35,
            ),
        ),
    )
)  # fmt: skip
