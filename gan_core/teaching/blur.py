"""Why the squared error blurs: several large pictures fit one small picture, and their mean minimises the error.

    E|y - g|^2 = E|y - m|^2 + |g - m|^2,   m = E[y | x]

Pictures are handwritten digits of 8 pixels, in [0, 1]; a small one is the mean of blocks. Its possible answers are the
digits of the data whose small pictures lie closest to it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

SIDE = 8
FACTORS = (2, 4, 8)  # by which a picture is reduced


@cache
def digits() -> np.ndarray:
    """All digits, (1797, 8, 8) in [0, 1]; raises BadData if they aren't installed."""
    from gan_core import data

    found: np.ndarray = data.load("digits", SIDE).arrays["real"][:, 0] / 255.0  # (N, 1, H, W) -> (N, H, W)
    return found


def smaller(pictures: np.ndarray, factor: int) -> np.ndarray:
    """(..., 8, 8) -> (..., 8 / factor, 8 / factor): the mean of each block."""
    side = SIDE // factor
    blocks = pictures.reshape(*pictures.shape[:-2], side, factor, side, factor)
    found: np.ndarray = blocks.mean((-3, -1))
    return found


def possible(place: int, factor: int, count: int) -> np.ndarray:
    """The `count` digits (count, 8, 8) whose small pictures lie closest to that of one digit, itself first."""
    small = smaller(digits(), factor)
    squares = np.square(small - small[place]).sum((1, 2))
    squares[place] = -1
    return digits()[np.argsort(squares, kind="stable")[:count]]


def mean_answer(answers: np.ndarray) -> np.ndarray:
    """The mean of all answers, pixel by pixel: the minimum of the mean squared error."""
    found: np.ndarray = answers.mean(0)
    return found


def median_answer(answers: np.ndarray) -> np.ndarray:
    """The median of all answers, pixel by pixel: the minimum of the mean absolute error."""
    found: np.ndarray = np.median(answers, 0)
    return found


def squared_error(guess: np.ndarray, answers: np.ndarray) -> float:
    """E|y - g|^2, the mean over answers and pixels."""
    return float(np.square(answers - guess).mean())


def absolute_error(guess: np.ndarray, answers: np.ndarray) -> float:
    """E|y - g|, the mean over answers and pixels."""
    return float(np.abs(answers - guess).mean())


def spread(answers: np.ndarray) -> float:
    """E|y - m|^2, the least squared error that any guess can have."""
    return squared_error(mean_answer(answers), answers)


def error_of_a_draw(answers: np.ndarray) -> float:
    """The expected squared error of a guess that is drawn from the answers at random: twice the spread."""
    return float(np.mean([squared_error(guess, answers) for guess in answers]))


def psnr(error: float) -> float:
    """-10 log10 of a squared error of pixels in [0, 1], in dB."""
    return float(-10 * np.log10(error))


def sharpness(picture: np.ndarray) -> float:
    """The mean difference between neighbouring pixels."""
    return float((np.abs(np.diff(picture, axis=0)).mean() + np.abs(np.diff(picture, axis=1)).mean()) / 2)
