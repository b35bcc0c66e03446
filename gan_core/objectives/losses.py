"""Adversarial losses as pure functions of logits, in their numerically stable form.

Each loss maps the discriminator's logits on real and fake images, each `(B,)`, to named scalar terms that are
minimised; no discriminator ends in a sigmoid. `s` is the one-sided label smoothing (1606.03498, section 3.4).

Relativistic forms (1807.00734) use differences of logits. With f1, f2 the discriminator's loss on real and fake logits:

    standard:  L_D = E[f1(C(x) - C(G(z)))]                                          L_G: x and G(z) swapped
    average:   L_D = E[f1(C(x) - E C(G(z)))] + E[f2(C(G(z)) - E C(x))]              L_G: x and G(z) swapped

Differences are symmetric around 0; therefore relativistic least squares uses the labels 1 and -1 (1807.00734, appendix
on RaLSGAN) instead of 1 and 0.

`logistic` is StyleGAN's name for the non-saturating loss: written in logits, with zeta(t) = log(1 + e^t), they are one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from gan_core.ranks import batch_mean, current

Terms = dict[str, Tensor]
Discriminator = Callable[[Tensor, Tensor, float], Terms]  # logits of real, of fake, label smoothing


def non_saturating_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """-E[(1-s) log D(x) + s log(1-D(x))] and -E[log(1-D(G(z)))], with D = sigmoid(logit) (1406.2661, equation 1)."""
    # softplus(-l) + s * l is the cross-entropy of the logit l with the label 1 - s
    return {"real": softplus(-real).mean() + smoothing * real.mean(), "fake": softplus(fake).mean()}


def non_saturating_generator(fake: Tensor) -> Terms:
    """-E[log D(G(z))], the generator loss used in practice (1406.2661, section 3)."""
    return {"adversarial": softplus(-fake).mean()}


def minimax_generator(fake: Tensor) -> Terms:
    """E[log(1-D(G(z)))] (1406.2661, equation 1): saturates while the discriminator is confident."""
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
    """-E[f(G(z))], the generator loss of Wasserstein (1701.07875) and hinge GANs (1705.02894)."""
    return {"adversarial": -fake.mean()}


def hinge_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """E[max(0, 1-D(x))] and E[max(0, 1+D(G(z)))] (1705.02894, equation 6)."""
    return {"real": relu(1 - real).mean(), "fake": relu(1 + fake).mean()}


def boundary_seeking_generator(fake: Tensor) -> Terms:
    """E[(log D(G(z)) - log(1-D(G(z))))^2]/2, the squared logit: samples seek the boundary D = 1/2 (1702.08431).

    With the standard discriminator, whose logit is the logarithm of the ratio of the two densities.
    """
    return {"adversarial": 0.5 * fake.square().mean()}


def _log_partition(real: Tensor, fake: Tensor) -> Tensor:
    """log Z of the whole batch, real and generated: log sum exp of all logits (1704.06191, section 3)."""
    ranks = current()
    return torch.logsumexp(torch.cat([ranks.whole(real), ranks.whole(fake)]), 0).mean()  # over several heads


def softmax_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """-E[l(x)] + log Z: the cross-entropy of a softmax over the batch, with all mass on the real images (1704.06191,
    section 3, with l = -mu).
    """
    return {"real": -real.mean(), "partition": _log_partition(real, fake)}


def softmax_generator(fake: Tensor, real: Tensor) -> Terms:
    """-(E[l(x)] + E[l(G(z))])/2 + log Z: the mass is spread evenly over real and generated (1704.06191, section 3).

    Both halves have the same number of items.
    """
    mean = 0.5 * (batch_mean(real) + batch_mean(fake))
    return {"adversarial": _log_partition(real, fake) - mean}


def energy_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0, *, margin: float) -> Terms:
    """E[D(x)] and E[max(0, m - D(G(z)))] of energies D >= 0, given as logits -D (1609.03126, section 2.2)."""
    return {"real": -real.mean(), "fake": relu(margin + fake).mean()}


def equilibrium_discriminator(real: Tensor, fake: Tensor, smoothing: float = 0.0, *, share: Tensor) -> Terms:
    """E[L(x)] and -k E[L(G(z))] of errors L >= 0, given as logits -L; `share` is k_t (1703.10717, section 3.4)."""
    return {"real": -real.mean(), "fake": share * fake.mean()}


def relative_least_squares(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Terms:
    """E[(t-b)^2]/2 and E[(t-a)^2]/2 of differences t, with a = -1, b = 1-s (1807.00734)."""
    return {"real": 0.5 * (real - (1 - smoothing)).square().mean(), "fake": 0.5 * (fake + 1).square().mean()}


@dataclass(frozen=True)
class Relative:
    """A loss of differences of logits, for the relativistic forms."""

    discriminator: Discriminator
    above: str  # LaTeX of f1(t), for differences that should be large
    below: str  # LaTeX of f2(t), for those that should be small


@dataclass(frozen=True)
class AdversarialLoss:
    """The discriminator's and the generator's side of a loss, and how its logits are interpreted.

    `probability`: sigmoid(logit) is the probability that an image is real. `threshold`: the logit above which an image
    counts as classified real (None: the score has no decision boundary). `relative`: the loss of differences, for
    losses that have a relativistic form. `compares`: the generator's side takes the logits of fake and of real images.
    """

    title: str
    equation: str  # LaTeX
    discriminator: Discriminator
    generator: Callable[..., Terms]
    probability: bool
    threshold: float | None
    relative: Relative | None = None
    compares: bool = False

    def discriminator_terms(
        self, real: Tensor, fake: Tensor, smoothing: float = 0.0, relativistic: str = "none"
    ) -> Terms:
        """The discriminator's terms; `relativistic` is none, standard or average."""
        if relativistic == "none":
            return self.discriminator(real, fake, smoothing)
        form = self._relative().discriminator
        if relativistic == "standard":
            # the two terms of a pair are equal
            return {"relative": form(real - fake, fake - real, smoothing)["real"]}
        return form(real - batch_mean(fake), fake - batch_mean(real), smoothing)

    def generator_terms(self, fake: Tensor, real: Tensor | None = None, relativistic: str = "none") -> Terms:
        """The generator's terms; a loss that compares needs the logits of real images too."""
        if relativistic == "none" and not self.compares:
            return self.generator(fake)
        if real is None:
            raise ValueError("this loss compares with the logits of real images")
        if relativistic == "none":
            return self.generator(fake, real)
        form = self._relative().discriminator
        if relativistic == "standard":
            return {"adversarial": form(fake - real, real - fake, 0.0)["real"]}
        terms = form(fake - batch_mean(real), real - batch_mean(fake), 0.0)
        return {"adversarial": terms["real"] + terms["fake"]}

    def formula(self, relativistic: str = "none") -> str:
        """The equation of the plain or of a relativistic form, in LaTeX."""
        if relativistic == "none" or self.relative is None:
            return self.equation
        definition = rf"f_1(t)={self.relative.above}"
        if relativistic == "standard":
            players = r"L_D=\mathbb{E}[f_1(C(x)-C(G(z)))]\qquad L_G=\mathbb{E}[f_1(C(G(z))-C(x))]"
            return rf"{players}\qquad {definition}"
        players = (
            r"L_D=\mathbb{E}[f_1(C(x)-\mathbb{E}C(G(z)))]+\mathbb{E}[f_2(C(G(z))-\mathbb{E}C(x))]\qquad "
            r"L_G=\mathbb{E}[f_1(C(G(z))-\mathbb{E}C(x))]+\mathbb{E}[f_2(C(x)-\mathbb{E}C(G(z)))]"
        )
        return rf"{players}\qquad {definition},\ f_2(t)={self.relative.below}"

    def _relative(self) -> Relative:
        if self.relative is None:
            raise ValueError(f"the loss {self.title} has no relativistic form")
        return self.relative


