"""Pictures from sentences: a matching-aware discriminator, conditioning augmentation and a contrastive term.

    L_D = l_real(D(x, w)) + l_fake(D(G(z, w), w)) + m [l_real(D(x, w)) + E l_fake(D(x, w'))]   (1605.05396, algorithm 1)
    L_G = l_generator(D(G(z, w), w)) + k KL(N(mu(w), s(w)^2) | N(0, 1)) + c L_clip(G(z, w), w)  (1612.03242, equation 4)

w is the vector of a sentence, w' those of the other pictures of the batch: a real picture with a wrong sentence is to
be refused. All of them are compared, where the paper takes one: some differ from w in little. The generator sees a
sample of N(mu(w), s(w)^2) in place of w; the KL term is the mean over its dimensions. L_clip is CLIP's loss over the
batch, as in AttnGAN's DAMSM (1711.10485): each picture must find its sentence. CLIP isn't trained here; its vector of a
picture is the last of the discriminator's features. Where the generator attends to words, w carries the vectors of all
words behind the sentence's own (`sentences_of`).

The networks work at half the size for the first `first_kimg` thousand images (stage I), then at the full one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.layers.style import resized
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.losses import losses
from gan_core.objectives.matching import Towers, one_sentence, own_rank, symmetric
from gan_core.objectives.variational import kl_to_normal
from gan_core.ranks import current


@dataclass(frozen=True)
class WordingHParams(AdversarialHParams):
    """The knobs of the objective besides the adversarial ones."""

    wrong_weight: float = knob(
        0.5, 0.0, 100.0, label="Weight of wrong sentences", group="objective",
        help="Weight of the term by which the discriminator learns to refuse real pictures with the sentences of the "
        "other pictures of the batch. At 0 the generator may ignore the words.",
    )  # fmt: skip
    kl_weight: float = knob(
        0.5, 0.0, 100.0, label="Weight of the KL term", group="objective",
        help="Keeps the distribution from which the generator's condition is drawn close to the normal distribution, "
        "so that similar sentences give similar pictures. The term is averaged over the dimensions of the condition.",
    )  # fmt: skip
    words_weight: float = knob(
        1.0, 0.0, 100.0, label="Weight of the contrastive term", group="objective",
        help="Weight of CLIP's loss between generated pictures and their sentences. Larger follows the words more "
        "closely, at the cost of artefacts.",
    )  # fmt: skip
    first_kimg: float = knob(
        60.0, 0.0, 10_000.0, label="Training of stage I", unit="thousand images", change="rebuild", group="growth",
        help="How long pictures of half the size are trained before stage II begins.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.virtual_batch_norm:
            raise BadValue("Virtual batch normalisation cannot be used with generators that follow words.")


class FollowsWords(Protocol):
    """The interface of the generator besides pictures from latents and a sentence's vector."""

    second: Tensor  # (), whether stage II is in use
    words: nn.Module  # tokens (B, T) -> vectors (B, d), or (B, 1 + T, d) if the generator attends to words

    def condition(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the condition, (B, c) each."""


class JudgesWords(Protocol):
    """The interface of the discriminator besides logits (B, L) of pictures with their vectors."""

    second: Tensor
    clip: nn.Module  # frozen, a `matching.Towers`
    head: JudgesPairs


class JudgesPairs(Protocol):
    """The interface of its head, whose features (B, L, d) end with CLIP's vectors."""

    def pairs(self, features: Tensor, vectors: Tensor) -> Tensor:
        """Features (B, L, d) and vectors (N, d) -> logits of each picture with each vector, (B, N, L)."""


class Wording(Adversarial[WordingHParams]):
    """Networks: `generator(latents, vectors)` and `discriminator(images, vectors)`, see the protocols."""

    needs_features = True  # for judging real pictures with wrong sentences, and for CLIP's vectors

    def __init__(self, hparams: WordingHParams) -> None:
        super().__init__(hparams, conditional=True)
        self._first = hparams.first_kimg

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Gives the generator CLIP's text encoder."""
        super().setup(networks, spec)
        clip = _discriminator(networks).clip
        words = clip.get_submodule("words")
        _generator(networks).words.load_state_dict(words.state_dict())

    def schedule(self, networks: Networks, hparams: WordingHParams, images_seen: int) -> dict[str, float]:
        second = images_seen >= 1000 * self._first
        _generator(networks).second.fill_(second)
        _discriminator(networks).second.fill_(second)
        return {"stage": 2.0 if second else 1.0}

    def prepare(self, batch: Batch, context: StepContext[WordingHParams]) -> Batch:
        """The batch with the vector of one of each picture's sentences as the label, (B, d) or (B, 1 + T, d)."""
        if "label" in batch and batch["label"].ndim > 1:
            return batch
        tokens = one_sentence(batch["caption"], context.generator)
        with torch.no_grad():
            vectors = _generator(context.networks).words(tokens)
        return {**batch, "label": vectors}

    def augmented(self, images: Tensor, context: StepContext[WordingHParams]) -> Tensor:
        if not _discriminator(context.networks).second:
            size = images.shape[-1]
            images = resized(resized(images, size // 2), size)
        return super().augmented(images, context)

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[WordingHParams],
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        if not hparams.wrong_weight or hparams.batch_size == 1:
            return {}
        whole = current().whole(batch["label"])
        others = ~current().own(torch.eye(len(whole), dtype=torch.bool, device=whole.device))
        assert real.features is not None
        refused = _discriminator(networks).head.pairs(real.features, whole)[others]  # (b, B, L) -> (b (B - 1), L)
        context.observe("wrong_words", refused)
        right = real.logits.repeat_interleave(len(whole) - 1, 0)
        terms = losses[hparams.loss].discriminator_terms(right, refused, relativistic=hparams.relativistic)
        return {"wrong_words": hparams.wrong_weight * torch.stack(list(terms.values())).sum()}

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[WordingHParams]
    ) -> dict[str, Tensor]:
        hparams, vectors = context.hparams, fakes.labels
        assert vectors is not None
        terms = {}
        mean, log_variance = _generator(networks).condition(vectors)
        terms["kl"] = hparams.kl_weight * kl_to_normal(mean, log_variance) / mean.shape[1]
        if hparams.words_weight:
            assert fake.features is not None
            found = normalize(current().whole(fake.features[:, -1]), dim=1)
            scale = cast(Towers, _discriminator(networks).clip).scale()
            similarity = scale * found @ normalize(current().whole(sentences_of(vectors)), dim=1).T
            context.observe("found_by_words", (own_rank(similarity) == 0).float())
            terms["words"] = hparams.words_weight * symmetric(similarity)
        return terms


def sentences_of(vectors: Tensor) -> Tensor:
    """The vectors of sentences (B, d), or (B, 1 + T, d) with those of the words, zeros after the last."""
    return vectors if vectors.ndim == 2 else vectors[:, 0]


def _generator(networks: Networks) -> FollowsWords:
    return cast(FollowsWords, networks["generator"])


def _discriminator(networks: Networks) -> JudgesWords:
    return cast(JudgesWords, networks["discriminator"])
