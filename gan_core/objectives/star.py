"""One generator for all values of an attribute (StarGAN, 1711.09020).

    L_D = L_adv / 2 + l_cls E[-log D_cls(c'|x)] + l_gp E[(|grad D_src| - 1)^2]                      (equations 2, 5, 8)
    L_G = L_adv + l_cls E[-log D_cls(c|G(x, c))] + l_rec E[|x - G(G(x, c), c')|]                    (equations 3, 4, 6)

c' is the value of the attribute that x has, c the one that is wanted. D judges patches, and tells the value from the
whole image.

Differs from the paper: L_adv is halved in L_D, so that the same l_cls and l_gp weigh twice as much in it; wanted values
are drawn uniformly. The penalty is on the gradient of the mean over patches (in the authors' code, of their sum).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss

from gan_core.data.base import DataSpec
from gan_core.errors import UnknownName
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.penalties import gradient_penalty
from gan_core.objectives.translation import (
    LOSSES,
    Translation,
    TranslationHParams,
    discriminator_terms,
    generator_loss,
)
from gan_core.ranks import integers


@dataclass(frozen=True)
class StarHParams(TranslationHParams):
    """The knobs of the objective."""

    loss: str = knob(
        "wasserstein", choices=(*LOSSES, "wasserstein"), label="Loss", group="objective",
        help="Adversarial loss of the discriminator and the generator. The paper uses Wasserstein, which needs the "
        "gradient penalty.",
    )  # fmt: skip
    attribute: str = knob(
        "hair_colour", label="Attribute", change="rebuild", group="objective",
        help="The attribute that the generator changes, by its name; for data with classes, the class is changed.",
    )  # fmt: skip
    class_weight: float = knob(
        1.0, 0.0, 100.0, label="Classification weight", group="objective",
        help="Weight of classifying the attribute's value. At 0 the generator has no reason to change it.",
    )  # fmt: skip
    cycle_weight: float = knob(
        10.0, 0.0, 100.0, label="Cycle consistency weight", group="objective",
        help="Weight of the difference between an image and its translation there and back, which keeps everything "
        "else as it is.",
    )  # fmt: skip
    gradient_penalty: float = knob(
        10.0, 0.0, 1000.0, label="Gradient penalty weight", group="objective",
        help="Weight of the penalty that holds the discriminator's gradient at norm 1 between real and generated "
        "images; 0 turns it off.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        5, 1, 20, label="Discriminator updates", unit="per step", group="objective",
        help="Discriminator updates per step, each on a new batch. The paper uses 5.",
    )  # fmt: skip


def question(hparams: StarHParams, spec: DataSpec) -> tuple[int, int]:
    """The column of the attribute among those of the data, -1 for the class, and its number of values.

    Raises UnknownName for an attribute that the data lack.
    """
    if spec.classes:
        return -1, spec.classes
    names = list(spec.attributes)
    if hparams.attribute not in names:
        raise UnknownName("attribute", hparams.attribute, names)
    return names.index(hparams.attribute), spec.attributes[hparams.attribute]


class Star(Translation[StarHParams]):
    """Networks: `generator(images, values)`, values int64 (B,); `discriminator(images)` returns logits of patches,
    (B, 1, h, w), and of the values, (B, K)."""

    def __init__(self, hparams: StarHParams) -> None:
        super().__init__()
        self._hparams = hparams
        self._column, self._values = -1, 1

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        self._column, self._values = question(self._hparams, spec)

    def phases(self, hparams: StarHParams) -> Sequence[Phase]:
        return (
            Phase(
                name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator,
                repeats=hparams.discriminator_steps, exact=hparams.gradient_penalty > 0,
            ),
            Phase(name="generator", role="generator", group="generator", terms=self._generator),
        )  # fmt: skip

    def _own(self, batch: Batch) -> Tensor:
        """The values that the images of the batch have, (B,)."""
        return batch["label"] if self._column < 0 else batch["attributes"][:, self._column]

    def _wanted(self, batch: Batch, context: StepContext[StarHParams]) -> Tensor:
        return integers(self._values, len(batch["real"]), context.generator).to(batch["real"].device)

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext[StarHParams]) -> dict[str, Tensor]:
        hparams, real, discriminator = context.hparams, batch["real"], networks["discriminator"]
        wanted = self._wanted(batch, context)
        with torch.no_grad():
            fake = networks["generator"](real, wanted)
        of_real, values = discriminator(real)
        of_fake, _ = discriminator(fake)
        context.observe("real", of_real)
        context.observe("fake_before", of_fake)
        context.observe("class_accuracy", values.argmax(1) == self._own(batch))
        terms = discriminator_terms(hparams.loss, of_real, of_fake)
        terms["class_real"] = hparams.class_weight * cross_entropy(values, self._own(batch))
        if hparams.gradient_penalty:

            def critic(images: Tensor) -> Tensor:
                patches, _ = discriminator(images)
                return patches.flatten(1).mean(1)  # type: ignore[no-any-return]

            penalty = gradient_penalty(critic, real, fake, context.generator)
            terms["penalty"] = hparams.gradient_penalty * penalty
        return terms

    def _generator(self, networks: Networks, batch: Batch, context: StepContext[StarHParams]) -> dict[str, Tensor]:
        hparams, real, generator = context.hparams, batch["real"], networks["generator"]
        wanted = self._wanted(batch, context)
        fake = generator(real, wanted)
        logits, values = networks["discriminator"](fake)
        context.observe("fake_after", logits)
        return {
            "adversarial": hparams.adversarial_weight * generator_loss(hparams.loss, logits),
            "class": hparams.class_weight * cross_entropy(values, wanted),
            "cycle": hparams.cycle_weight * l1_loss(generator(fake, self._own(batch)), real),
        }
