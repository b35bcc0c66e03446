"""Attribute classifiers: a network with a logit for every value of every attribute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.models.sampler import Sampler

CHUNK = 128


@dataclass(frozen=True)
class AttributeClassifier:
    """`logits` maps pictures (B, C, H, W) in [-1, 1] to (B, all values), attribute by attribute in order."""

    attributes: Mapping[str, tuple[str, ...]]  # attribute -> its values: {"hat": ("none", "cap")}
    logits: Callable[[Tensor], Tensor]

    @property
    def names(self) -> list[str]:
        """Every value with its attribute, "hat: cap", in the order of the logits."""
        return [f"{name}: {value}" for name, values in self.attributes.items() for value in values]

    def place(self, attribute: str, value: str) -> int:
        """The column of a value; raises BadValue if the classifier doesn't know it."""
        wanted = f"{attribute}: {value}"
        if wanted not in self.names:
            raise BadValue(
                "The attribute classifier doesn't know '{value}'. Valid: {valid}.",
                value=wanted,
                valid=", ".join(self.names),
            )
        return self.names.index(wanted)

    def heads(self, columns: Tensor) -> dict[str, Tensor]:
        """(B, all values) -> for each attribute (B, its values)."""
        widths = [len(values) for values in self.attributes.values()]
        if columns.shape[1] != sum(widths):
            raise BadValue(
                "The attribute classifier returns {given} logits for {wanted} values.",
                given=columns.shape[1],
                wanted=sum(widths),
            )
        return dict(zip(self.attributes, torch.split(columns, widths, 1), strict=True))

    @torch.no_grad()
    def all_logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [-1, 1] -> (N, all values) on the CPU."""
        return torch.cat([self.logits(images[start : start + CHUNK]).cpu() for start in range(0, len(images), CHUNK)])

    def log_odds(self, images: Tensor) -> Tensor:
        """log(p / (1 - p)) of every value within its attribute, (N, all values); a lone value's is its logit."""
        return self._log_odds(self.all_logits(images))

    def log_odds_of(self, images: Tensor) -> Tensor:
        """Like `log_odds`, for all pictures at once, on their device and with gradients."""
        return self._log_odds(self.logits(images))

    def _log_odds(self, columns: Tensor) -> Tensor:
        return torch.cat([_log_odds(head) for head in self.heads(columns).values()], 1)

    def named(self, images: Tensor) -> dict[str, Tensor]:
        """The likeliest value of each attribute, (N,); for a lone value whether it is more likely than not."""
        heads = self.heads(self.all_logits(images))
        return {name: head.argmax(1) if head.shape[1] > 1 else (head[:, 0] > 0).long() for name, head in heads.items()}


def _log_odds(head: Tensor) -> Tensor:
    count = head.shape[1]
    if count == 1:
        return head
    others = [head[:, [other for other in range(count) if other != place]].logsumexp(1) for place in range(count)]
    return head - torch.stack(others, 1)


def attribute_classifier(model: Sampler, attributes: Mapping[str, tuple[str, ...]]) -> AttributeClassifier:
    """A feature net as a classifier of its learnt attributes; raises BadValue if they differ from `attributes`.

    `attributes` names their values in order, as a data set does; for a net trained on classes, `{"class": names}`.
    """
    questions = dict(model.spec.questions)
    if model.recipe.task != "supervised" or questions != {name: len(values) for name, values in attributes.items()}:
        raise BadValue(
            "{recipe} classifies {known}, not {wanted}.",
            recipe=model.recipe.title, known=", ".join(questions) or "-", wanted=", ".join(attributes),
        )  # fmt: skip
    network = model.networks["features"].eval()
    device = next(network.parameters()).device
    return AttributeClassifier(attributes, lambda images: network(images.to(device))[1])
