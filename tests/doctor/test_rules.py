"""Each rule on curves on both sides of its threshold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.doctor import (
    diagnosis,  # noqa: F401  registers the rules
    samples,
)
from gan_core.doctor.case import Case, Subject
from gan_core.doctor.finding import Finding
from gan_core.doctor.remedies import remedies
from gan_core.doctor.rule import rules
from gan_core.doctor.rules import (
    at_chance,
    cheap_cue,
    classes_missing,
    colour_inversion,
    critic_not_optimal,
    data_missed,
    data_range,
    discriminator_too_strong,
    discriminator_too_weak,
    diverging_scores,
    exploding_gradients,
    label_ignored,
    memorisation,
    mode_collapse,
    nan_ahead,
    no_rate,
    oscillation,
    penalty_weight,
    samples_alike,
    silence,
    stagnation,
    vanishing_gradients,
)
from gan_core.runs.records import Metrics

STEPS = 1000
POOR = {"samples__distance": samples.FAR * 2}


def case(
    loss: str = "non_saturating", task: str = "images", modes: int = 0, settings: Any = None, **columns: Any
) -> Case:
    """A run of STEPS steps; names have `__` for `/`, numbers stand for constant curves."""
    steps = np.arange(1, STEPS + 1)
    curves = {name.replace("__", "/"): np.broadcast_to(values, STEPS) for name, values in columns.items()}
    return Case(Metrics(steps, curves), Subject({"loss": loss} | (settings or {}), task, modes, 28))


def found(name: str, **options: Any) -> Finding | None:
    finding = rules.get(name).check(case(**options))
    assert finding is None or finding.kind == name
    return finding


# a rule, its other conditions, and a column with a value at which it is silent and one at which it fires
EDGES = [
    ("no_rate", {}, "rate__generator", 2 * no_rate.NOTHING, no_rate.NOTHING / 2),
    ("exploding_gradients", {}, "gradient_norm__generator", exploding_gradients.EXPLODING - 1, 101),
    ("vanishing_gradients", POOR, "gradient_norm__generator", 2 * vanishing_gradients.VANISHING, 0.9e-4),
    (
        "discriminator_too_strong", {"score__fake_before": 0.01}, "accuracy", discriminator_too_strong.SURE - 0.01,
        discriminator_too_strong.SURE + 0.01,
    ),
    (
        "discriminator_too_strong", {"accuracy": 0.99}, "score__fake_before", discriminator_too_strong.LOST + 0.01,
        discriminator_too_strong.LOST - 0.01,
    ),
    (
        "discriminator_too_weak", {}, "accuracy", discriminator_too_weak.FOOLED + 0.01,
        discriminator_too_weak.FOOLED - 0.01,
    ),
    ("at_chance", POOR, "separated", at_chance.CHANCE + 0.01, at_chance.CHANCE - 0.01),
    ("at_chance", {"separated": 0.5}, "samples__distance", samples.FAR - 0.01, samples.FAR + 0.01),
    ("diverging_scores", {"loss": "wasserstein"}, "score__real", diverging_scores.LARGE - 1, 51),
    ("data_missed", {}, "data_reached", data_missed.MISSED, data_missed.MISSED - 0.01),
    ("silence", {}, "loudness", silence.QUIET + 0.01, silence.QUIET - 0.01),
    ("samples_alike", {}, "variety", samples_alike.ALIKE + 0.01, samples_alike.ALIKE - 0.01),
    ("samples_alike", {"variety": 1.0}, "samples__twins", samples_alike.TWINS - 0.01, samples_alike.TWINS),
    ("classes_missing", {}, "classes__missing", classes_missing.MISSING - 0.01, classes_missing.MISSING + 0.01),
    ("memorisation", {}, "samples__novelty", memorisation.COPIED, memorisation.COPIED - 0.01),
    ("cheap_cue", {"separated": 1.0}, "cue", cheap_cue.SEPARABLE - 0.01, 1.0),
    ("cheap_cue", {"cue": 1.0}, "separated", cheap_cue.SURE - 0.01, cheap_cue.SURE + 0.01),
    ("data_range", {"data__offset": 0.0}, "data__scale", data_range.FAINT, data_range.FAINT - 0.01),
    ("data_range", {"data__scale": 1.0, "task": "points"}, "data__offset", data_range.OFFSET, data_range.OFFSET + 1),
    ("colour_inversion", {}, "luminance_kept", colour_inversion.INVERTED + 0.01, colour_inversion.INVERTED),
    (
        "label_ignored", {"labels__obeyed_real": 0.9}, "labels__obeyed", label_ignored.OBEYED * 0.9,
        label_ignored.OBEYED * 0.9 - 0.01,
    ),
    (
        "penalty_weight", {**POOR, "score__fake_before": 0.5, "settings": {"penalty": "r1", "penalty_weight": 100.0}},
        "score__real", 0.5 + penalty_weight.FLAT + 0.01, 0.5 + penalty_weight.FLAT - 0.01,
    ),
    (
        "penalty_weight", {"loss": "wasserstein", "settings": {"penalty": "gradient_penalty", "penalty_weight": 2.0}},
        "discriminator__penalty", 2 * (penalty_weight.STEEP - 0.01) ** 2, 2 * (penalty_weight.STEEP + 0.01) ** 2,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "others", "column", "quiet", "alarming"), EDGES)
def test_a_rule_fires_only_beyond_its_threshold(
    name: str, others: dict[str, Any], column: str, quiet: float, alarming: float
) -> None:
    assert found(name, **others, **{column: quiet}) is None
    finding = found(name, **others, **{column: alarming})
    assert finding is not None
    assert finding.is_alarm
    assert "{" not in finding.sentence
    assert set(finding.remedies) <= set(rules.get(name).remedies)


def test_poor_samples_are_no_finding_at_the_start_of_a_run() -> None:
    whole = case(**POOR, separated=0.5, variety=0.1)
    assert samples.poor(whole) is True
    assert samples.poor(whole.until(400)) is None
    assert samples.poor(case(separated=0.5)) is None
    for name in ("at_chance", "samples_alike"):
        assert rules.get(name).check(whole) is not None
        assert rules.get(name).check(whole.until(400)) is None


def test_a_collapse_is_seen_while_modes_are_being_lost() -> None:
    covered = np.concatenate([np.full(300, 8), np.linspace(8, 1, STEPS - 300).round()])
    losing = {"modes__covered": covered, "modes__reached": covered, "modes__near": 0.9, "modes": 8}
    whole = case(**losing)
    seen = next(step for step in range(1, STEPS) if rules.get("mode_collapse").check(whole.until(step)))
    assert covered[seen - 1] == 8 - np.ceil(mode_collapse.LOSING * 8) > 4  # so before half of them are gone
    partly = {"modes__covered": 7, "modes__reached": 7, "modes__near": 0.9, "modes": 8}
    assert found("mode_collapse", **partly) is None
    assert found("modes_missing", **partly) is not None
    assert found("modes_missing", **(partly | {"modes__covered": 8, "modes__reached": 8})) is None


def test_lost_modes_are_treated_by_less_momentum_where_it_is_large() -> None:
    """With beta 1 of 0.9, noise left all modes lost on three seeds, and no momentum cured them (benchmarks.doctor)."""
    for name, covered in (("mode_collapse", 3), ("modes_missing", 7)):
        lost = {"modes__covered": covered, "modes__reached": covered, "modes__near": 0.9, "modes": 8}
        finding, usual = (found(name, **lost, settings={"beta1": beta1}) for beta1 in (0.9, 0.5))
        assert finding is not None
        assert usual is not None
        assert finding.remedies == ("no_momentum", *usual.remedies)
        assert usual.remedies[0] == "instance_noise"


def test_a_gradient_that_falls_has_vanished_and_a_small_one_has_not() -> None:
    fallen = np.where(np.arange(STEPS) < 400, 1.0, 1e-6)
    assert found("vanishing_gradients", gradient_norm__generator=fallen) is not None
    critic = found("vanishing_gradients", loss="wasserstein", gradient_norm__generator=fallen)
    assert critic is not None
    assert "saturating" not in critic.cause
    assert "non_saturating" not in critic.remedies
    assert found("vanishing_gradients", gradient_norm__generator=1e-6) is None
    good = {"samples__distance": samples.FAR / 2}
    assert found("vanishing_gradients", gradient_norm__generator=fallen, **good) is None


@pytest.mark.parametrize(("decades", "seen"), [(1e-3, False), (2e-2, True)])
def test_nan_is_predicted(decades: float, seen: bool) -> None:
    growing = 10 * 10 ** (decades * np.arange(STEPS))
    finding = found("nan_ahead", discriminator__loss=-growing)
    assert (finding is not None) == seen
    if finding:
        left = (38.5 - np.log10(growing[-1])) / decades
        assert finding.values["steps"] == pytest.approx(left, rel=0.1)
    # equally large, but not growing
    assert found("nan_ahead", discriminator__loss=1e6) is None
    assert nan_ahead.LARGE < 1e6


def test_swings_are_counted_but_noise_and_drift_are_not() -> None:
    time = np.arange(STEPS)
    noise = 0.05 * np.random.default_rng(0).standard_normal(STEPS)
    for curve, seen in (
        (0.7 + 0.25 * np.sin(time / 40) + noise, True),
        (0.7 + 0.8 * oscillation.DEAD * np.sin(time / 40), False),
        (0.5 + noise, False),
        (np.linspace(0.5, 1, STEPS) + noise, False),
        (0.5 + 0.4 * (time > 500), False),
    ):
        assert (found("oscillation", separated=curve) is not None) == seen


def test_stagnation_is_no_progress_with_poor_samples() -> None:
    def looks(values: Any) -> np.ndarray:
        curve = np.full(STEPS, np.nan)
        curve[19::20] = values
        return curve

    count = STEPS // 20
    assert found("stagnation", samples__distance=looks(0.9)) is not None
    assert found("stagnation", samples__distance=looks(np.linspace(2, 0.5, count))) is None
    assert found("stagnation", samples__distance=looks(0.9 * samples.FAR)) is None
    barely = np.geomspace(1, (1 - stagnation.GAIN / 2) ** (count / stagnation.LOOKS), count)
    assert found("stagnation", samples__distance=looks(barely)) is not None


def test_a_critic_is_judged_by_its_estimate() -> None:
    random = np.random.default_rng(0)
    for share, seen in ((0.5, True), (critic_not_optimal.NEGATIVE / 2, False)):
        signs = np.where(random.random(STEPS) < share, -1.0, 1.0)
        finding = found("critic_not_optimal", loss="wasserstein", score__real=signs, score__fake_before=0.0, **POOR)
        assert (finding is not None) == seen
    assert found("critic_not_optimal", loss="wasserstein", score__real=-1.0, score__fake_before=0.0) is None
    judges = {name: rules.get(name).judges for name in ("critic_not_optimal", "discriminator_too_strong")}
    assert judges["critic_not_optimal"] == ("critic",)
    assert "critic" not in judges["discriminator_too_strong"]


def test_remedies_begin_with_what_fits_the_run() -> None:
    unbounded = found("exploding_gradients", loss="wasserstein", gradient_norm__critic=1e3)
    assert unbounded is not None
    assert unbounded.remedies[0] == "gradient_penalty"
    usual = found("exploding_gradients", gradient_norm__generator=1e3)
    assert usual is not None
    assert usual.remedies[0] == "slower"
    flipped = found("at_chance", **POOR, separated=0.5, settings={"label_flipping": 0.5})
    assert flipped is not None
    assert flipped.remedies[0] == "no_label_flipping"


def test_the_penalty_of_a_remedy_fits_the_loss() -> None:
    swings = 0.7 + 0.25 * np.sin(np.arange(STEPS) / 40)
    for loss, first in (("wasserstein", "steady_critic"), ("hinge", "steady")):
        finding = found("oscillation", loss=loss, separated=swings)
        assert finding is not None
        assert finding.remedies[0] == first


@pytest.mark.parametrize("loss", ["non_saturating", "hinge"])
def test_a_discriminator_that_ignores_its_input_gets_no_setting(loss: str) -> None:
    dead = {"loss": loss, "score__real": 0.5, "score__fake_before": 0.5, "separated": 0.0, "accuracy": 0.5}
    finding = found("at_chance", **dead)
    assert finding is not None
    assert finding.remedies == ()
    assert finding.remedy
    assert found("discriminator_too_weak", **dead) is None  # equal scores don't mean that it is wrong
    assert found("discriminator_too_weak", **(dead | {"score__fake_before": 0.6})) is not None


def test_every_rule_says_where_it_comes_from_and_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    for rule in rules:
        (row,) = (line for line in guide.splitlines() if line.startswith(f"| `{rule.name}` |"))
        assert rule.level in row
        assert rule.measures in row
        assert rule.threshold in row, rule.name
        assert rule.source in row
        assert [name for name in re.findall(r"`(\w+)`", row) if name in remedies][:9] == list(rule.remedies)
        assert rule.title
        assert rule.measures
        assert rule.threshold
        assert rule.source
        assert set(rule.remedies) <= set(remedies.names())
        assert rule.check(case()) is None
        assert rule.check(Case(Metrics.empty())) is None
