"""Two autoencoders in equilibrium (BEGAN, 1703.10717, section 3.4).

    L_D = E[L(x)] - k_t E[L(G(z))]        L_G = E[L(G(z))]
    k_{t+1} = k_t + lambda (gamma E[L(x)] - E[L(G(z))]),  in [0, 1]
    M = E[L(x)] + |gamma E[L(x)] - E[L(G(z))]|

L is the error of the discriminator's reconstruction. gamma in [0, 1], the diversity ratio, is the wanted ratio of the
two errors: the balance k_t maintains it by weighting the fakes in the discriminator's loss. M measures convergence over
the whole run: unlike the losses, it falls as samples improve. It is recorded as `convergence`, and k_t as `balance`.

The logit of an image is minus its error, so that the other losses and all stabilisers work with it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gan_core.hparams import LOSSES
from gan_core.knobs import knob, when
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import StepContext
from gan_core.objectives.energy import AutoencoderHParams
from gan_core.objectives.losses import AdversarialLoss, equilibrium_discriminator, linear_generator, losses
from gan_core.ranks import batch_mean

EQUATION = r"L_D=\mathbb{E}[L(x)]-k_t\,\mathbb{E}[L(G(z))]\qquad L_G=\mathbb{E}[L(G(z))]"


@dataclass(frozen=True)
class EquilibriumHParams(AutoencoderHParams):
    """The knobs of the objective."""

    loss: str = knob(
        "equilibrium", choices=(*LOSSES, "equilibrium"), label="Loss", group="objective",
        help="Equilibrium is the loss of BEGAN; the others take minus the reconstruction error as the logit.",
    )  # fmt: skip
    gamma: float = knob(
        0.5, 0.0, 1.0, label="Diversity ratio", group="objective", acts_when=when(loss=("equilibrium",)),
        help="Wanted ratio of the reconstruction errors of generated and of real images (gamma). Higher: more variety "
        "and more artefacts. Lower: clean samples that are more alike.",
    )  # fmt: skip
    balance_rate: float = knob(
        0.001, 0.0, 1.0, label="Balance rate", group="objective", acts_when=when(loss=("equilibrium",)),
        help="How fast the balance between real and generated images follows the ratio of their errors (lambda). The "
        "paper uses 0.001; short runs need more.",
    )  # fmt: skip


class Equilibrium(Adversarial[EquilibriumHParams]):
    """BEGAN's objective. Networks: those of `Adversarial`; the discriminator returns minus a reconstruction error."""

    balance: Tensor  # k_t

    def __init__(self, hparams: EquilibriumHParams) -> None:
        super().__init__(hparams)
        self.register_buffer("balance", torch.zeros(()))

    def loss(self, hparams: EquilibriumHParams) -> AdversarialLoss:
        if hparams.loss != "equilibrium":
            return losses[hparams.loss]
        return AdversarialLoss(
            title="Equilibrium", equation=EQUATION, generator=linear_generator, probability=False, threshold=None,
            discriminator=partial(equilibrium_discriminator, share=self.balance),
        )  # fmt: skip

    def after_step(self, context: StepContext[EquilibriumHParams]) -> None:
        super().after_step(context)
        if not {"real", "fake_after"} <= context.observed.keys():  # a step of only one player
            return
        real, fake = (-batch_mean(context.observed[name]) for name in ("real", "fake_after"))
        convergence, balance = equilibrium(real, fake, self.balance, context.hparams)
        context.observe("convergence", convergence.reshape(1))
        context.observe("balance", balance.reshape(1))
        self.balance.copy_(balance)


def equilibrium(real: Tensor, fake: Tensor, balance: Tensor, hparams: EquilibriumHParams) -> tuple[Tensor, Tensor]:
    """M and k_{t+1} from the mean errors of real and of generated images and k_t, all scalars."""
    gap = hparams.gamma * real - fake
    return real + gap.abs(), (balance + hparams.balance_rate * gap).clamp(0, 1)
