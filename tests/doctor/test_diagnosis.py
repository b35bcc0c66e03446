"""Findings from hand-made metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gan_core.doctor.case import EARLY, PROBABILITIES, Case, Subject
from gan_core.doctor.diagnosis import alarms, diagnose
from gan_core.doctor.finding import Finding
from gan_core.objectives.losses import losses
from gan_core.runs.records import Metrics

STEPS = 300


def metrics(start: int = 1000, broken: Any = (), **changes: Any) -> Metrics:
    """A healthy run, with some columns changed; names have `__` for `/`. In `broken` columns NaN was measured."""
    random = np.random.default_rng(0)
    columns = {
        "generator/loss": 1.2 + 0.1 * random.normal(size=STEPS),
        "discriminator/loss": 1.1 + 0.1 * random.normal(size=STEPS),
        "score/real": np.full(STEPS, 0.65),
        "score/fake_before": np.full(STEPS, 0.35),
        "accuracy": np.full(STEPS, 0.75),
        "gradient_norm/generator": np.full(STEPS, 1.0),
        "gradient_norm/discriminator": np.full(STEPS, 2.0),
        "rate/generator": np.full(STEPS, 1e-3),
        "rate/discriminator": np.full(STEPS, 1e-3),
        "variety": np.where(np.arange(STEPS) % 100 == 50, 0.8, np.nan),  # measured occasionally
    }
    columns |= {name.replace("__", "/"): np.broadcast_to(value, STEPS) for name, value in changes.items()}
    return Metrics(np.arange(start, start + STEPS), columns, {name: np.isnan(columns[name]) for name in broken})


def assess(recent: Metrics, loss: str = "non_saturating", modes: int = 0, **settings: Any) -> list[Finding]:
    return diagnose(Case(recent, Subject({"loss": loss} | settings, "points" if modes else "images", modes)))


def kinds(recent: Metrics, loss: str = "non_saturating", **settings: Any) -> list[str]:
    return [finding.kind for finding in assess(recent, loss, **settings)]


def test_a_healthy_run() -> None:
    assert kinds(metrics()) == ["healthy"]


NOTHING = {"variety": np.nan}  # the samples weren't examined


def test_balance_alone_is_not_health() -> None:
    for accuracy in (0.5, 0.75):
        (finding,) = assess(metrics(accuracy=accuracy, **NOTHING))
        assert (finding.kind, finding.level) == ("unknown", "early")
    assert kinds(metrics(accuracy=0.5, **NOTHING), "wasserstein") == ["unknown"]


@pytest.mark.parametrize(
    ("share", "kind", "level"),
    [
        (0.05, "samples_alike", "watch"),
        (0.3, "samples_alike", "watch"),
        (0.45, "less_varied", "early"),
        (0.9, "healthy", "good"),
    ],
)
def test_images_are_healthy_as_far_as_they_vary(share: float, kind: str, level: str) -> None:
    (finding,) = assess(metrics(accuracy=0.5, variety=share))
    assert (finding.kind, finding.level) == (kind, level)
    assert f"{share:.0%}" in finding.what.format(**finding.values)


@pytest.mark.parametrize(
    ("covered", "reached", "near", "kind"),
    [
        (4, 4, 0.97, "mode_collapse"),
        (4, 8, 0.8, "mode_collapse"),  # stragglers everywhere, but sharp on four
        (0, 2, 0.0, "mode_collapse"),  # a blob that isn't on any mode yet
        (7, 7, 0.9, "modes_missing"),
        (3, 7, 0.3, "modes_missing"),
        (0, 8, 0.02, "modes_unsharp"),
        (7, 8, 0.3, "modes_unsharp"),
        (8, 8, 0.3, "modes_unsharp"),
        (8, 8, 0.9, "healthy"),
    ],
)
def test_points_are_healthy_where_all_modes_are_covered(covered: int, reached: int, near: float, kind: str) -> None:
    seen = {"modes__covered": covered, "modes__reached": reached, "modes__near": near}
    (finding,) = assess(metrics(accuracy=0.5, **NOTHING, **seen), modes=8)
    assert finding.kind == kind
    assert (finding.level == "good") == (kind == "healthy")
    if kind == "mode_collapse":
        assert finding.what.format(**finding.values) == f"Mode collapse: {covered} of 8 modes covered."
        assert finding.remedies


@pytest.mark.parametrize(
    ("share", "kind"), [(0.2, "data_missed"), (0.7, "data_missed_little"), (0.95, "healthy")]
)  # fmt: skip
def test_points_without_known_modes_are_healthy_where_the_data_are_reached(share: float, kind: str) -> None:
    (finding,) = assess(metrics(accuracy=0.5, data_reached=share, **NOTHING))
    assert finding.kind == kind


def test_a_collapse_is_reported_with_other_findings() -> None:
    found = assess(metrics(accuracy=0.2, modes__covered=1, modes__reached=1, modes__near=1.0), modes=8)
    assert [finding.kind for finding in found] == ["mode_collapse", "discriminator_too_weak"]


def test_a_rate_of_zero_is_a_finding() -> None:
    ended = metrics(rate__generator=0.0, rate__discriminator=0.0)
    (finding,) = assess(ended)
    assert (finding.kind, finding.level) == ("no_rate", "bad")
    assert kinds(metrics(rate__generator=1e-3, rate__discriminator=0.0)) == ["healthy"]
    # the last step of a schedule is close to 0, but isn't a standstill
    assert kinds(
        metrics(rate__generator=np.linspace(1e-3, 0, STEPS), rate__discriminator=np.linspace(1e-3, 0, STEPS))
    ) == ["healthy"]
    assert kinds(of_classifier(rate__features=0.0)) == ["no_rate"]


def of_classifier(**changes: Any) -> Metrics:
    """A run of a classifier, whose columns are its own; some of them changed."""
    columns = {"features/loss": 0.2, "features/cross_entropy": 0.2, "class_accuracy": 0.93} | {
        name.replace("__", "/"): value for name, value in changes.items()
    }
    columns.setdefault("gradient_norm/features", 2.0)
    whole = {name: np.broadcast_to(value, STEPS) for name, value in columns.items()}
    return Metrics(np.arange(1000, 1000 + STEPS), whole, {name: np.isnan(value) for name, value in whole.items()})


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
    assert "Both networks" not in assess(first)[0].cause
    assert kinds(first) == ["early"]


def test_it_is_too_early_at_first() -> None:
    assert kinds(metrics().rows(slice(0, 0))) == ["early"]
    assert kinds(Metrics([EARLY - 1], {"accuracy": [1.0]})) == ["early"]


def test_a_discriminator_that_is_too_strong() -> None:
    assert kinds(metrics(accuracy=0.999, score__fake_before=0.001))[0] == "discriminator_too_strong"
    assert kinds(metrics(accuracy=0.999, score__fake_before=0.3)) == ["healthy"]
    # the size of a score that isn't a probability has no meaning
    assert kinds(metrics(accuracy=0.999, score__fake_before=-3.0), "hinge")[0] == "discriminator_too_strong"


def test_a_generator_that_wins() -> None:
    assert kinds(metrics(accuracy=0.2)) == ["discriminator_too_weak"]


def test_a_value_that_is_not_finite() -> None:
    broken = np.full(STEPS, 1.0)
    broken[-1] = np.inf
    assert kinds(metrics(generator__loss=broken)) == ["not_finite"]
    broken[-5:] = np.nan
    assert kinds(metrics(generator__loss=broken, broken=("generator/loss",))) == ["not_finite"]
    # the loss is still finite, but the next step's won't be
    (finding,) = assess(metrics(gradient_norm__generator=broken, broken=("gradient_norm/generator",)))
    assert (finding.kind, finding.values["term"]) == ("not_finite", "gradient_norm/generator")


@pytest.mark.parametrize("count", [1, 2, 3, 50, STEPS])
@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_steps_of_one_player_alone_are_no_fault(player: str, count: int) -> None:
    idle = np.full(STEPS, 1.0)
    idle[-count:] = np.nan
    changes = {f"{player}__loss": idle, f"gradient_norm__{player}": idle, f"{player}__adversarial": idle}
    changes |= {"accuracy": np.where(np.isnan(idle), np.nan, 0.6)}
    assert "not_finite" not in kinds(metrics(**changes))


def test_exploding_gradients() -> None:
    assert kinds(metrics(gradient_norm__discriminator=1e4)) == ["exploding_gradients"]


def test_alarms_say_when_they_were_raised() -> None:
    accuracy = np.where(np.arange(STEPS) < 150, 0.7, 0.1)
    raised = alarms(Case(metrics(accuracy=accuracy), Subject({"loss": "non_saturating"})))
    assert list(raised) == ["discriminator_too_weak"]
    assert 1150 + 50 < raised["discriminator_too_weak"] < 1150 + 150  # once half of the window is bad
    odd = np.full(STEPS, 1.0)
    odd[-1] = np.inf
    assert alarms(Case(metrics(generator__loss=odd), Subject({"loss": "hinge"}))) == {"not_finite": 1000 + STEPS - 1}
    assert alarms(Case(metrics(), Subject({"loss": "non_saturating"}))) == {}
    assert alarms(Case(Metrics.empty())) == {}


def test_the_most_serious_comes_first() -> None:
    found = assess(metrics(accuracy=0.2, gradient_norm__discriminator=1e4))
    assert [finding.level for finding in found] == ["bad", "watch"]


@pytest.mark.parametrize("change", [{"accuracy": 0.2}, {"gradient_norm__generator": 1e6}])
def test_each_finding_names_cause_and_remedy(change: dict[str, float]) -> None:
    for finding in assess(metrics(**change)):
        assert finding.what.format(**finding.values)
        assert finding.cause
        assert finding.remedy or finding.remedies


def test_probabilities_are_those_of_the_losses() -> None:
    assert {name for name, loss in losses.items() if loss.probability} == PROBABILITIES
