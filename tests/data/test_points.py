"""Points in the plane: the sets, their modes, and how modes are counted."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.data import source, sources
from gan_core.data.sets.points import COUNT, MODES
from gan_core.errors import BadValue
from gan_core.metrics.points import coverage, optimal_transport

NAMES = [item.name for item in sources if item.task == "points"]


def points(name: str) -> np.ndarray:
    return source(name).load(None, lambda done, total: None).arrays["real"]


def test_all_eight_sets_are_in_the_catalogue() -> None:
    assert NAMES == ["ring8", "grid25", "two_moons", "spiral", "line", "two_blobs", "disjoint", "pinwheel"]


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_finite_centred_and_always_the_same(name: str) -> None:
    drawn = points(name)
    assert drawn.shape == (COUNT, 2)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert np.abs(drawn.mean(0)).max() < 0.5
    assert 0.5 < drawn.std() < 3.5
    assert np.array_equal(drawn, points(name))
    assert source(name).task == "points"


@pytest.mark.parametrize(
    ("name", "count", "sigma", "furthest"),
    [("ring8", 8, 0.02, 2.0), ("grid25", 25, 0.05, 4.0), ("two_blobs", 2, 0.3, 1.5)],
)
def test_modes_lie_where_the_papers_have_them(name: str, count: int, sigma: float, furthest: float) -> None:
    known = MODES[name]
    assert known.centres.shape == (count, 2)
    assert known.sigma == sigma
    assert np.abs(known.centres).max() == pytest.approx(furthest)
    if name == "ring8":
        assert np.linalg.norm(known.centres, axis=1) == pytest.approx(np.full(8, 2.0))
    if name == "grid25":
        assert {tuple(centre) for centre in known.centres} == {
            (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
        }
    counted = coverage(points(name)[:2500], known)
    assert counted.covered == counted.touched == counted.modes == count
    assert counted.quality == pytest.approx(1 - np.exp(-4.5), abs=0.006)  # of a Gaussian in the plane, within 3 sigma


def test_coverage_by_hand() -> None:
    ring = MODES["ring8"]
    # 20 at the first mode, 19 at the second, 1 at the third just inside 3 sigma, 1 at the fourth just outside
    outwards = ring.centres / 2
    samples = np.concatenate(
        [
            np.repeat(ring.centres[:1], 20, 0),
            np.repeat(ring.centres[1:2], 19, 0),
            ring.centres[2:3] + 0.0599 * outwards[2:3],
            ring.centres[3:4] + 0.0601 * outwards[3:4],
            np.zeros((159, 2)),
        ]
    )
    counted = coverage(samples, ring)
    assert (counted.covered, counted.touched, counted.modes) == (1, 3, 8)
    assert counted.quality == pytest.approx(40 / 200)


def test_samples_that_cant_be_counted_are_refused() -> None:
    with pytest.raises(BadValue, match="at least 160 samples, got 100"):
        coverage(np.zeros((100, 2)), MODES["ring8"])
    with pytest.raises(BadValue, match="points"):
        coverage(np.zeros((500, 3)), MODES["ring8"])


def test_optimal_transport_by_hand() -> None:
    # 0 goes to 1 and 10 to 12, whatever their order: (1 + 2) / 2
    one, other = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[12.0, 0.0], [1.0, 0.0]])
    assert optimal_transport(one, other) == pytest.approx(1.5)
    # a shift costs its length
    cloud = points("pinwheel")[:200].astype(np.float64)
    assert optimal_transport(cloud, cloud[::-1] + np.array([3.0, 4.0])) == pytest.approx(5.0)
    with pytest.raises(BadValue, match="can't be paired"):
        optimal_transport(one, other[:1])
