"""Knobs: ranges, types, parsing of what users type, and the difference between two sets."""

from __future__ import annotations

from typing import Any

import pytest

from gan_core.errors import BadValue, UnknownName
from gan_core.gans import Recipe, recipes
from gan_core.gans.cgan import CganHParams
from gan_core.gans.mlp_gan import MlpHParams
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, differences, knobs, to_dict


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be between 2 and 1024, got 0"),
        ({"batch_size": 2.5}, "batch_size must be a whole number"),
        ({"batch_size": "many"}, "batch_size must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number"),
        ({"generator_rate": float("nan")}, "generator_rate must be between"),
        ({"optimizer": "adamw"}, "Valid: adam, rmsprop, sgd"),
        ({"generator_widths": ()}, "must be a list"),
        ({"generator_widths": (0, 8)}, "must be between 1 and 8192"),
        ({"generator_widths": "a,b"}, "such as 256,512"),
        ({"batch_norm": "maybe"}, "true or false"),
    ],
)
def test_bad_values_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(BadValue) as caught:
        changed(MlpHParams(), changes)
    assert complaint in str(caught.value)


def test_an_unknown_knob_lists_the_nearest_first() -> None:
    with pytest.raises(UnknownName, match="Valid: batch_size, "):
        changed(TrainingHParams(), {"batchsize": 3})


def test_text_is_parsed_by_type() -> None:
    hparams = changed(
        MlpHParams(),
        {"generator_widths": "64-32", "batch_norm": "yes", "generator_rate": "3e-4", "seed": "7", "loss": "hinge"},
    )
    assert hparams.generator_widths == (64, 32)
    assert hparams.batch_norm is True
    assert (hparams.generator_rate, hparams.seed, hparams.loss) == (3e-4, 7, "hinge")


def test_plain_values_and_back() -> None:
    hparams = MlpHParams(generator_widths=(3, 4), beta1=0.25)
    assert changed(MlpHParams(), to_dict(hparams)) == hparams
    assert differences(MlpHParams(), hparams) == {"generator_widths": (3, 4), "beta1": 0.25}


def test_a_knob_says_when_it_acts() -> None:
    described = knobs(MlpHParams)
    off = to_dict(MlpHParams())
    assert described["batch_size"].acts(off)
    assert not described["penalty_weight"].acts(off)
    assert described["penalty_weight"].acts({**off, "penalty": "r1"})
    assert not described["decay_rate"].acts({**off, "schedule": "linear"})
    assert described["decay_rate"].acts({**off, "schedule": "exponential"})
    assert not described["slope"].acts({**off, "activation": "relu"})


def test_conditions_on_knobs_that_a_recipe_lacks_are_met() -> None:
    """A perceptron's widths apply in a recipe without a choice of architecture, and in one that has chosen it."""
    described = knobs(CganHParams)
    perceptron, convolutional = ({"body": body} for body in ("mlp", "dcgan"))
    assert described["generator_widths"].acts({})
    assert described["generator_widths"].acts(perceptron)
    assert not described["generator_widths"].acts(convolutional)
    assert not described["channels"].acts(perceptron)
    assert described["channels"].acts(convolutional)


class Asked(dict[str, Any]):
    """No values; records the names that were requested."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[object] = set()

    def __contains__(self, name: object) -> bool:
        self.names.add(name)
        return False


@pytest.mark.parametrize("recipe", recipes, ids=lambda recipe: recipe.name)
def test_conditions_name_knobs(recipe: Recipe) -> None:
    """A condition refers to knobs of some recipe, so that a misspelt name is found."""
    asked = Asked()
    for described in knobs(recipe.hparams).values():
        described.acts(asked)
    assert asked.names <= {name for one in recipes for name in knobs(one.hparams)}
