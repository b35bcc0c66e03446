"""Discriminators that are autoencoders: their reconstruction error is an energy (EBGAN, 1609.03126).

    L_D = E[D(x)] + E[max(0, m - D(G(z)))]        L_G = E[D(G(z))] + w f_PT                            (section 2.2)
    f_PT(S) = 1/(N (N - 1)) sum_i sum_{j != i} (S_i . S_j / (|S_i| |S_j|))^2                             (section 2.4)

D(x) is the error of x's reconstruction, so that low energy lies around the data; m is the margin up to which the energy
of fakes is raised. f_PT, the pulling-away term, is the mean squared cosine of the codes S (N, code_size) of a batch of
samples: 1 if all have the same direction, about 1 / code_size for random ones.

The logit of an image is minus its energy, so that the other losses and all stabilisers work with it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gan_core.errors import BadValue
from gan_core.hparams import LOSSES, AdversarialHParams
from gan_core.knobs import knob, when
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Networks, StepContext
from gan_core.objectives.losses import AdversarialLoss, energy_discriminator, linear_generator, losses
from gan_core.ranks import current

EQUATION = r"L_D=\mathbb{E}[D(x)]+\mathbb{E}[\max(0,m-D(G(z)))]\qquad L_G=\mathbb{E}[D(G(z))]"
N_NO_MINIBATCH = (
    "A discriminator that reconstructs judges each image by itself, so it takes no minibatch layer. Valid: none."
)


@dataclass(frozen=True)
class AutoencoderHParams(AdversarialHParams):
    """The common knobs of all discriminators that reconstruct."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minibatch != "none":
            raise BadValue(N_NO_MINIBATCH)


@dataclass(frozen=True)
class EnergyHParams(AutoencoderHParams):
    """The knobs of the objective."""

    loss: str = knob(
        "energy", choices=(*LOSSES, "energy"), label="Loss", group="objective",
        help="Energy with a margin is the loss of EBGAN; the others take minus the reconstruction error as the logit.",
    )  # fmt: skip
    margin: float = knob(
        0.3, 0.0, 10.0, label="Margin", group="objective", acts_when=when(loss=("energy",)),
        help="Reconstruction error, per pixel, up to which the discriminator raises that of generated images. Too "
        "small: samples are not pushed far enough towards the data. Too large: the discriminator wins.",
    )  # fmt: skip
    pulling_away: float = knob(
        0.1, 0.0, 100.0, label="Pulling-away weight", group="objective",
        help="Weight of the squared cosines between the codes of a batch's samples, which keeps samples different. The "
        "paper uses 0.1; 0 turns it off.",
    )  # fmt: skip


def pulling_away(codes: Tensor) -> Tensor:
    """Mean squared cosine of all pairs of codes (N, d) of the whole batch (1609.03126, section 2.4); in [0, 1]."""
    units = normalize(current().whole(codes.flatten(1)), dim=1)
    cosines = units @ units.T  # (N, N)
    count = len(units)
    return (cosines.square().sum() - cosines.diagonal().square().sum()) / (count * (count - 1))


def margin_loss(margin: float) -> AdversarialLoss:
    """The loss of EBGAN on logits that are minus an energy."""
    return AdversarialLoss(
        title="Energy with a margin", equation=EQUATION, discriminator=partial(energy_discriminator, margin=margin),
        generator=linear_generator, probability=False, threshold=None,
    )  # fmt: skip


class Energy(Adversarial[EnergyHParams]):
    """EBGAN's objective. Networks: those of `Adversarial`; the discriminator returns minus an energy, and the input of
    its `head`, the decoder, is the code (B, code_size)."""

    needs_features = True

    def loss(self, hparams: EnergyHParams) -> AdversarialLoss:
        return margin_loss(hparams.margin) if hparams.loss == "energy" else losses[hparams.loss]

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[EnergyHParams]
    ) -> dict[str, Tensor]:
        if not context.hparams.pulling_away:
            return {}
        assert isinstance(fake.features, torch.Tensor)
        return {"pulling_away": context.hparams.pulling_away * pulling_away(fake.features)}
