"""Adversarial losses as pure functions of logits, in their numerically stable form.

Each loss maps the discriminator's logits on real and fake images, each `(B,)`, to named scalar terms that are
minimised; no sigmoid stands in any discriminator. `s` is the one-sided label smoothing (1606.03498, section 3.4).

Relativistic forms (1807.00734) judge differences. With f1, f2 the discriminator's loss on real and on fake logits:

    standard:  L_D = E[f1(C(x) - C(G(z)))]                                          L_G: x and G(z) exchanged
    average:   L_D = E[f1(C(x) - E C(G(z)))] + E[f2(C(G(z)) - E C(x))]              L_G: x and G(z) exchanged

`logistic` is StyleGAN's name for the non-saturating loss: written in logits, with zeta(t) = log(1 + e^t), they are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

Terms = dict[str, Tensor]


def non_saturating_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """-E[(1-s) log D(x) + s log(1-D(x))] and -E[log(1-D(G(z)))], with D = sigmoid(logit) (1406.2661, equation 1)."""
    # softplus(-l) + s * l is the cross-entropy of the logit l with the label 1 - s
    return {"real": softplus(-real).mean() + smoothing * real.mean(), "fake": softplus(fake).mean()}


def non_saturating_generator(fake: Tensor) -> Terms:
    """-E[log D(G(z))], the generator's loss that GAN training uses in practice (1406.2661, section 3)."""
    return {"adversarial": softplus(-fake).mean()}


def minimax_generator(fake: Tensor) -> Terms:
    """E[log(1-D(G(z)))] (1406.2661, equation 1): flat, hence slow, while the discriminator is sure."""
    return {"adversarial": -softplus(fake).mean()}


def least_squares_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """E[(D(x)-b)^2]/2 and E[(D(G(z))-a)^2]/2 with a = 0, b = 1-s (1611.04076, equation 9)."""
    return {"real": 0.5 * (real - (1 - smoothing)).square().mean(), "fake": 0.5 * fake.square().mean()}


def least_squares_generator(fake: Tensor) -> Terms:
    """E[(D(G(z))-c)^2]/2 with c = 1 (1611.04076, equation 9)."""
    return {"adversarial": 0.5 * (fake - 1).square().mean()}


def wasserstein_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """-E[f(x)] and E[f(G(z))]: their sum is minus the estimated distance (1701.07875, equation 3)."""
    return {"real": -real.mean(), "fake": fake.mean()}


def linear_generator(fake: Tensor) -> Terms:
    """-E[f(G(z))], the generator's side of the Wasserstein (1701.07875) and hinge losses (1705.02894)."""
    return {"adversarial": -fake.mean()}


def hinge_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """E[max(0, 1-D(x))] and E[max(0, 1+D(G(z)))] (1705.02894, equation 6)."""
    return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


@dataclass(frozen=True)
class AdversarialLoss:
    """The two sides of one loss, and how its logits are read.

    `probability`: sigmoid(logit) is the discriminator's belief that an image is real. `threshold`: the logit
    above which an image counts as taken for real (None: the score has no such point).
    """

    title: str
    equation: str  # LaTeX
    discriminator: Callable[[Tensor, Tensor, float], Terms]
    generator: Callable[[Tensor], Terms]
    probability: bool
    threshold: float | None
    relative: bool = True  # whether it has a relativistic form

    def discriminator_terms(
        self, real: Tensor, fake: Tensor, smoothing: float = 0.0, relativistic: str = "none"
    ) -> Terms:
        """The discriminator's terms, of plain or relativistic logits."""
        if relativistic == "standard":
            # both terms say the same of a difference, unless the form is not symmetric
            return {"relative": self.discriminator(real - fake, fake - real, smoothing)["real"]}
        if relativistic == "average":
            return self.discriminator(real - fake.mean(), fake - real.mean(), smoothing)
        return self.discriminator(real, fake, smoothing)

    def generator_terms(self, fake: Tensor, real: Tensor | None = None, relativistic: str = "none") -> Terms:
        """The generator's terms; a relativistic loss needs the logits of real images too."""
        if relativistic == "none" or real is None:
            return self.generator(fake)
        if relativistic == "standard":
            return {"adversarial": self.discriminator(fake - real, real - fake, 0.0)["real"]}
        terms = self.discriminator(fake - real.mean(), real - fake.mean(), 0.0)
        return {"adversarial": terms["real"] + terms["fake"]}


_CLASSIC_DISCRIMINATOR = r"L_D=-\mathbb{E}[\log D(x)]-\mathbb{E}[\log(1-D(G(z)))]"

losses: dict[str, AdversarialLoss] = {
    "non_saturating": AdversarialLoss(
        "Non-saturating",
        _CLASSIC_DISCRIMINATOR + r"\qquad L_G=-\mathbb{E}[\log D(G(z))]",
        non_saturating_discriminator, non_saturating_generator, True, 0.0,
    ),
    "minimax": AdversarialLoss(
        "Saturating minimax",
        _CLASSIC_DISCRIMINATOR + r"\qquad L_G=\mathbb{E}[\log(1-D(G(z)))]",
        non_saturating_discriminator, minimax_generator, True, 0.0, False,
    ),
    "logistic": AdversarialLoss(
        "Logistic (softplus)",
        r"L_D=\mathbb{E}[\zeta(-D(x))]+\mathbb{E}[\zeta(D(G(z)))]\qquad L_G=\mathbb{E}[\zeta(-D(G(z)))]",
        non_saturating_discriminator, non_saturating_generator, True, 0.0,
    ),
    "least_squares": AdversarialLoss(
        "Least squares",
        r"L_D=\tfrac12\mathbb{E}[(D(x)-1)^2]+\tfrac12\mathbb{E}[D(G(z))^2]\qquad L_G=\tfrac12\mathbb{E}[(D(G(z))-1)^2]",
        least_squares_discriminator, least_squares_generator, False, 0.5,
    ),
    "wasserstein": AdversarialLoss(
        "Wasserstein",
        r"L_D=\mathbb{E}[f(G(z))]-\mathbb{E}[f(x)]\qquad L_G=-\mathbb{E}[f(G(z))]",
        wasserstein_discriminator, linear_generator, False, None, False,
    ),
    "hinge": AdversarialLoss(
        "Hinge",
        r"L_D=\mathbb{E}[\max(0,1-D(x))]+\mathbb{E}[\max(0,1+D(G(z)))]\qquad L_G=-\mathbb{E}[D(G(z))]",
        hinge_discriminator, linear_generator, False, 0.0,
    ),
}  # fmt: skip
