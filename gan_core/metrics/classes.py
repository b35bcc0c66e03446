"""Classifier-based metrics: class histogram, confidence, Inception score and Mode Score.

With p(y|x) of each sample, their mean p*(y) and the labels p(y) of the training data:

    Inception score  exp(E_x KL(p(y|x) || p*(y)))                               (1606.03498, section 4)
    Mode Score       exp(E_x KL(p(y|x) || p(y)) - KL(p*(y) || p(y)))            (1612.02136)

The paper's Mode Score equals the Inception score for any p(y), because log p(y) cancels (also stated in 1803.01541).
Tutorials and surveys often give another formula, which does decrease when classes are missing; it has a separate name:

    Tutorial Mode Score    exp(E_x KL(p(y|x) || p*(y)) - KL(p*(y) || p(y))) = Inception score / exp(divergence)

Differs from 1606.03498: one score over all samples, not the mean over ten tenths, which depends on their number.
"""

from __future__ import annotations

import numpy as np

from gan_core.metrics.bootstrap import GROUPS, weights

SURE = 0.9  # probability above which the classifier counts as sure


class ClassCounts:
    """Sums over samples, batch by batch: counts of the likeliest class, their confidence, and sums for the scores."""

    def __init__(self, classes: int) -> None:
        self.count = 0
        self.wins = np.zeros(classes, np.int64)
        self._probabilities = np.zeros(classes)
        self._entropy = self._confidence = self._squares = 0.0
        self._sure = 0
        self._groups = np.zeros((GROUPS, classes + 2))  # of each group: probabilities, entropy, count

    def add(self, probabilities: np.ndarray) -> None:
        """Adds samples, (B, classes), each row a distribution."""
        rows = np.asarray(probabilities, np.float64)
        self.wins += np.bincount(rows.argmax(1), minlength=len(self.wins))
        self._probabilities += rows.sum(0)
        entropies = -_times_log(rows, rows).sum(1)
        self._entropy += float(entropies.sum())
        facts = np.column_stack([rows, entropies, np.ones(len(rows))])
        # not cyclic: a conditional model's samples have their classes in turn
        groups = np.random.default_rng(self.count).integers(GROUPS, size=len(rows))
        np.add.at(self._groups, groups, facts)
        best = rows.max(1)
        self._confidence += float(best.sum())
        self._squares += float(np.square(best).sum())
        self._sure += int((best > SURE).sum())
        self.count += len(rows)

    @property
    def histogram(self) -> np.ndarray:
        """The share of samples of which each class is the likeliest, (classes,)."""
        return self.wins / max(1, self.count)

    @property
    def marginal(self) -> np.ndarray:
        """p*(y): the mean of the probabilities, (classes,)."""
        return self._probabilities / max(1, self.count)

    @property
    def confidence(self) -> float:
        """The mean probability of the likeliest class."""
        return self._confidence / max(1, self.count)

    @property
    def confidence_variance(self) -> float:
        """The variance of that probability over samples."""
        return max(0.0, self._squares / max(1, self.count) - self.confidence**2)

    @property
    def sure(self) -> float:
        """The share of samples whose class the classifier is sure of."""
        return self._sure / max(1, self.count)

    def inception_score(self) -> float:
        """Between 1 and the number of classes."""
        return float(np.exp(-self._entropy / max(1, self.count) + entropy(self.marginal)))

    def mode_score(self, training: np.ndarray) -> float:
        """The paper's score, with the label distribution of the training data, (classes,); inf - inf is NaN."""
        mean_divergence = -self._entropy / max(1, self.count) - float(_times_log(self.marginal, training).sum())
        return float(np.exp(mean_divergence - divergence(self.marginal, training)))

    def tutorial_mode_score(self, training: np.ndarray) -> float:
        """The tutorials' other formula, with the label distribution of the training data, (classes,)."""
        return self.inception_score() / float(np.exp(divergence(self.marginal, training)))

    def resampled(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Inception scores (B,) and marginals (B, classes) of resampled groups of samples."""
        filled = self._groups[self._groups[:, -1] > 0]
        sums = weights(random, len(filled)) @ filled  # (B, classes + 2)
        marginals = sums[:, :-2] / sums[:, -1:]
        entropies = -_times_log(marginals, marginals).sum(1)
        return np.exp(entropies - sums[:, -2] / sums[:, -1]), marginals


def entropy(distribution: np.ndarray) -> float:
    """The entropy in nats."""
    return -float(_times_log(distribution, distribution).sum())


def divergence(one: np.ndarray, other: np.ndarray) -> float:
    """KL(one || other) of distributions (classes,), in nats; infinite where `other` lacks a class that `one` has."""
    return float((_times_log(one, one) - _times_log(one, other)).sum())


def _times_log(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """weights * log(values), 0 where the weight is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weights > 0, weights * np.log(values), 0.0)
