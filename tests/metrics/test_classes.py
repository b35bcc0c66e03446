"""Class counts, Inception score and Mode Score, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gan_core.metrics.classes import ClassCounts, divergence, entropy


def counts(rows: list[list[float]]) -> ClassCounts:
    made = ClassCounts(len(rows[0]))
    for start in range(0, len(rows), 2):
        made.add(np.array(rows[start : start + 2]))
    return made


def test_counts_by_hand() -> None:
    made = counts([[0.95, 0.05, 0], [0.5, 0.4, 0.1], [0, 0.1, 0.9], [0.92, 0.08, 0]])
    np.testing.assert_array_equal(made.wins, [3, 0, 1])
    np.testing.assert_allclose(made.histogram, [0.75, 0, 0.25])
    np.testing.assert_allclose(made.marginal, [2.37 / 4, 0.63 / 4, 1.0 / 4], rtol=1e-6)
    assert made.confidence == pytest.approx((0.95 + 0.5 + 0.9 + 0.92) / 4)
    assert made.sure == 0.5  # 0.9 itself is not above 0.9


def test_inception_score_has_its_limits() -> None:
    """One class, or uniform predictions: 1. Every class, each with certainty: the number of classes."""
    assert counts([[1, 0, 0]] * 5).inception_score() == pytest.approx(1)
    assert counts([[1 / 3, 1 / 3, 1 / 3]] * 5).inception_score() == pytest.approx(1)
    assert counts([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).inception_score() == pytest.approx(3)


def test_inception_score_by_hand() -> None:
    """p = (0.8, 0.2) and (0.4, 0.6): the mean is (0.6, 0.4)."""
    one = 0.8 * math.log(0.8 / 0.6) + 0.2 * math.log(0.2 / 0.4)
    other = 0.4 * math.log(0.4 / 0.6) + 0.6 * math.log(0.6 / 0.4)
    made = counts([[0.8, 0.2], [0.4, 0.6]])
    assert made.inception_score() == pytest.approx(math.exp((one + other) / 2), rel=1e-6)


def test_the_papers_mode_score_by_hand_is_the_inception_score() -> None:
    """Training labels (0.5, 0.5), samples as above: divergences from the training labels, minus that of the mean."""
    made, training = counts([[0.8, 0.2], [0.4, 0.6]]), np.array([0.5, 0.5])
    one = 0.8 * math.log(1.6) + 0.2 * math.log(0.4)
    other = 0.4 * math.log(0.8) + 0.6 * math.log(1.2)
    mean = 0.6 * math.log(1.2) + 0.4 * math.log(0.8)
    assert divergence(made.marginal, training) == pytest.approx(mean, rel=1e-6)
    assert made.mode_score(training) == pytest.approx(math.exp((one + other) / 2 - mean), rel=1e-6)
    for labels in ([0.5, 0.5], [0.9, 0.1]):
        assert made.mode_score(np.array(labels)) == pytest.approx(made.inception_score(), rel=1e-6)


def test_divergence_sees_what_the_scores_do_not() -> None:
    """Half of the classes missing, each sample certain: the divergence from even labels is log 2."""
    made = counts([[1, 0, 0, 0], [0, 1, 0, 0]])
    assert divergence(made.marginal, np.full(4, 0.25)) == pytest.approx(math.log(2))
    assert divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == math.inf
    assert divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert math.isnan(made.mode_score(np.array([1.0, 0, 0, 0])))
    assert entropy(np.full(4, 0.25)) == pytest.approx(math.log(4))
