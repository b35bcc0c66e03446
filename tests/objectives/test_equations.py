"""The equation that is shown follows the settings."""

from __future__ import annotations

import itertools

import pytest

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knobs
from gan_core.objectives.equations import adversarial_equation

CHOICES = [knobs(AdversarialHParams)[name].choices for name in ("loss", "relativistic", "penalty")]


def test_penalty_and_relativistic_form_are_shown() -> None:
    plain = adversarial_equation(AdversarialHParams(loss="hinge"))
    assert plain.endswith(r"L_G=-\mathbb{E}[D(G(z))]")
    penalised = adversarial_equation(AdversarialHParams(loss="hinge", penalty="r1"))
    assert penalised == plain.replace(
        r"\qquad", r"+\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(x)\rVert^2\big]\qquad"
    )
    paired = adversarial_equation(AdversarialHParams(relativistic="standard"))
    assert r"L_D=\mathbb{E}[f_1(C(x)-C(G(z)))]" in paired


@pytest.mark.parametrize(("loss", "relativistic", "penalty"), list(itertools.product(*CHOICES)))
def test_every_setting_has_an_equation_with_balanced_braces(loss: str, relativistic: str, penalty: str) -> None:
    try:
        hparams = AdversarialHParams(loss=loss, relativistic=relativistic, penalty=penalty)
    except BadValue:
        assert relativistic != "none"
        return
    equation = adversarial_equation(hparams)
    assert equation.count("{") == equation.count("}")
    assert equation.count("L_D=") == equation.count("L_G=") == 1
    assert ("nabla" in equation) == (penalty != "none")
