"""Measures of mode collapse against those of the library, and the lesson's statements about them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gan_core.metrics import density
from gan_core.metrics import points as measured
from gan_core.teaching import collapse


def test_the_constants_are_those_of_the_metric() -> None:
    assert (collapse.NEAR, collapse.COVERED, collapse.SAMPLES) == (measured.NEAR, measured.COVERED, measured.SAMPLES)


@pytest.mark.parametrize("kept", [1, 3, 8])
@pytest.mark.parametrize("blur", [0.005, 0.05, 0.3])
def test_the_counts_are_those_of_the_metric(kept: int, blur: float) -> None:
    points = collapse.samples(kept, blur)
    known = measured.coverage(points, collapse.RING)
    assert collapse.covered(points) == known.covered
    assert collapse.shares(points).sum() == pytest.approx(known.quality)


@pytest.mark.parametrize("kept", range(1, 9))
def test_js_and_kl_of_missed_modes(kept: int) -> None:
    p, q = np.full(8, 1 / 8), np.zeros(8)
    q[:kept] = 1 / kept
    assert collapse.js_of_modes(kept, 8) == pytest.approx(density.js(p, q), abs=1e-12)
    forward, backward = collapse.kl_of_modes(kept, 8)
    assert forward == pytest.approx(density.kl(q, p))
    assert backward == pytest.approx(density.kl(p, q))


def test_quality_does_not_see_a_collapse() -> None:
    collapsed, whole = collapse.samples(1, 0.005), collapse.samples(8, 0.02)
    assert collapse.shares(collapsed).sum() == 1 > collapse.shares(whole).sum()
    assert (collapse.covered(collapsed), collapse.covered(whole)) == (1, 8)
    assert collapse.kl_of_modes(4, 8) == (1.0, math.inf)


def test_the_best_response_to_a_fixed_discriminator_is_one_place() -> None:
    assert collapse.best_response(np.array([0.2, 0.7, 0.9, 0.1])) == 2
