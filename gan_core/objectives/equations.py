"""The objective of the present settings as LaTeX: loss, relativistic form, penalty."""

from __future__ import annotations

from gan_core.hparams import AdversarialHParams
from gan_core.objectives.losses import losses

_REAL = {  # f1(t): the discriminator's loss on a real logit t; its loss on a fake one is f2(t)
    "non_saturating": (r"-\log\sigma({t})", r"-\log\sigma(-({t}))"),
    "logistic": (r"\zeta(-({t}))", r"\zeta({t})"),
    "least_squares": (r"\tfrac12({t}-1)^2", r"\tfrac12({t})^2"),
    "hinge": (r"\max(0,1-({t}))", r"\max(0,1+{t})"),
}
_REAL_SCORE, _FAKE_SCORE = "C(x)", "C(G(z))"
_PENALTIES = {
    "gradient_penalty": r"\lambda\,\mathbb{E}\big[(\lVert\nabla f(u)\rVert-1)^2\big],\ u\in[G(z),x]",
    "one_sided_gradient_penalty": r"\lambda\,\mathbb{E}\big[\max(0,\lVert\nabla f(u)\rVert-1)^2\big],\ u\in[G(z),x]",
    "r1": r"\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(x)\rVert^2\big]",
    "r2": r"\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(G(z))\rVert^2\big]",
    "dragan": r"\lambda\,\mathbb{E}\big[(\lVert\nabla D(x+\delta)\rVert-1)^2\big]",
}


def adversarial_equation(hparams: AdversarialHParams) -> str:
    """What the two players minimise."""
    equation = losses[hparams.loss].equation if hparams.relativistic == "none" else _relativistic(hparams)
    if hparams.penalty != "none":
        discriminator, separator, generator = equation.partition(r"\qquad ")
        equation = f"{discriminator}+{_PENALTIES[hparams.penalty]}{separator}{generator}"
    return equation


def _relativistic(hparams: AdversarialHParams) -> str:
    sides = (_REAL_SCORE, _FAKE_SCORE), (_FAKE_SCORE, _REAL_SCORE)
    discriminator, generator = (_terms(hparams, *side) for side in sides)
    return rf"L_D={discriminator}\qquad L_G={generator}"


def _terms(hparams: AdversarialHParams, more: str, less: str) -> str:
    """The loss that wants `more` to look more real than `less`."""
    first, second = _REAL[hparams.loss]
    if hparams.relativistic == "standard":
        return rf"\mathbb{{E}}[{first.format(t=f'{more}-{less}')}]"
    one = first.format(t=rf"{more}-\mathbb{{E}}{less}")
    other = second.format(t=rf"{less}-\mathbb{{E}}{more}")
    return rf"\mathbb{{E}}[{one}]+\mathbb{{E}}[{other}]"
