"""Frechet distance, KID, precision and recall against scipy, brute force, closed forms and hand-made clouds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.linalg import sqrtm

from gan_core.errors import BadValue
from gan_core.metrics.fid import Gaussian, Moments, frechet_distance, gaussian
from gan_core.metrics.kid import discrepancy, kid
from gan_core.metrics.neighbours import Manifold, closest, manifold, reach


def cloud(count: int, size: int, seed: int) -> np.ndarray:
    """Correlated normal features (count, size) with a mean that is far from 0."""
    random = np.random.default_rng(seed)
    mixing = random.standard_normal((size, size))
    return random.standard_normal((count, size)) @ mixing + random.standard_normal(size) * 10


# --- Frechet -------------------------------------------------------------------------------------------------------


def test_frechet_of_known_gaussians() -> None:
    """Diagonal covariances: |m1 - m2|^2 + sum (s1 - s2)^2, with standard deviations s."""
    one = Gaussian(np.array([1.0, 2.0, 0.0]), np.diag([1.0, 4.0, 9.0]))
    other = Gaussian(np.array([0.0, 4.0, 0.0]), np.diag([4.0, 4.0, 0.0]))
    assert frechet_distance(one, other) == pytest.approx(1 + 4 + 1 + 0 + 9, abs=1e-9)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_frechet_of_turned_gaussians() -> None:
    """Two ellipses with axes 3 and 1, at right angles: the same as before, because their covariances commute."""
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    one = Gaussian(np.zeros(2), turn @ np.diag([9.0, 1.0]) @ turn.T)
    other = Gaussian(np.zeros(2), turn @ np.diag([1.0, 9.0]) @ turn.T)
    assert frechet_distance(one, other) == pytest.approx(8, abs=1e-9)


@pytest.mark.parametrize("size", [2, 16, 64])
def test_frechet_agrees_with_scipys_matrix_root(size: int) -> None:
    one, other = gaussian(cloud(500, size, 0)), gaussian(cloud(400, size, 1))
    root = sqrtm(one.covariance @ other.covariance)
    shift = one.mean - other.mean
    expected = shift @ shift + np.trace(one.covariance + other.covariance - 2 * np.real(root))
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(other, one) == pytest.approx(frechet_distance(one, other), rel=1e-9)


def test_frechet_of_singular_covariances() -> None:
    """Fewer samples than features: on a line, (5 - 2)^2 by the closed form; nothing complex, nothing infinite."""
    line = np.linspace(-1, 1, 3)[:, None] * np.eye(1, 8)
    assert frechet_distance(gaussian(5 * line), gaussian(2 * line)) == pytest.approx(9, abs=1e-6)


def test_streamed_moments_are_numpys() -> None:
    features = cloud(1003, 5, 2).astype(np.float32) + 1000
    moments = Moments(5)
    for start in range(0, len(features), 97):
        moments.add(features[start : start + 97])
    moments.add(features[:0])
    exact = features.astype(np.float64)
    assert moments.count == 1003
    np.testing.assert_allclose(moments.gaussian().mean, exact.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.gaussian().covariance, np.cov(exact, rowvar=False), rtol=1e-9)
    with pytest.raises(BadValue, match="at least 2 samples, got 1"):
        gaussian(features[:1])


# --- KID -----------------------------------------------------------------------------------------------------------


def test_kid_by_brute_force() -> None:
    """Every pair separately, as in the formula."""
    random = np.random.default_rng(3)
    one, other = random.standard_normal((7, 3)), random.standard_normal((6, 3)) + 0.5

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((np.dot(x, y) / 3 + 1) ** 3)

    within = [np.mean([kernel(x, y) for x, y in itertools.permutations(side, 2)]) for side in (one, other)]
    across = np.mean([kernel(x, y) for x, y in itertools.product(one, other)])
    assert discrepancy(one, other) == pytest.approx(within[0] + within[1] - 2 * across, rel=1e-9)


def test_kid_by_hand() -> None:
    """x in {0, 1}, y in {1, 2} in one dimension: k(0,1) = 1, k(1,2) = 27; across (1 + 1 + 8 + 27) / 4."""
    found = kid(np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]]))
    assert found.value == pytest.approx(1 + 27 - 2 * 37 / 4, abs=1e-12)
    assert np.isnan(found.error)
    assert found.count < 100  # replicates that hold a single sample twice have no pairs


def test_kid_is_unbiased_and_sees_a_shift() -> None:
    random = np.random.default_rng(4)
    one, same = random.standard_normal((2, 4000, 8))
    found = kid(one, same, block=200)
    assert abs(found.value) < 4 * found.error
    assert kid(one, same + 0.3, block=200).value > 10 * found.error
    blocks = [discrepancy(one[start : start + 200], same[start : start + 200]) for start in range(0, 4000, 200)]
    assert found.value == pytest.approx(np.mean(blocks))
    assert found.error == pytest.approx(np.std(blocks, ddof=1) / np.sqrt(20))
    with pytest.raises(BadValue, match="at least 2"):
        kid(one[:1], same)


# --- precision, recall, density, coverage --------------------------------------------------------------------------


def test_manifold_by_hand() -> None:
    """Real 0, 1, 3 and generated 0.5, 4, 20 on a line with k = 1.

    Radii of real ones: 1, 1, 2; of generated ones: 3.5, 3.5, 16. 0.5 lies in B(0) and B(1), 4 in B(3), 20 in none.
    0, 1 and 3 lie in B(0.5), which reaches from -3 to 4.
    """
    real, generated = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [4.0], [20.0]])
    np.testing.assert_allclose(reach(real, 1), [1, 1, 4])
    found = manifold(real, generated, k=1)
    assert found == Manifold(precision=pytest.approx(2 / 3), recall=1.0, density=pytest.approx(3 / 3), coverage=1.0)


def test_a_generator_that_makes_one_mode_alone() -> None:
    """Two far unit squares, and a square of half the side within the first: half of the modes is missing.

    With k = 2 the radii of corners are their sides: 1, and 0.5 for the inner ones. An inner corner is 0.354 from its
    outer one, 0.79 from two more and 1.06 from the last: it lies in three balls, density 3 / 2.
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found = manifold(np.concatenate([corners, corners + 100]), corners * 0.5 + 0.25, k=2)
    assert (found.precision, found.coverage) == (1.0, 0.5)
    assert (found.recall, found.density) == (0.5, 1.5)


