"""How a generator writes texts: the probabilities of each token, and a discriminator's expectation at each position.

choices = explain(sampler, seed=3, temperature=0.8)      one for each token of one text
expected(sampler, discriminator, tokens)                 D's expected judgement after each token
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.tokens import END, decode, encode
from gan_core.errors import BadValue
from gan_core.layers.text import TextDiscriminator, TextGenerator, as_uniform, said
from gan_core.models.sampler import Sampler
from gan_core.objectives.language import values

SEED = 0
ROLLOUTS = 16
LEAST, MOST = 0.05, 5.0  # temperatures


@dataclass(frozen=True)
class Choice:
    """One token and its `probabilities` (V,) in the order of the vocabulary; `point` in (0, 1) is the random number
    that chose it, if it was drawn.
    """

    token: int
    probabilities: np.ndarray
    point: float | None = None

    def likeliest(self, count: int) -> list[tuple[int, float]]:
        """The likeliest tokens with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(int(token), float(self.probabilities[token])) for token in order]


def generator_of(sampler: Sampler) -> TextGenerator:
    """The text generator of a model; raises BadValue if it has none."""
    network = sampler.networks.get("generator")
    if not isinstance(network, TextGenerator):
        raise BadValue("{recipe} doesn't write texts.", recipe=sampler.recipe.title)
    return network


def check_temperature(temperature: float) -> float:
    """Raises BadValue for an invalid temperature."""
    if not LEAST <= temperature <= MOST:
        raise BadValue(
            "The temperature must be between {low} and {high}, got {value}.", low=LEAST, high=MOST, value=temperature
        )
    return temperature


@torch.no_grad()
def texts(sampler: Sampler, count: int, seed: int, temperature: float = 1.0) -> Tensor:
    """Draws `count` texts (count, T) from a seed at a temperature; raises BadValue."""
    latents = sampler.latents(count, seed)[0]
    return generator_of(sampler).draw(latents, check_temperature(temperature))


@torch.no_grad()
def explain(sampler: Sampler, seed: int, temperature: float = 1.0) -> list[Choice]:
    """How the first text of a seed was drawn, up to its end; raises BadValue."""
    text = texts(sampler, 1, seed, temperature)[0]
    points = as_uniform(sampler.latents(1, seed)[0][0])[: len(text)]
    return _choices(sampler, text, temperature, points)


@torch.no_grad()
def read(sampler: Sampler, text: str, temperature: float = 1.0) -> list[Choice]:
    """The probability of each token of a given text; raises BadValue for an empty text, one that is too long, or
    unknown tokens.
    """
    (length,) = sampler.spec.fields["tokens"]
    tokens = torch.from_numpy(encode(text, sampler.spec.vocabulary, length))
    return _choices(sampler, tokens, check_temperature(temperature), None)


def _choices(sampler: Sampler, text: Tensor, temperature: float, points: Tensor | None) -> list[Choice]:
    shares = (generator_of(sampler).logits(text[None])[0] / temperature).softmax(1).numpy()  # (T, V)
    count = int(said(text[None]).sum())
    return [
        Choice(int(text[place]), shares[place], None if points is None else float(points[place]))
        for place in range(count)
    ]


@torch.no_grad()
def expected(
    sampler: Sampler, discriminator: nn.Module, tokens: Sequence[int], rollouts: int = ROLLOUTS
) -> list[float]:
    """D's expected judgement of the completed text after each of its tokens: the mean probability that it is real over
    `rollouts` completions by the generator (SeqGAN's action values). The last one is D's judgement of the text.
    """
    generator = generator_of(sampler)
    text = torch.full((1, generator.length), END)
    text[0, : len(tokens)] = torch.tensor(list(tokens), dtype=torch.int64)
    shape = (1, rollouts, generator.length - 1, generator.length)
    points = torch.rand(shape, generator=torch.Generator().manual_seed(SEED))
    found = values(generator, cast(TextDiscriminator, discriminator), text, points)[0]
    return [float(one) for one in found[: max(1, min(len(tokens), generator.length) - 1)]] + [float(found[-1])]


def surprise(choices: Sequence[Choice]) -> float:
    """The mean of -log p over the tokens, in nats."""
    return float(-np.mean([np.log(max(float(one.probabilities[one.token]), 1e-12)) for one in choices]))


def written(sampler: Sampler, choices: Sequence[Choice]) -> str:
    """The text that choices form."""
    return decode(np.array([one.token for one in choices]), sampler.spec.vocabulary)
