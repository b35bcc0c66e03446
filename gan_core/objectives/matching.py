"""Learning which sentence belongs to which picture by contrast (CLIP, 2103.00020, figure 3).

    L = (CE(S, 1..B) + CE(S^T, 1..B)) / 2,        S_ij = exp(t) x_i . w_j

x_i and w_j are unit vectors of picture i and of sentence j of a batch, t is learnt. Each picture must find its own
sentence among those of the batch, and each sentence its picture. Of a picture with several sentences `sentences` are
drawn; L is then the mean over the first sentence of all pictures, the second, and so on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.hparams import SingleNetworkHParams
from gan_core.knobs import knob
from gan_core.objectives.augment import uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.supervised import random_affine
from gan_core.objectives.translation import EVALUATE_EVERY, evaluated
from gan_core.ranks import current, integers


@dataclass(frozen=True)
class MatchingHParams(SingleNetworkHParams):
    """The knobs of the objective."""

    augment: float = knob(
        0.0, 0.0, 1.0, label="Augmentation strength", group="objective",
        help="Strength of the random rotation, shear, scaling and translation of training images; 0 turns it off.",
    )  # fmt: skip
    sentences: int = knob(
        1, 1, 64, label="Sentences per picture", group="objective",
        help="Each picture of a batch is compared with this many of its sentences. More teach more in each step, and "
        "cost little, because the picture is encoded only once. At most as many as the data has of each picture.",
    )  # fmt: skip


class Towers(Protocol):
    """The interface of the objective's network: unit vectors of pictures and of sentences, and exp(t)."""

    def of_images(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [-1, 1] -> (B, d)."""

    def of_words(self, tokens: Tensor) -> Tensor:
        """int64 (B, T) -> (B, d)."""

    def scale(self) -> Tensor:
        """exp(t), ()."""


class Matching(Objective[MatchingHParams]):
    """Trains the network `clip`, two `Towers`."""

    def __init__(self, hparams: MatchingHParams) -> None:
        super().__init__()
        self._sentences = hparams.sentences

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Raises BadValue if pictures have fewer sentences than wanted."""
        described = spec.fields["caption"]
        most = described[0] if len(described) == 2 else 1
        if self._sentences > most:
            raise BadValue(
                "The data has {most} sentences of each picture, {wanted} are asked for. Valid: 1 to {most}.",
                most=most, wanted=self._sentences,
            )  # fmt: skip

    def phases(self, hparams: MatchingHParams) -> Sequence[Phase]:
        return [Phase(name="clip", role="discriminator", group="clip", terms=self._terms)]

    def _terms(self, networks: Networks, batch: Batch, context: StepContext[MatchingHParams]) -> dict[str, Tensor]:
        images, count = batch["real"], context.hparams.sentences
        tokens = some_sentences(batch["caption"], count, context.generator)
        if strength := context.hparams.augment:
            images = random_affine(images, uniform(context.generator, images.device), strength)
        images_found, words_found, scale = networks["clip"](images, tokens.flatten(0, 1))  # (S, B, T) -> (S * B, T)
        scaled = scale * current().whole(images_found)
        similarities = [scaled @ current().whole(words).T for words in words_found.chunk(count)]  # S times (B, B)
        context.observe("found_in_batch", (own_rank(similarities[0].detach()) == 0).float())
        return {"contrast": torch.stack([symmetric(similarity) for similarity in similarities]).mean()}

    def after_step(self, context: StepContext[MatchingHParams]) -> None:
        if context.step % EVALUATE_EVERY or not (held_out := context.held_out()):
            return
        with torch.no_grad(), evaluated(context.networks["clip"]) as network:
            towers = cast(Towers, network)
            similarity = towers.of_images(held_out["real"]) @ towers.of_words(held_out["caption"][:, 0].long()).T
        context.observe("found_held_out", (own_rank(similarity) == 0).float())


def symmetric(similarity: Tensor) -> Tensor:
    """The loss of a matrix (B, B) of scaled similarities, with the true pairs on the diagonal."""
    truth = torch.arange(len(similarity), device=similarity.device)
    return (cross_entropy(similarity, truth) + cross_entropy(similarity.T, truth)) / 2


def own_rank(similarity: Tensor) -> Tensor:
    """The number of pictures (rows) that are closer to each sentence (columns) than its own, (B,)."""
    return (similarity > similarity.diagonal()[None]).sum(0)


def one_sentence(captions: Tensor, generator: torch.Generator) -> Tensor:
    """A random one of each item's sentences (B, K, T), int64 (B, t) with the length of the longest.

    Tokens (B, T) are returned as they are.
    """
    return some_sentences(captions, 1, generator)[0]


def some_sentences(captions: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` of each item's sentences (B, K, T), int64 (count, B, t): a random one and those that follow it.

    t is the length of the longest. Tokens (B, T) are returned as they are, (1, B, T).
    """
    if captions.ndim == 2:
        return captions.long()[None]
    items, choices = captions.shape[:2]
    first = integers(choices, items, generator).to(captions.device)
    places = (first + torch.arange(count, device=captions.device)[:, None]) % choices  # (count, B)
    tokens = captions[torch.arange(items, device=captions.device), places].long()
    return tokens[:, :, : max(1, int((tokens != 0).any(1).any(0).sum()))]


def retrieval(images: Tensor, words: Tensor, among: int = 100) -> Mapping[str, float]:
    """Shares of sentences whose picture is first, or among the first five, of `among` pictures; unit vectors (N, d)
    both.

    Items are taken in groups of `among`; by chance the shares are 1 / among and 5 / among.
    """
    groups = [
        own_rank(images[start : start + among] @ words[start : start + among].T)
        for start in range(0, len(images) - among + 1, among)
    ]
    ranks = torch.cat(groups)
    return {"top1": float((ranks < 1).float().mean()), "top5": float((ranks < 5).float().mean())}
