"""Findings from hand-made metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gan_core.objectives.losses import losses
from gan_core.runs.records import Metrics
from gan_core.training.health import EARLY, PROBABILITIES, assess

STEPS = 300


def metrics(start: int = 1000, **changes: Any) -> Metrics:
    """A healthy run, with some columns changed; names have `__` for `/`."""
    random = np.random.default_rng(0)
    columns = {
        "generator/loss": 1.2 + 0.1 * random.normal(size=STEPS),
        "discriminator/loss": 1.1 + 0.1 * random.normal(size=STEPS),
        "score/real": np.full(STEPS, 0.65),
        "score/fake_before": np.full(STEPS, 0.35),
        "accuracy": np.full(STEPS, 0.75),
        "gradient_norm/generator": np.full(STEPS, 1.0),
        "gradient_norm/discriminator": np.full(STEPS, 2.0),
    }
    columns |= {name.replace("__", "/"): np.broadcast_to(value, STEPS) for name, value in changes.items()}
    return Metrics(np.arange(start, start + STEPS), columns)


def kinds(recent: Metrics, loss: str = "non_saturating") -> list[str]:
    return [finding.kind for finding in assess(recent, loss in PROBABILITIES)]


def test_a_healthy_run() -> None:
    assert kinds(metrics()) == ["healthy"]


def of_classifier(**changes: Any) -> Metrics:
    """A run of a classifier, whose columns are its own; some of them changed."""
    columns = {"features/loss": 0.2, "features/cross_entropy": 0.2, "class_accuracy": 0.93} | {
        name.replace("__", "/"): value for name, value in changes.items()
    }
    columns.setdefault("gradient_norm/features", 2.0)
    return Metrics(np.arange(1000, 1000 + STEPS), {n: np.broadcast_to(v, STEPS) for n, v in columns.items()})


def test_a_classifier_is_not_taken_for_two_players() -> None:
    for accuracy, kind in ((0.1, "learning"), (0.93, "learning"), (0.999, "learnt")):
        (finding,) = assess(of_classifier(class_accuracy=accuracy))
        assert (finding.kind, finding.level, finding.values["share"]) == (kind, "good", pytest.approx(accuracy))
        words = " ".join((finding.what, finding.cause, finding.remedy, *finding.remedies)).lower()
        assert not any(word in words for word in ("generator", "discriminator", "player", "real and fake", "samples"))
    assert kinds(of_classifier(gradient_norm__features=1e4)) == ["exploding_gradients"]
    spoilt = of_classifier(features__loss=np.nan, features__cross_entropy=np.nan, gradient_norm__features=np.nan)
    assert kinds(spoilt) == ["not_finite"]
    first = Metrics([EARLY - 1], {"features/cross_entropy": [2.3], "class_accuracy": [0.1]})
    assert "both networks" not in assess(first)[0].cause
    assert kinds(first) == ["early"]


def test_it_is_too_early_at_first() -> None:
    assert kinds(metrics().rows(slice(0, 0))) == ["early"]
    assert kinds(Metrics([EARLY - 1], {"accuracy": [1.0]})) == ["early"]


def test_a_discriminator_that_is_too_strong() -> None:
    assert kinds(metrics(accuracy=0.999, score__fake_before=0.001))[0] == "discriminator_too_strong"
    assert kinds(metrics(accuracy=0.999, score__fake_before=0.3)) == ["healthy"]
    # a score that is no probability says nothing by its size
    assert kinds(metrics(accuracy=0.999, score__fake_before=-3.0), "hinge")[0] == "discriminator_too_strong"


def test_a_generator_that_wins() -> None:
    assert kinds(metrics(accuracy=0.2)) == ["generator_winning"]


def test_a_value_that_is_not_finite() -> None:
    broken = np.full(STEPS, 1.0)
    broken[-1] = np.inf
    assert kinds(metrics(generator__loss=broken)) == ["not_finite"]
    broken[-5:] = np.nan
    norm = np.full(STEPS, 1.0)
    norm[-5:] = np.nan
    assert kinds(metrics(generator__loss=broken, gradient_norm__generator=norm)) == ["not_finite"]


def test_steps_of_one_player_alone_are_no_fault() -> None:
    idle = np.full(STEPS, 1.0)
    idle[-1] = np.nan
    assert "not_finite" not in kinds(metrics(generator__loss=idle, gradient_norm__generator=idle))


def test_vanishing_and_exploding_gradients() -> None:
    assert kinds(metrics(gradient_norm__generator=1e-6)) == ["vanishing_gradients"]
    assert kinds(metrics(gradient_norm__discriminator=1e4)) == ["exploding_gradients"]


def test_oscillation() -> None:
    swings = 1 + 0.99 * np.sin(np.arange(STEPS) / 8)
    assert kinds(metrics(generator__loss=swings)) == ["oscillation"]
    assert kinds(metrics(generator__loss=np.linspace(3, 1, STEPS))) == ["healthy"]


def test_the_gravest_comes_first() -> None:
    found = assess(metrics(accuracy=0.2, gradient_norm__discriminator=1e4))
    assert [finding.level for finding in found] == ["bad", "watch"]


@pytest.mark.parametrize("change", [{"accuracy": 0.2}, {"gradient_norm__generator": 1e-6}])
def test_each_finding_names_cause_and_remedy(change: dict[str, float]) -> None:
    for finding in assess(metrics(**change)):
        assert finding.what.format(**finding.values)
        assert finding.cause
        assert finding.remedy or finding.remedies


def test_probabilities_are_those_of_the_losses() -> None:
    assert {name for name, loss in losses.items() if loss.probability} == PROBABILITIES
