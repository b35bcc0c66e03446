"""Training whose settings change along half a cosine over a burn-in (2501.05441, appendix; the authors' train.py).

With c(t) = (1 - cos(pi min(1, t / T))) / 2 after t of T images:

    penalty weight   gamma (1 - 0.9 c)         learning rates   rate (1 - 0.75 c)       beta 2   0.9 + (beta2 - 0.9) c
    EMA              half-life h c images, h = B log(0.5) / log(ema)                    augmentation probability   p c
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob, when
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Networks, StepContext

PENALTY_FALL, RATE_FALL = 0.9, 0.75
FIRST_BETA2 = 0.9


@dataclass(frozen=True)
class BurnInHParams(AdversarialHParams):
    """The length of the burn-in, and the end of the augmentation."""

    burn_in_kimg: float = knob(
        0.0, 0.0, 1e6, label="Burn-in", unit="thousand images", change="rebuild", group="optimiser",
        help="Over this many thousand images the penalty weight falls to a tenth and the learning rates to a quarter, "
        "while beta 2 and the EMA rise to their values. 0 keeps all of them constant. The paper uses 20,000.",
    )  # fmt: skip
    augment_probability: float = knob(
        0.3, 0.0, 1.0, label="Final augmentation probability", group="stabilisers",
        acts_when=when(augment=("adaptive",)),
        help="With adaptive augmentation, the probability rises to this value during the burn-in. Without a burn-in it "
        "follows the ADA target.",
    )  # fmt: skip


class BurnIn(Adversarial[BurnInHParams]):
    """The adversarial objective with a burn-in."""

    def __init__(self, hparams: BurnInHParams) -> None:
        super().__init__(hparams)
        self.burn_in = 1000 * hparams.burn_in_kimg  # images
        self._progress = 1.0

    def schedule(self, networks: Networks, hparams: BurnInHParams, images_seen: int) -> dict[str, float]:
        if not self.burn_in:
            return {}
        self._progress = c = progress(images_seen, self.burn_in)
        return {
            "penalty_weight": hparams.penalty_weight * (1 - PENALTY_FALL * c),
            "rate": 1 - RATE_FALL * c,
            "beta2": FIRST_BETA2 + (hparams.beta2 - FIRST_BETA2) * c,
            "ema": shortened(hparams.ema, c),
        }

    def penalty_weight(self, hparams: BurnInHParams) -> float:
        return hparams.penalty_weight * (1 - PENALTY_FALL * self._progress) if self.burn_in else hparams.penalty_weight

    def adapt_augmentation(self, context: StepContext[BurnInHParams]) -> None:
        if not self.burn_in:
            return super().adapt_augmentation(context)
        self.strength.probability.fill_(context.hparams.augment_probability * self._progress)


def progress(images: float, whole: float) -> float:
    """c(t), from 0 to 1."""
    return (1 - math.cos(math.pi * min(1.0, images / whole))) / 2


def shortened(decay: float, share: float) -> float:
    """The EMA decay with `share` of the half-life of `decay`: decay^(1 / share), 0 for a share of 0."""
    return float(decay ** (1 / share)) if share and decay else 0.0
