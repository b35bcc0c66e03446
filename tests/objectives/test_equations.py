"""The equation that is shown follows the settings."""

from __future__ import annotations

import itertools

import pytest

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import changed, knobs
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


def shown(name: str, **changes: object) -> str:
    recipe = recipes.get(name)
    assert recipe.equation is not None
    return recipe.equation(changed(recipe.hparams, changes))


@pytest.mark.parametrize("settings", [{"loss": "softmax"}, {"relativistic": "average"}, {"penalty": "r1"}])
def test_further_terms_are_the_generators(settings: dict[str, str]) -> None:
    plain, further = adversarial_equation(AdversarialHParams(**settings)), "+w|x|"  # type: ignore[arg-type]
    found = adversarial_equation(AdversarialHParams(**settings), further)  # type: ignore[arg-type]
    assert found.replace(further, "") == plain
    assert [further in part for part in found.split(r"\qquad")][:2] == [False, True]


def test_the_simulators_equation_follows_its_settings() -> None:
    assert shown("worldgan") == (
        r"L_D=-\mathbb{E}[\log D(x,a)]-\mathbb{E}[\log(1-D(x',a))]\qquad "
        r"L_G=-\mathbb{E}[\log D(x',a)]+\lambda_1\lVert x-x'\rVert_1"
    )
    assert shown("worldgan", loss="hinge", penalty="r2", l1_weight=0.0) == (
        r"L_D=\mathbb{E}[\max(0,1-D(x,a))]+\mathbb{E}[\max(0,1+D(x',a))]"
        r"+\tfrac{\lambda}{2}\,\mathbb{E}\big[\lVert\nabla D(x',a)\rVert^2\big]\qquad L_G=-\mathbb{E}[D(x',a)]"
    )


def test_contrastive_weights_are_those_of_the_terms() -> None:
    assert shown("cut").endswith(r"+\tfrac{\lambda}{2}L_{NCE}(a,G(a))+\tfrac{\lambda}{2}L_{NCE}(b,G(b))")
    assert shown("cut", contrast_identity=False).endswith(r"L_G=\mathbb{E}[(D(G(a))-1)^2]+\lambda\,L_{NCE}(a,G(a))")


def test_every_loss_of_bigan_shows_the_encoders() -> None:
    assert shown("bigan").endswith(r"\qquad L_E=w\,\mathbb{E}[-\log(1-D(x,E(x)))]")
    for loss in knobs(AdversarialHParams)["loss"].choices:
        of_encoder = shown("bigan", loss=loss).split(r"\qquad ")[-1]
        assert of_encoder.startswith(r"L_E=w\,")
        assert ("(x,E(x))" in of_encoder) == (loss != "softmax")
    assert shown("bigan", relativistic="average").endswith(r"L_E=w\,L_G")


def test_the_prior_of_vaegan_has_its_weight() -> None:
    assert r"\qquad L_E=\beta\,\mathrm{KL}+\tfrac12" in shown("vaegan")


def test_stargans_discriminator_shows_all_its_terms() -> None:
    of_discriminator, _ = shown("stargan").split(r"\qquad ")
    assert of_discriminator == (
        r"L_D=\tfrac12\mathbb{E}[D(G(x,c))]-\tfrac12\mathbb{E}[D(x)]-\lambda_c\mathbb{E}[\log D(c'|x)]"
        r"+\lambda\,\mathbb{E}[(\lVert\nabla D(u)\rVert-1)^2],\ u\in[G(x,c),x]"
    )
    assert "nabla" not in shown("stargan", gradient_penalty=0.0)