def test_a_generator_that_makes_noise_too() -> None:
    random = np.random.default_rng(5)
    real, good = random.standard_normal((2, 400, 4))
    noise = random.standard_normal((400, 4)) * 30
    fine, mixed = manifold(real, good), manifold(real, np.concatenate([good[:200], noise[:200]]))
    assert fine.precision > 0.9
    assert fine.recall > 0.9
    assert fine.density == pytest.approx(1, abs=0.15)
    assert fine.coverage > 0.9
    assert mixed.precision == pytest.approx(fine.precision / 2, abs=0.05)
    assert mixed.density == pytest.approx(fine.density / 2, abs=0.1)
    assert manifold(real, noise).coverage < 0.2


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(6)
    real, generated = random.standard_normal((300, 6)), random.standard_normal((200, 6)) + 0.5
    whole = manifold(real, generated)
    monkeypatch.setattr("gan_core.metrics.neighbours.CHUNK", 7)
    assert manifold(real, generated) == whole
    squares = ((real[:, None] - real[None]) ** 2).sum(2)
    np.testing.assert_allclose(reach(real, 5), np.sort(squares, 1)[:, 5], rtol=1e-9)


def test_too_few_for_their_neighbours() -> None:
    with pytest.raises(BadValue, match="more than 5 samples on each side, got 5"):
        manifold(np.zeros((100, 2)), np.zeros((5, 2)))


# --- nearest -------------------------------------------------------------------------------------------------------


def test_the_closest_of_all_batches() -> None:
    random = np.random.default_rng(7)
    queries, candidates = random.standard_normal((40, 5)), random.standard_normal((90, 5))
    distances = np.linalg.norm(queries[:, None] - candidates[None], axis=2)
    found = closest(queries, np.array_split(candidates, 4))
    np.testing.assert_array_equal(found.places, distances.argmin(1))
    np.testing.assert_allclose(found.distances, distances.min(1), rtol=1e-6)


def test_a_query_among_the_candidates_can_be_left_out() -> None:
    candidates = np.random.default_rng(8).standard_normal((60, 5))
    chosen = np.array([3, 25, 59])
    alone = closest(candidates[chosen], np.array_split(candidates, 5))
    np.testing.assert_array_equal(alone.places, chosen)
    np.testing.assert_allclose(alone.distances, 0, atol=1e-6)
    others = closest(candidates[chosen], np.array_split(candidates, 5), skip=chosen)
    distances = np.linalg.norm(candidates[chosen][:, None] - candidates[None], axis=2)
    np.testing.assert_allclose(others.distances, np.sort(distances, 1)[:, 1], rtol=1e-6)
