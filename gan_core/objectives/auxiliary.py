"""A discriminator that also classifies (ACGAN, 1610.09585, section 3).

    L_S = E[log P(S = real|X_real)] + E[log P(S = fake|X_fake)]                                      (equation 2)
    L_C = E[log P(C = c|X_real)] + E[log P(C = c|X_fake)]                                            (equation 3)

The discriminator maximises L_S + L_C, the generator L_C - L_S; L_S is the adversarial loss that the knobs choose. A
separate network, `classifier`, predicts the class from the discriminator's features. When to use it: labelled data with
few, well separated classes. With many classes it trades variety for samples that are easy to classify (1802.05637).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext


@dataclass(frozen=True)
class AuxiliaryHParams(AdversarialHParams):
    """The knob of the auxiliary classifier."""

    class_weight: float = knob(
        1.0, 0.0, 100.0, label="Classification weight", group="objective",
        help="Weight of the classification loss on real and generated images. The paper uses 1; 0 ignores the classes.",
    )  # fmt: skip


class AuxiliaryClassifier(Adversarial[AuxiliaryHParams]):
    """ACGAN's objective. Networks: those of `Adversarial`, whose generator takes labels and whose discriminator takes
    images only; `classifier(features)` returns class logits (B, classes)."""

    needs_features = True

    def labels(self, batch: Batch, context: StepContext[AuxiliaryHParams]) -> Tensor:
        return batch["label"]

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[AuxiliaryHParams],
    ) -> dict[str, Tensor]:
        assert fakes.labels is not None
        classifier, weight = networks["classifier"], context.hparams.class_weight
        of_real, of_fake = classifier(real.features), classifier(fake.features)
        context.observe("class_accuracy", of_real.argmax(1) == batch["label"])
        return {
            "class_real": weight * cross_entropy(of_real, batch["label"]),
            "class_fake": weight * cross_entropy(of_fake, fakes.labels),
        }

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[AuxiliaryHParams]
    ) -> dict[str, Tensor]:
        assert fakes.labels is not None
        logits = networks["classifier"](fake.features)
        return {"class": context.hparams.class_weight * cross_entropy(logits, fakes.labels)}
