"""Unpaired translation by contrastive learning between input and output patches (CUT, 2007.15651).

    L_NCE(x, y) = mean over layers l and patches s of  -log softmax_j(z_s . k_j / tau)_s
    L_G = w l_generator(D(G(a))) + lambda (L_NCE(a, G(a)) + L_NCE(b, G(b))) / 2

k_j are projections (unit vectors) of the features of input patches in the generator's encoder half, z_s those of output
patches; the patch at the same place is the positive, other patches of the same image are the negatives. The second
term, on images of the target domain, is the identity loss; without it, lambda weighs the first term alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.translation import PatchHParams, Translation, discriminator_terms, generator_loss


@dataclass(frozen=True)
class ContrastiveHParams(PatchHParams):
    """The knobs of the objective."""

    contrast_weight: float = knob(
        1.0, 0.0, 100.0, label="Contrastive loss weight", group="objective",
        help="Weight of the patch-wise contrastive loss (PatchNCE), which ties each output patch to the input patch "
        "at the same place. At 0 the output need not resemble the input.",
    )  # fmt: skip
    contrast_identity: bool = knob(
        True, label="Contrastive identity loss", group="objective",
        help="Also applies the contrastive loss to images of the target domain. CUT uses it, FastCUT does not.",
    )  # fmt: skip
    patches: int = knob(
        256, 2, 4096, label="Patches", unit="per image", group="objective",
        help="Maximum number of patches sampled per layer for the contrastive loss.",
    )  # fmt: skip
    temperature: float = knob(
        0.07, 0.01, 1.0, label="Temperature", group="objective", logarithmic=True,
        help="Temperature of the softmax over patches; lower demands a clearer match.",
    )  # fmt: skip


class Encoder(Protocol):
    """The interface that the objective requires of a generator besides images."""

    def features(self, images: Tensor, places: Sequence[int]) -> list[Tensor]:
        """Outputs of some layers, (B, C, H, W) each."""


class Contrastive(Translation[ContrastiveHParams]):
    """Networks: `generator`, `discriminator`, and `heads`: (layer's number, patches (B, S, C)) -> unit vectors."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__()
        self.places = tuple(places)

    def phases(self, hparams: ContrastiveHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator),
            Phase(name="generator", role="generator", group="generator", terms=self._generator),
        )

    def _discriminator(
        self, networks: Networks, batch: Batch, context: StepContext[ContrastiveHParams]
    ) -> dict[str, Tensor]:
        fake = context.share("fake", lambda: networks["generator"](batch["a"]), "generator").detach()
        real_logits, fake_logits = networks["discriminator"](batch["b"]), networks["discriminator"](fake)
        context.observe("real", real_logits)
        context.observe("fake_before", fake_logits)
        return discriminator_terms(context.hparams.loss, real_logits, fake_logits)

    def _generator(
        self, networks: Networks, batch: Batch, context: StepContext[ContrastiveHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        fake: Tensor = context.shared("fake", lambda: networks["generator"](batch["a"]))
        logits = networks["discriminator"](fake)
        context.observe("fake_after", logits)
        both = hparams.contrast_identity
        weight = hparams.contrast_weight * (0.5 if both else 1.0)
        terms = {
            "adversarial": hparams.adversarial_weight * generator_loss(hparams.loss, logits),
            "contrast": weight * self._contrast(networks, batch["a"], fake, context),
        }
        if both:
            same = networks["generator"](batch["b"])
            terms["contrast_identity"] = weight * self._contrast(networks, batch["b"], same, context)
        return terms

    def _contrast(
        self, networks: Networks, images: Tensor, translated: Tensor, context: StepContext[ContrastiveHParams]
    ) -> Tensor:
        hparams = context.hparams
        encoder, heads = cast(Encoder, networks["generator"]), networks["heads"]
        keys, queries = encoder.features(images, self.places), encoder.features(translated, self.places)
        parts = []
        for layer, (key, query) in enumerate(zip(keys, queries, strict=True)):
            count = key.shape[2] * key.shape[3]
            chosen = torch.randperm(count, generator=context.generator)[: hparams.patches].to(key.device)
            # (B, C, H, W) -> (B, H * W, C) -> (B, S, C)
            known, asked = (part.flatten(2).transpose(1, 2)[:, chosen] for part in (key, query))
            parts.append(patch_loss(heads(layer, asked), heads(layer, known).detach(), hparams.temperature))
        return torch.stack(parts).mean()


def patch_loss(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """InfoNCE: cross-entropy of matching each query to its key within the image; unit vectors (B, S, V) both."""
    similarity = queries @ keys.transpose(1, 2) / temperature  # (B, S, V) -> (B, S, S)
    targets = torch.arange(similarity.shape[1], device=similarity.device).repeat(len(similarity))
    return cross_entropy(similarity.flatten(0, 1), targets)  # (B, S, S) -> (B * S, S)
