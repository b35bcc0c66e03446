"""Mutual information between latent codes and samples (InfoGAN, 1606.03657).

    L_I(G, Q) = E_{c, x ~ G(z, c)}[log Q(c|x)] + H(c)  <=  I(c; G(z, c))                             (equation 5)
    min_{G,Q} max_D V(D, G) - weight * L_I(G, Q)                                                     (equation 6)

The first entries of the latents (B, latent_size) are the codes c: the normal's distribution function maps each of them
to a uniform value in [0, 1], which becomes one of K categories or a value in [-1, 1]. `recogniser` is Q, a separate
network on the discriminator's features; it predicts the codes and is trained in the generator's phase. Each loss term
is minus the weighted bound, so that the bound can be read from it in nats: at most log K for a category.

Differs from the authors' code: the discriminator's layers below Q are trained by the adversarial loss alone, as in
equation 6. Differs from the paper: the Gaussian of a continuous code has a standard deviation of at least e^-3, which
bounds its term. When to use it: unlabelled data with a few clear factors of variation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot, softplus

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob, unless
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Networks, StepContext

LEAST_LOG_DEVIATION = -3.0


@dataclass(frozen=True)
class InformationHParams(AdversarialHParams):
    """The knobs of the codes."""

    categorical_codes: int = knob(
        1, 0, 16, label="Categorical codes", change="rebuild", group="networks",
        help="Number of latent dimensions that select one of several categories.",
    )  # fmt: skip
    categories: int = knob(
        10, 2, 100, label="Categories", change="rebuild", group="networks",
        acts_when=unless(categorical_codes=0),
        help="Number of categories of each categorical code.",
    )  # fmt: skip
    continuous_codes: int = knob(
        2, 0, 16, label="Continuous codes", change="rebuild", group="networks",
        help="Number of latent dimensions that become values in [-1, 1], such as slant and width.",
    )  # fmt: skip
    category_weight: float = knob(
        1.0, 0.0, 100.0, label="Categorical code weight", group="objective",
        acts_when=unless(categorical_codes=0),
        help="Weight of the mutual information between samples and categorical codes. The paper uses 1.",
    )  # fmt: skip
    continuous_weight: float = knob(
        0.1, 0.0, 100.0, label="Continuous code weight", group="objective",
        acts_when=unless(continuous_codes=0),
        help="Weight of the mutual information between samples and continuous codes. The paper uses less than 1, in "
        "proportion to the other terms.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.categorical_codes + self.continuous_codes <= self.latent_size:
            raise BadValue(
                "The number of codes must be between 1 and {most}, the latent size, got {count}.",
                most=self.latent_size, count=self.categorical_codes + self.continuous_codes,
            )  # fmt: skip

    @property
    def code_inputs(self) -> int:
        """Inputs of the generator for `latent_size` latents, with the categories one-hot encoded."""
        return self.latent_size + self.categorical_codes * (self.categories - 1)

    @property
    def code_outputs(self) -> int:
        """Outputs of a recogniser: K logits per categorical code, mean and deviation per continuous code."""
        return self.categorical_codes * self.categories + 2 * self.continuous_codes


@dataclass(frozen=True)
class Codes:
    """The codes of some samples."""

    categories: Tensor  # int64 (B, categorical_codes), 0..K-1
    values: Tensor  # (B, continuous_codes) in [-1, 1]


def codes_of(latents: Tensor, hparams: InformationHParams) -> Codes:
    """The codes in latents (B, latent_size)."""
    ends = hparams.categorical_codes, hparams.categorical_codes + hparams.continuous_codes
    uniform = torch.special.ndtr(latents[:, : ends[1]])
    chosen = (uniform[:, : ends[0]] * hparams.categories).long().clamp(max=hparams.categories - 1)
    return Codes(chosen, 2 * uniform[:, ends[0] :] - 1)


def coded(latents: Tensor, hparams: InformationHParams) -> Tensor:
    """The generator's input: one-hot categories, continuous values and the remaining noise, (B, code_inputs)."""
    codes = codes_of(latents, hparams)
    one_hots = one_hot(codes.categories, hparams.categories).flatten(1)  # (B, n, K) -> (B, n * K)
    noise = latents[:, hparams.categorical_codes + hparams.continuous_codes :]
    return torch.cat([one_hots.to(latents.dtype), codes.values, noise], 1)


