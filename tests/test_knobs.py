"""Knobs: ranges, types, parsing of what users type, and the difference between two sets."""

from __future__ import annotations

import pytest

from gan_core.errors import BadValue, UnknownName
from gan_core.gans.mlp_gan import MlpHParams
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, differences, to_dict


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"batch_size": 0}, "batch_size must be between 2 and 1024, not at 0"),
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