_CLASSIC_DISCRIMINATOR = r"L_D=-\mathbb{E}[\log D(x)]-\mathbb{E}[\log(1-D(G(z)))]"
_LOGISTIC_DIFFERENCE = Relative(
    discriminator=non_saturating_discriminator, above=r"\log(1+e^{-t})", below=r"\log(1+e^{t})"
)

losses: dict[str, AdversarialLoss] = {
    "non_saturating": AdversarialLoss(
        title="Non-saturating",
        equation=_CLASSIC_DISCRIMINATOR + r"\qquad L_G=-\mathbb{E}[\log D(G(z))]",
        discriminator=non_saturating_discriminator, generator=non_saturating_generator,
        probability=True, threshold=0.0, relative=_LOGISTIC_DIFFERENCE,
    ),
    "minimax": AdversarialLoss(
        title="Saturating minimax",
        equation=_CLASSIC_DISCRIMINATOR + r"\qquad L_G=\mathbb{E}[\log(1-D(G(z)))]",
        discriminator=non_saturating_discriminator, generator=minimax_generator, probability=True, threshold=0.0,
    ),
    "logistic": AdversarialLoss(
        title="Logistic (softplus)",
        equation=r"L_D=\mathbb{E}[\zeta(-D(x))]+\mathbb{E}[\zeta(D(G(z)))]\qquad L_G=\mathbb{E}[\zeta(-D(G(z)))]",
        discriminator=non_saturating_discriminator, generator=non_saturating_generator,
        probability=True, threshold=0.0, relative=_LOGISTIC_DIFFERENCE,
    ),
    "least_squares": AdversarialLoss(
        title="Least squares",
        equation=r"L_D=\tfrac12\mathbb{E}[(D(x)-1)^2]+\tfrac12\mathbb{E}[D(G(z))^2]"
        r"\qquad L_G=\tfrac12\mathbb{E}[(D(G(z))-1)^2]",
        discriminator=least_squares_discriminator, generator=least_squares_generator, probability=False, threshold=0.5,
        relative=Relative(discriminator=relative_least_squares, above=r"\tfrac12(t-1)^2", below=r"\tfrac12(t+1)^2"),
    ),
    "wasserstein": AdversarialLoss(
        title="Wasserstein",
        equation=r"L_D=\mathbb{E}[f(G(z))]-\mathbb{E}[f(x)]\qquad L_G=-\mathbb{E}[f(G(z))]",
        discriminator=wasserstein_discriminator, generator=linear_generator, probability=False, threshold=None,
    ),
    "hinge": AdversarialLoss(
        title="Hinge",
        equation=r"L_D=\mathbb{E}[\max(0,1-D(x))]+\mathbb{E}[\max(0,1+D(G(z)))]\qquad L_G=-\mathbb{E}[D(G(z))]",
        discriminator=hinge_discriminator, generator=linear_generator, probability=False, threshold=0.0,
        relative=Relative(discriminator=hinge_discriminator, above=r"\max(0,1-t)", below=r"\max(0,1+t)"),
    ),
    "boundary_seeking": AdversarialLoss(
        title="Boundary seeking",
        equation=_CLASSIC_DISCRIMINATOR + r"\qquad L_G=\tfrac12\mathbb{E}[(\log D(G(z))-\log(1-D(G(z))))^2]",
        discriminator=non_saturating_discriminator, generator=boundary_seeking_generator,
        probability=True, threshold=0.0,
    ),
    "softmax": AdversarialLoss(
        title="Softmax",
        equation=r"L_D=-\mathbb{E}[D(x)]+\log Z\qquad L_G=-\tfrac12\mathbb{E}[D(x)]-\tfrac12\mathbb{E}[D(G(z))]+\log Z"
        r",\ Z=\textstyle\sum_{u\in B}e^{D(u)}",
        discriminator=softmax_discriminator, generator=softmax_generator, probability=False, threshold=None,
        compares=True,
    ),
}  # fmt: skip


def score_metrics(loss: AdversarialLoss, observed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Scores (K,) from logits of K steps, (K, ...) each, and the discriminator's accuracy if the loss defines one.

    For separate objectives; those derived from `Adversarial` have more metrics.
    """
    flat = {name: values.flatten(1) for name, values in observed.items()}  # (K, ...) -> (K, scores)
    metrics = {f"score/{name}": (v.sigmoid() if loss.probability else v).mean(1) for name, v in flat.items()}
    if loss.threshold is not None and {"real", "fake_before"} <= flat.keys():
        right = (flat["real"] > loss.threshold).float().mean(1)
        metrics["accuracy"] = (right + (flat["fake_before"] <= loss.threshold).float().mean(1)) / 2
    return metrics
