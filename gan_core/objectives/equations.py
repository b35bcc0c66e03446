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


def adversarial_equation(hparams: AdversarialHParams, generator: str = "") -> str:
    """What the two players minimise; `generator` is LaTeX of further terms of L_G."""
    equation = losses[hparams.loss].formula(hparams.relativistic)
    of_discriminator, of_generator, *definitions = equation.split(r"\qquad ")
    if hparams.penalty != "none":
        of_discriminator += "+" + _PENALTIES[hparams.penalty]
    return r"\qquad ".join([of_discriminator, of_generator + generator, *definitions])
