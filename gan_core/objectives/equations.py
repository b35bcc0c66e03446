"""The objective of the present settings as LaTeX: the loss, in its relativistic form where chosen, and the penalty."""

from __future__ import annotations

from gan_core.hparams import AdversarialHParams
from gan_core.objectives.losses import losses

_PENALTIES = {
    "gradient_penalty": r"\lambda\,\mathbb{E}\big[(\lVert\nabla f(u)\rVert-1)^2\big],\ u\in[G(z),x]",
    "one_sided_gradient_penalty": r"\lambda\,\mathbb{E}\big[\max(0,\lVert\nabla f(u)\rVert-1)^2\big],\ u\in[G(z),x]",
    "divergence": r"\lambda\,\mathbb{E}\big[\lVert\nabla f(u)\rVert^6\big],\ u\in[G(z),x]",
    "r1": r"\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(x)\rVert^2\big]",
    "r2": r"\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(G(z))\rVert^2\big]",
    "r1_r2": r"\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(x)\rVert^2+\lVert\nabla D(G(z))\rVert^2\big]",
    "dragan": r"\lambda\,\mathbb{E}\big[(\lVert\nabla D(x+\delta)\rVert-1)^2\big]",
}


def adversarial_equation(hparams: AdversarialHParams) -> str:
    """The equation of both players' losses."""
    equation = losses[hparams.loss].formula(hparams.relativistic)
    if hparams.penalty == "none":
        return equation
    discriminator, separator, others = equation.partition(r"\qquad ")
    return f"{discriminator}+{_PENALTIES[hparams.penalty]}{separator}{others}"
