"""BLEU by hand and by brute force, and the figures of music against known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gan_core.metrics import language, music


def test_bleu_by_hand() -> None:
    assert language.bleu_of([[1, 2, 3, 4]], [[1, 2, 3, 4], [9, 9]]) == pytest.approx(1)
    # 3 of 4 words, 2 of 3 pairs, 1 of 2 triples, none of 1: 0.1
    expected = (3 / 4 * 2 / 3 * 1 / 2 * 0.1) ** 0.25
    assert language.bleu_of([[1, 2, 3, 5]], [[1, 2, 3, 4]]) == pytest.approx(expected)
    # a text half as long as the nearest reference: e^(1 - 2)
    assert language.bleu_of([[1, 2]], [[1, 2, 3, 4]]) == pytest.approx(math.exp(-1))
    # clipped: of four equal words, two are in the reference
    clipped = (2 / 4 * 1 / 3 * 0.1 / 2 * 0.1 / 1) ** 0.25
    assert language.bleu_of([[7, 7, 7, 7]], [[7, 7, 1, 2]]) == pytest.approx(clipped)
    assert language.bleu_of([[]], [[1]]) == 0


def test_self_bleu_leaves_each_text_out() -> None:
    random = np.random.default_rng(0)
    texts = [random.integers(1, 4, random.integers(2, 8)).tolist() for _ in range(25)]
    alone = [language.bleu_of([text], texts[:place] + texts[place + 1 :]) for place, text in enumerate(texts)]
    assert language.self_bleu(texts) == pytest.approx(np.mean(alone))
    assert language.self_bleu([[1, 2, 3, 4]] * 3) == pytest.approx(1)
    assert language.seen([[1, 2], [3]], [[3], [4]]) == 0.5
    assert language.unpadded(np.array([[1, 2, 0], [1, 2, 3]])) == [[1, 2], [1, 2, 3]]


def test_notes_and_steps_are_distributions() -> None:
    voice = np.array([60, 60, 62, 62, 62, 62, 60, 80])
    passages = np.stack([voice[None], voice[None]])
    assert music.lengths(passages)[[0, 1, 3]] == pytest.approx([0.5, 0.25, 0.25])
    steps = music.intervals(passages)
    assert steps[[12 + 2, 12 - 2, 24]] == pytest.approx([1 / 3] * 3)
    found = music.measure(passages, passages)
    assert found["lengths"] == found["intervals"] == 0
    assert music.variation(np.array([1.0, 0]), np.array([0, 1.0])) == 1
