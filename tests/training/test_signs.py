"""Measurements of images, on samples with known results."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.training import signs

RANDOM = np.random.default_rng(0)
REAL = RANDOM.standard_normal((128, 8))


def test_samples_of_the_same_distribution_are_as_good_as_real_ones() -> None:
    seen = signs.Likeness(REAL).measure(RANDOM.standard_normal((128, 8)))
    assert abs(seen["samples/distance"]) < 3 * seen["samples/distance_error"]
    assert seen["samples/twins"] == 0
    assert seen["samples/precision"] > 0.5
    assert seen["samples/coverage"] > 0.8


def test_the_error_of_the_distance_is_how_far_repetitions_lie_apart() -> None:
    random = np.random.default_rng(1)
    seen = [
        signs.Likeness(random.standard_normal((64, 8))).measure(random.standard_normal((64, 8)) + 0.5)
        for _ in range(200)
    ]
    spread = np.std([one["samples/distance"] for one in seen], ddof=1)
    assert np.mean([one["samples/distance_error"] for one in seen]) == pytest.approx(spread, rel=0.2)


def test_far_samples_and_twins_are_seen() -> None:
    likeness = signs.Likeness(REAL)
    far = likeness.measure(RANDOM.standard_normal((128, 8)) + 5)
    # |x - y| is about sqrt(8 * 25 + 16), and |x - x'| about sqrt(16): 2 * 14.7 / 4 - 2
    assert far["samples/distance"] == pytest.approx(2 * np.sqrt(216) / np.sqrt(16) - 2, rel=0.1)
    assert far["samples/precision"] == 0
    four = likeness.measure(np.repeat(REAL[:4], 32, axis=0))
    assert four["samples/twins"] == 1
    assert four["samples/coverage"] < 0.5


def test_copies_are_not_novel() -> None:
    novelty = signs.Novelty(REAL)
    assert novelty.measure(REAL + 1e-3)["samples/novelty"] < 0.01
    assert novelty.measure(RANDOM.standard_normal((128, 8)))["samples/novelty"] == pytest.approx(1, abs=0.15)
    assert not signs.Novelty(np.zeros((10, 3))).is_defined


def test_classes_and_labels() -> None:
    labels = np.arange(128) % 4
    centres = 10 * np.eye(4, 8)
    looks_like = signs.LooksLike(centres[labels] + 0.1 * REAL, labels)
    assert looks_like.floor == 1
    asked = np.arange(64) % 4
    assert looks_like.measure(centres[asked], asked) == {
        "classes/missing": 0.0, "labels/obeyed": 1.0, "labels/obeyed_real": 1.0,
    }  # fmt: skip
    one = looks_like.measure(np.repeat(centres[:1], 64, axis=0), asked)
    assert (one["classes/missing"], one["labels/obeyed"]) == (0.75, 0.25)
    assert "classes/missing" not in looks_like.measure(centres[asked[:8]], None)  # too few to decide


def test_a_cue_is_what_trivial_statistics_reveal() -> None:
    images = RANDOM.integers(60, 200, (256, 1, 12, 12)).astype(np.uint8)
    real, same = signs.statistics(images[:128]), signs.statistics(images[128:])
    assert real.shape == (128, 8)
    assert abs(signs.cue(real, same) - 0.5) < 0.15
    framed = images[128:].copy()
    framed[..., 0] = 255
    assert signs.cue(real, signs.statistics(framed)) > 0.99


def test_correlation_of_brightness() -> None:
    images = RANDOM.random((4, 50))
    np.testing.assert_allclose(signs.correlation(images, 3 * images + 1), 1)
    np.testing.assert_allclose(signs.correlation(images, -images), -1)
    np.testing.assert_allclose(signs.correlation(images, np.zeros((4, 50))), 0)
