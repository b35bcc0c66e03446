"""The digit classifier itself is tested, on unseen pictures."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.metrics import digit_classifier


def test_what_is_no_digit() -> None:
    random = np.random.default_rng(0)
    digits, labels, *rest = digit_classifier.split()
    assert len(digits) + len(rest[0]) == 1797
    for make in digit_classifier.NOISES:
        made = make(digits, 20, random)
        assert made.shape == (20, 8, 8)
        assert made.dtype == np.uint8
    assert digit_classifier.blends(digits, labels, 7, random).shape == (7, 8, 8)
    assert digit_classifier.no_digits(digits, labels, 3, random).shape == (3 * len(digit_classifier.NOISES) + 24, 8, 8)


def test_shuffled_patches_leave_no_patch_in_its_place() -> None:
    numbered = np.repeat(np.repeat(np.arange(16, dtype=np.uint8).reshape(4, 4), 2, 0), 2, 1)[None]
    moved = digit_classifier.shuffled_patches(numbered, 50, np.random.default_rng(0))
    assert not (moved == numbered).any()
    assert all(np.array_equal(np.sort(image.flatten()), np.sort(numbered.flatten())) for image in moved)


@pytest.mark.slow
def test_the_judge_knows_digits_and_nothing_else() -> None:
    """Two-sided: certain and correct on real digits, uncertain on noise and blends."""
    classifier = digit_classifier.digit_classifier()
    held_out = digit_classifier.held_out()
    sure = {name: classifier.shares(images)[0] for name, images in held_out.items()}
    print(sure)
    assert sure["digits"] >= 0.98
    assert sure["noise"] < 0.05
    assert sure["blends"] < 0.05
    images, labels = digit_classifier.split()[2:]
    found = classifier.sure(images)
    assert (found[found >= 0] == labels[found >= 0]).mean() >= 0.995
    share, classes = classifier.shares(images)
    assert classes.sum() == pytest.approx(share)
    assert classes.min() > 0.05
