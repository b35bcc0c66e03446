"""What super-resolution adds: nothing is invented by scaling up, and what vanishes when scaled down is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gan_core.pictures.invention import BICUBIC, COLOUR, changed, invented, invention_map


def smooth(side: int = 24) -> Image.Image:
    ramp = np.linspace(60, 180, side)
    return Image.fromarray(np.stack([np.add.outer(ramp, ramp) / 2] * 3, 2).round().astype(np.uint8))


def test_what_is_scaled_up_is_not_invented() -> None:
    source = smooth()
    result = source.resize((96, 96), BICUBIC)
    assert changed(result, source) < 0.6  # rounding
    assert invented(result, source.size)[2:-2, 2:-2].max() < 1  # without the border


def test_detail_that_vanishes_when_scaled_down_is_invented() -> None:
    source = smooth()
    large = np.asarray(source.resize((96, 96), BICUBIC)).astype(int)
    checks = np.where(np.add.outer(np.arange(96), np.arange(96)) % 2, 30, -30)
    large[:, 48:] += checks[:, 48:, None]  # in the right half
    result = Image.fromarray(large.clip(0, 255).astype(np.uint8))
    found = invented(result, source.size)
    assert found.shape == (24, 24)
    assert found[2:-2, 2:10].max() < 1
    assert found[2:-2, 14:-2] == pytest.approx(30, abs=3)
    assert changed(result, source) < 1.5  # nothing that was there has changed
    seen = np.asarray(invention_map(result, source)).astype(int)
    assert seen.shape == (96, 96, 3)
    grey, orange = seen[40, 20], seen[40, 76]
    assert np.ptp(grey) <= 6
    assert orange[0] > 180 > orange[2] + 120
    assert COLOUR[0] > COLOUR[1] > COLOUR[2]


def test_a_changed_picture_is_measured() -> None:
    source = smooth()
    brighter = Image.eval(source, lambda level: level + 20).resize((48, 48), BICUBIC)
    assert changed(brighter, source) == pytest.approx(20, abs=0.6)
