"""The interval and the rule by which claims are judged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap, spearmanr, t

from gan_core.teaching import folklore


def test_the_quantiles_are_students() -> None:
    for count, quantile in folklore.STUDENT.items():
        assert quantile == pytest.approx(t.ppf(0.975, count - 1), abs=1e-3)


def test_effects_are_paired() -> None:
    np.testing.assert_allclose(folklore.effects([2.0, 1.0], [1.0, 2.0], ratio=True), [np.log(2), -np.log(2)])
    np.testing.assert_allclose(folklore.effects([2.0, 1.0], [1.0, 2.0], ratio=False), [1.0, -1.0])
    with pytest.raises(ValueError, match="paired by seed"):
        folklore.effects([1.0], [1.0, 2.0], ratio=False)


def test_the_interval_is_wider_than_the_plain_bootstraps() -> None:
    paired = np.array([0.3, -0.1, 0.2, 0.5, 0.1])
    low, high = folklore.interval(paired)
    plain = bootstrap((paired,), np.mean, method="percentile", random_state=0).confidence_interval
    assert -0.1 < low < plain.low < plain.high < high < 0.5
    half = t.ppf(0.975, 4) * paired.std(ddof=1) / np.sqrt(5)
    assert (high - low) / 2 == pytest.approx(half, rel=0.3)  # near Student's
    with pytest.raises(ValueError, match="2 to 6 seeds"):
        folklore.interval(np.zeros(7))


def test_noise_alone_is_seldom_judged_clear() -> None:
    random = np.random.default_rng(0)
    verdicts = [folklore.verdict(*folklore.interval(random.standard_normal(5)), True) for _ in range(2000)]
    share = 1 - verdicts.count("unclear") / len(verdicts)
    assert share == pytest.approx(folklore.FALSE_ALARMS, abs=0.015)


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "said"),
    [
        (-0.2, -0.1, True, "helps"), (0.1, 0.2, True, "hurts"), (0.1, 0.2, False, "helps"),
        (-0.2, -0.1, False, "hurts"), (-0.1, 0.1, True, "unclear"), (0.0, 0.1, True, "unclear"),
    ],
)  # fmt: skip
def test_the_rule(low: float, high: float, lower_is_better: bool, said: str) -> None:
    assert folklore.verdict(low, high, lower_is_better) == said


def test_rank_correlation_is_spearmans() -> None:
    one, other = np.random.default_rng(3).standard_normal((2, 12))
    assert folklore.rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert folklore.rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == 0