def with_codes(
    latents: Tensor, hparams: InformationHParams, categories: Mapping[int, int], values: Mapping[int, float]
) -> Tensor:
    """Latents (B, latent_size) with some codes set, by index; the others are unchanged.

    `with_codes(latents, hparams, {0: 3}, {1: -0.5})` sets the first categorical code to category 3 and the second
    continuous code to -0.5. Raises BadValue for an unknown code, a category outside 0..K-1, a value outside [-1, 1].
    """
    changed = latents.clone()
    for place, category in categories.items():
        if not (0 <= place < hparams.categorical_codes and 0 <= category < hparams.categories):
            raise BadValue(
                "Categorical code {place} cannot be {category}. Valid: codes below {codes}, categories below "
                "{categories}.",
                place=place, category=category, codes=hparams.categorical_codes, categories=hparams.categories,
            )  # fmt: skip
        changed[:, place] = _quantile((category + 0.5) / hparams.categories)
    for place, value in values.items():
        if not (0 <= place < hparams.continuous_codes and -1 <= value <= 1):
            raise BadValue(
                "Continuous code {place} cannot be {value}. Valid: codes below {codes}, values from -1 to 1.",
                place=place, value=value, codes=hparams.continuous_codes,
            )  # fmt: skip
        changed[:, hparams.categorical_codes + place] = _quantile((value + 1) / 2)
    return changed


def _quantile(share: float) -> float:
    """The quantile of the normal distribution, finite at 0 and 1."""
    return float(torch.special.ndtri(torch.tensor(min(max(share, 1e-4), 1 - 1e-4), dtype=torch.float64)))


def category_bound(logits: Tensor, categories: Tensor) -> Tensor:
    """log Q(c|x) + log K in nats, batch mean, summed over codes; logits (B, n, K), categories int64 (B, n)."""
    codes, choices = logits.shape[1:]
    # (B, n, K) -> (B * n, K)
    return codes * (math.log(choices) - cross_entropy(logits.flatten(0, 1), categories.flatten()))


def value_bound(mean: Tensor, log_deviation: Tensor, values: Tensor) -> Tensor:
    """log Q(c|x) + log 2 in nats for a Gaussian Q, batch mean, summed over codes; all (B, n)."""
    distance = (values - mean) / log_deviation.exp()
    likelihood = -0.5 * distance.square() - log_deviation - 0.5 * math.log(2 * math.pi)
    return (likelihood + math.log(2)).sum(1).mean()


class Information(Adversarial[InformationHParams]):
    """InfoGAN's objective. Networks: those of `Adversarial`; `recogniser(features)` returns (B, code_outputs): all
    category logits, then the means of the continuous codes, then their unbounded log standard deviations."""

    needs_features = True

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[InformationHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        codes = codes_of(fakes.latents, hparams)
        sizes = [hparams.categorical_codes * hparams.categories, hparams.continuous_codes, hparams.continuous_codes]
        logits, mean, raw = networks["recogniser"](fake.features).split(sizes, 1)
        terms = {}
        if hparams.categorical_codes:
            logits = logits.unflatten(1, (-1, hparams.categories))  # (B, n * K) -> (B, n, K)
            context.observe("code_accuracy", logits.argmax(2) == codes.categories)
            terms["category"] = -hparams.category_weight * category_bound(logits, codes.categories)
        if hparams.continuous_codes:
            log_deviation = LEAST_LOG_DEVIATION + softplus(raw - LEAST_LOG_DEVIATION)
            terms["value"] = -hparams.continuous_weight * value_bound(mean, log_deviation, codes.values)
        return terms
