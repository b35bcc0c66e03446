"""The mean of possible pictures, its error, and the lesson's statements about it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gan_core.models.card import read_card
from gan_core.teaching import blur

SHELF = Path(__file__).parents[2] / "pretrained"
ANSWERS = np.random.default_rng(0).random((7, 4, 4))


def test_the_error_splits_into_spread_and_distance_from_the_mean() -> None:
    guess = np.random.default_rng(1).random((4, 4))
    distance = np.square(guess - blur.mean_answer(ANSWERS)).mean()
    assert blur.squared_error(guess, ANSWERS) == pytest.approx(blur.spread(ANSWERS) + distance)
    assert blur.spread(ANSWERS) == pytest.approx(ANSWERS.var(0).mean())


def test_mean_and_median_are_minima() -> None:
    mean, median = blur.mean_answer(ANSWERS), blur.median_answer(ANSWERS)
    for seed in range(10):
        nudge = 0.1 * np.random.default_rng(seed).standard_normal((4, 4))
        assert blur.squared_error(mean + nudge, ANSWERS) > blur.squared_error(mean, ANSWERS)
        assert blur.absolute_error(median + nudge, ANSWERS) > blur.absolute_error(median, ANSWERS)


def test_a_drawn_answer_has_twice_the_error_and_3_decibels_less() -> None:
    assert blur.error_of_a_draw(ANSWERS) == pytest.approx(2 * blur.spread(ANSWERS))
    difference = blur.psnr(blur.spread(ANSWERS)) - blur.psnr(blur.error_of_a_draw(ANSWERS))
    assert difference == pytest.approx(10 * math.log10(2)) == pytest.approx(3.01, abs=1e-3)


def test_psnr_is_that_of_the_trainer() -> None:
    import torch

    from gan_core.objectives.fidelity import psnr

    one, other = torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16)
    error = float((one - other).square().mean((1, 2, 3))[0])
    assert float(psnr(2 * one - 1, 2 * other - 1)[0]) == pytest.approx(blur.psnr(error), abs=1e-4)


@pytest.mark.parametrize("factor", blur.FACTORS)
def test_the_possible_answers_are_the_nearest(factor: int) -> None:
    answers = blur.possible(5, factor, 10)
    np.testing.assert_array_equal(answers[0], blur.digits()[5])
    small = blur.smaller(blur.digits(), factor)
    distances = np.abs(blur.smaller(answers, factor) - small[5]).max((1, 2))
    others = np.sqrt(np.square(small - small[5]).sum((1, 2)))
    assert (others < distances.max() - 1e-9).sum() < 10
    assert small.shape == (1797, 8 // factor, 8 // factor)


def test_a_small_picture_is_the_mean_of_blocks() -> None:
    picture = np.arange(64.0).reshape(8, 8)
    assert blur.smaller(picture, 4)[0, 1] == picture[:4, 4:].mean()
    assert blur.smaller(picture, 8) == picture.mean()


def test_what_the_lesson_says() -> None:
    known = {2: (0.033, 14.8, 0.20), 4: (0.046, 13.4, 0.17), 8: (0.070, 11.6, 0.12)}
    for factor, (error, decibels, sharpness) in known.items():
        answers = blur.possible(3, factor, 40)
        assert blur.spread(answers) == pytest.approx(error, abs=5e-4)
        assert blur.psnr(blur.spread(answers)) == pytest.approx(decibels, abs=0.05)
        assert blur.sharpness(blur.mean_answer(answers)) == pytest.approx(sharpness, abs=5e-3)
        assert blur.sharpness(answers[0]) == pytest.approx(0.23, abs=5e-3)
        errors = [blur.squared_error(one, answers) for one in answers]
        assert min(errors) > blur.spread(answers)


def test_the_cards_of_the_experiment() -> None:
    soft, sharp = (read_card(SHELF / name).metrics for name in ("srresnet.bsds_x4", "srgan.bsds_x4"))
    assert (round(soft["psnr200"], 1), round(sharp["psnr200"], 1)) == (27.1, 26.5)
    assert round(soft["psnr_bicubic200"], 1) == 26.0
    assert sharp["perceptual200_emojinet"] == pytest.approx(0.0274, abs=5e-5)
    assert soft["perceptual200_emojinet"] == pytest.approx(0.0288, abs=5e-5)
