"""Adversarial adaptation of a classifier: the objective of DANN (1505.07818).

    E(f, y, d) = E_a[-log y(f(x))] + E_a,b[-log d(f(x))],   f gets -lambda times the gradient of the second term

(equations 9 to 15, with the gradient reversal layer of section 4.2.) The classes of domain a are known, those of b
aren't; d classifies the domain from the features f, and f is trained so that d can't. Both are trained in one step of
one optimiser, without alternating. lambda grows from 0 to `adaptation` as 2 / (1 + exp(-10 p)) - 1 (section 5.2.2),
where p is the share of `adaptation_steps` that has passed, so that features are useful before they are made alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext

GROWTH = 10.0  # gamma of section 5.2.2


@dataclass(frozen=True)
class AdaptationHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    adaptation: float = knob(
        1.0, 0.0, 10.0, label="Adaptation weight", group="objective",
        help="How strongly the features are made alike in both domains. 0 learns from the first domain only; too large "
        "a weight makes the features forget the classes.",
    )  # fmt: skip
    adaptation_steps: int = knob(
        1000, 1, 10_000_000, label="Steps to full adaptation", unit="steps", group="objective", logarithmic=True,
        clock="adaptation",
        help="The weight grows from 0 over this many steps, half of it within the first ninth.",
    )  # fmt: skip


class Reversed(torch.autograd.Function):
    """The identity, whose gradient is multiplied by -`factor`."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, features: Tensor, factor: float) -> Tensor:
        ctx.factor = factor  # type: ignore[attr-defined]
        return features.view_as(features)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradient, None  # type: ignore[attr-defined]


def reverse(features: Tensor, factor: float) -> Tensor:
    """Returns the features unchanged; their gradient is multiplied by -`factor` (section 4.2)."""
    reversed_: Tensor = Reversed.apply(features, factor)
    return reversed_


def strength(share: float) -> float:
    """lambda, in [0, 1], when a `share` of the steps has passed."""
    return 2 / (1 + math.exp(-GROWTH * min(1.0, share))) - 1


class Adaptation(Objective[AdaptationHParams]):
    """Networks: `features(images)` returns features (B, d) and logits (B, classes), `domain(features)` logits (B,),
    positive for domain a."""

    def phases(self, hparams: AdaptationHParams) -> Sequence[Phase]:
        return [Phase(name="adaptation", role="discriminator", group="adaptation", terms=self._terms)]

    def _of_first_alone(self, network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        """Features (2 B, d) and logits (B, classes) of a network trained only on the first domain, including its batch
        statistics.
        """
        first, logits = network(batch["a"])
        with torch.no_grad():
            second, _ = network.eval()(batch["b"])
        network.train()
        return torch.cat([first.detach(), second]), logits

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[AdaptationHParams]) -> dict[str, Tensor]:
        hparams, known = context.hparams, batch["label"]
        count = len(batch["a"])
        if hparams.adaptation:  # one pass: the statistics of batch normalisation are those of both domains
            features, logits = networks["features"](torch.cat([batch["a"], batch["b"]]))  # (2 B, d), (2 B, classes)
        else:
            features, logits = self._of_first_alone(networks["features"], batch)
        factor = hparams.adaptation * strength(context.steps_of("adaptation") / hparams.adaptation_steps)
        domains = networks["domain"](reverse(features, factor))
        truth = torch.cat([torch.ones(count), torch.zeros(len(domains) - count)]).to(domains)
        context.observe("class_accuracy", (logits[:count].argmax(1) == known).float())
        context.observe("domain_accuracy", ((domains > 0) == (truth > 0)).float())
        return {
            "cross_entropy": cross_entropy(logits[:count], known),
            "domain": binary_cross_entropy_with_logits(domains, truth),
        }
