"""A frame of points as a picture: colours by D's output, and points at their places."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.pictures.plane import FAKE, HIGH, LOW, REAL, plane
from gan_core.runs.frames import RECORD, SIDE


def frame(left: float, right: float) -> np.ndarray:
    """D's output is `left` in the left half and `right` in the right one; all generated points are in one place."""
    record = np.zeros((), RECORD)
    record["field"][:, : SIDE // 2], record["field"][:, SIDE // 2 :] = left, right
    record["points"] = (1.0, 1.0)
    return record


@pytest.mark.parametrize(("reads", "low", "high"), [("probability", -20, 20), ("plain", 0, 1), ("score", -7, 300)])
def test_colours_and_places(reads: str, low: float, high: float) -> None:
    picture = np.asarray(plane(frame(low, high), np.array([[-1.0, -1.0], [9.0, 9.0]]), 2.0, 200, reads)).astype(int)
    assert picture.shape[0] % 2 == 0
    assert np.abs(picture[100, 10] - LOW).max() <= 2
    assert np.abs(picture[100, 190] - HIGH).max() <= 2
    assert tuple(picture[50, 150]) == FAKE  # y grows upwards
    assert tuple(picture[150, 50]) == REAL


def test_nan_draws_no_error() -> None:
    assert plane(frame(float("nan"), 1), np.zeros((1, 2)), 2.0, 64, "score").size[0] == 64
