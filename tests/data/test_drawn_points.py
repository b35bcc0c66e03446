"""Points that a user drew: links that hold them, and clear errors for unusable points."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data.user import drawn_points
from gan_core.data.user.drawn_points import IN_LINK, REACH, in_link, is_drawn, parse, points_of, reference
from gan_core.errors import BadData, BadValue
from gan_core.gans import recipes
from gan_core.runs.store import RunStore
from gan_core.training.session import Session

SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def test_a_reference_holds_the_points() -> None:
    random = np.random.default_rng(0)
    points = random.uniform(-REACH, REACH, (IN_LINK, 2))
    name = reference(points)
    assert is_drawn(name)
    assert len(name) < 1100
    assert np.abs(points_of(name) - points).max() <= REACH / 1023 + 1e-9
    assert reference(points_of(name)) == name
    for count in (2, 3, 4, 5):
        assert points_of(reference(points[:count])).shape == (count, 2)


def test_a_large_set_is_a_file_and_a_link_holds_some_of_it(home: Path) -> None:
    points = np.random.default_rng(0).uniform(-2, 2, (5000, 2))
    name = reference(points)
    assert len(name) < 30
    assert np.allclose(points_of(name), points, atol=1e-6)
    assert len(points_of(in_link(name))) == IN_LINK
    assert in_link(reference(SQUARE)) == reference(SQUARE)
    next((home / "points").iterdir()).unlink()
    with pytest.raises(BadData, match="aren't on this computer"):
        points_of(name)


@pytest.mark.parametrize("code", ["", "%%%", "@nothing", "@../../../etc/passwd", "A", "é", "A" * 50_000, "AAAAA"])
def test_a_broken_reference_is_refused(code: str) -> None:
    with pytest.raises((BadValue, BadData)):
        data.load(f"drawn:{code}")


@pytest.mark.parametrize(
    ("points", "named"),
    [
        (np.zeros((0, 2)), "at least 2 points, not 0"),
        (np.zeros((1, 2)), "at least 2 points, not 1"),
        (np.zeros((10_001, 2)), "at most 10,000 points, not 10,001"),
        (np.ones((50, 2)), "All points are the same"),
        (np.array([[0.0, 0.0], [3.5, 0.0]]), r"Point 2 is \(3.5, 0\): x and y must be between -3 and 3"),
        (np.array([[0.0, 0.0], [0.0, math.nan]]), "Point 2 is .* both must be numbers"),
        (np.array([[math.inf, 0.0], [0.0, 1.0]]), "Point 1 is .* both must be numbers"),
        (np.zeros((4, 3)), "pairs of x and y"),
    ],
)
def test_unusable_points_are_refused(points: np.ndarray, named: str) -> None:
    with pytest.raises(BadValue, match=named):
        reference(points)


def test_pasted_lines_are_read() -> None:
    assert parse("0.5, -1\n\n 1;2 \n-1e0\t2.5\n").tolist() == [[0.5, -1], [1, 2], [-1, 2.5]]
    for text, named in (
        ("", "at least 2 points, not 0"), ("1,2", "not 1"), ("1,2\nx,y", "Line 2 is 'x,y'"), ("1 2 3\n1 2", "Line 1"),
        ("0,0\nnan,1", "Point 2"), ("0,0\n1,99", "between -3 and 3"),
    ):  # fmt: skip
        with pytest.raises(BadValue, match=named):
            parse(text)


def test_a_drawn_set_is_a_data_set_like_any_other(home: Path) -> None:
    name = reference(SQUARE)
    assert data.is_points(name)
    assert data.source(name).items == 4
    loaded = data.load(name)
    assert loaded.arrays["real"].shape == (drawn_points.ITEMS, 2)
    nearest = np.linalg.norm(loaded.arrays["real"][:2000, None] - SQUARE[None], axis=2).min(1)
    assert nearest.mean() == pytest.approx(drawn_points.SIGMA * math.sqrt(math.pi / 2), rel=0.1)
    recipe = recipes.get("points")
    store = RunStore()
    run = store.create(recipe.plan(name, 2, 5, {"generator_widths": (8,), "discriminator_widths": (8,)}))
    assert Session(store, run.id).start().join(30)
    assert store.get(run.id).step == 5
    store.close()
