"""Metrics of sets of features against closed forms, brute force and other libraries."""

from __future__ import annotations

import math
import warnings

import numpy as np
import prdc
import pytest
import torch
from scipy.stats import mannwhitneyu, wasserstein_distance

from gan_core.errors import BadValue
from gan_core.metrics import copying, ndb
from gan_core.metrics.classes import ClassCounts, divergence
from gan_core.metrics.clusters import assigned, centres_of
from gan_core.metrics.fid import (
    Grouped,
    fid_infinity,
    frechet,
    frechet_by_gram,
    frechet_distance,
    gaussian,
    replicates,
)
from gan_core.metrics.kid import discrepancy, kid
from gan_core.metrics.neighbours import pairs
from gan_core.metrics.obedience import matched_names, obedience
from gan_core.metrics.sliced import sliced_wasserstein, spread
from gan_core.metrics.vendi import replicates as vendi_replicates
from gan_core.metrics.vendi import vendi

RANDOM = np.random.default_rng(0)
ONE, OTHER = RANDOM.standard_normal((2, 600, 6))
SHIFTED = OTHER * 1.2 + 0.5


# --- Frechet -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [40, 300])
def test_frechet_by_products_is_the_same(size: int) -> None:
    """With fewer samples than features, and with more."""
    random = np.random.default_rng(size)
    one, other = random.standard_normal((60, size)) + 3, random.standard_normal((50, size)) * 1.5
    expected = frechet_distance(gaussian(one), gaussian(other))
    assert frechet_by_gram(one, other) == pytest.approx(expected, rel=1e-6)
    assert frechet(one, other) == pytest.approx(expected, rel=1e-6)
    assert frechet_by_gram(one, one) == pytest.approx(0, abs=1e-4)
    with pytest.raises(BadValue, match="at least 2 samples, got 1"):
        frechet_by_gram(one[:1], other)


def test_torchmetrics_has_the_same_frechet_distance() -> None:
    from torchmetrics.image.fid import _compute_fid

    one, other = (gaussian(rows) for rows in (ONE, SHIFTED))
    tensors = [torch.from_numpy(part) for side in (one, other) for part in (side.mean, side.covariance)]
    assert frechet_distance(one, other) == pytest.approx(float(_compute_fid(*tensors)), rel=1e-6)


def test_sums_of_groups_give_the_gaussian_of_resampled_rows() -> None:
    groups = Grouped(ONE, 6)
    times = np.array([2.0, 0, 1, 1, 0, 2])
    rows = np.concatenate([ONE[100 * place : 100 * (place + 1)] for place in (0, 0, 2, 3, 5, 5)])
    found, expected = groups.gaussian(times), gaussian(rows)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9)
    np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-8)


def test_the_bootstraps_spread_is_that_of_new_samples() -> None:
    """Both ways of resampling give the standard deviation of 60 fresh pairs of samples."""
    random = np.random.default_rng(3)
    fresh = [frechet(random.standard_normal((100, 6)), random.standard_normal((100, 6)) * 1.2 + 0.5) for _ in range(60)]
    one, other = random.standard_normal((100, 6)), random.standard_normal((100, 6)) * 1.2 + 0.5
    for gram in (False, True):
        drawn = replicates(one, other, np.random.default_rng(4), gram=gram)
        assert drawn.std(ddof=1) == pytest.approx(np.std(fresh, ddof=1), rel=0.4)


def test_extrapolation_removes_the_bias_of_few_samples() -> None:
    """The exact distance of N(0, 1) and N(.5, 1) in 20 dimensions is 5; 400 samples are biased upwards, and a line
    through the distances of fewer and of all ends nearer to it.
    """
    random = np.random.default_rng(5)
    real = random.standard_normal((5_000, 20))
    made = random.standard_normal((400, 20)) + 0.5
    found = fid_infinity(real, made, random)
    biased = frechet(real, made)
    assert biased > 5 + 0.5 * 20 * 21 / (4 * 400) + 0.5 * (found.value - 5)
    assert len(found.replicates) == 12
    exact = np.polyfit(found.points[:, 0], found.points[:, 1], 1)[1]
    assert found.value == pytest.approx(exact, rel=1e-9)
    assert found.points[-1] == pytest.approx([1 / 400, biased], rel=1e-6)
    with pytest.raises(BadValue, match="needs 40 samples, got 39"):
        fid_infinity(real, made[:39], random)


# --- KID, sliced ---------------------------------------------------------------------------------------------------


def test_kids_error_in_one_block_is_that_of_new_samples() -> None:
    random = np.random.default_rng(6)

    def fresh() -> tuple[np.ndarray, np.ndarray]:
        return random.standard_normal((100, 4)), random.standard_normal((100, 4)) + 0.4

    values = [discrepancy(*fresh()) for _ in range(60)]
    errors = [kid(*fresh()).error for _ in range(5)]
    assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.35)
    assert kid(*fresh()).count == 100


def test_sliced_distance_in_one_dimension_is_scipys() -> None:
    one, other = ONE[:, :1], OTHER[:, :1] + 1.0
    scaled = [rows / spread(one) for rows in (one, other)]
    quantiles = np.sort(scaled[0][:, 0]) - np.sort(scaled[1][:, 0])
    found = sliced_wasserstein(one, other).value
    assert found == pytest.approx(math.sqrt((quantiles**2).mean()), rel=1e-6)
    # moved by a constant, the first and the second Wasserstein distance are that constant
    moved = sliced_wasserstein(one, one + 2).value
    assert moved == pytest.approx(2 / spread(one), rel=1e-5)
    assert moved == pytest.approx(wasserstein_distance(scaled[0][:, 0], scaled[0][:, 0] + 2 / spread(one)), rel=1e-5)


def test_sliced_distance_of_a_shift_by_the_closed_form() -> None:
    """Moved by v in d dimensions: the mean over directions of (u.v)^2 is |v|^2 / d."""
    found = sliced_wasserstein(ONE, ONE + 2.0, directions=4000).value
    assert found == pytest.approx(2.0 / spread(ONE), rel=0.03)
    assert sliced_wasserstein(ONE, ONE[::-1].copy()).value == pytest.approx(0, abs=1e-6)
    assert sliced_wasserstein(10 * ONE, 10 * SHIFTED).value == pytest.approx(sliced_wasserstein(ONE, SHIFTED).value)
    with pytest.raises(BadValue, match="at least 2 samples"):
        sliced_wasserstein(ONE[:1], ONE)


def test_sliced_distances_of_unequal_counts_and_their_spread() -> None:
    random = np.random.default_rng(7)
    assert sliced_wasserstein(ONE, np.repeat(ONE, 2, 0)).value == pytest.approx(0, abs=1e-6)
    fresh = [sliced_wasserstein(random.standard_normal((300, 6)), random.standard_normal((300, 6)) + 0.5).value
             for _ in range(40)]  # fmt: skip
    found = sliced_wasserstein(
        random.standard_normal((300, 6)), random.standard_normal((300, 6)) + 0.5, np.random.default_rng(8)
    )
    assert found.replicates.std(ddof=1) == pytest.approx(np.std(fresh, ddof=1), rel=0.5)


# --- precision and recall against prdc ------------------------------------------------------------------------------


def test_prdc_agrees_and_the_closest_are_found() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = prdc.compute_prdc(ONE, SHIFTED, 5)
    found = pairs(ONE, SHIFTED)
    for name, value in expected.items():
        assert getattr(found.manifold, name) == pytest.approx(value, abs=1e-9)
    squares = ((SHIFTED[:, None] - ONE[None]) ** 2).sum(2)
    np.testing.assert_array_equal(found.places, squares.argmin(1))
    np.testing.assert_allclose(found.squares, squares.min(1), rtol=1e-8)
    own = ((ONE[:, None] - ONE[None]) ** 2).sum(2) + np.diag(np.full(len(ONE), np.inf))
    np.testing.assert_allclose(found.own, own.min(1), rtol=1e-8)


# --- bins, variety --------------------------------------------------------------------------------------------------


def test_the_z_test_of_bins_by_hand() -> None:
    """Of 100 and 100: 50 against 30 differ (z = 2.89), 10 against 12 don't (z = .45), 40 against 58 do (z = 2.55)."""
    real, made = np.array([50, 10, 40]), np.array([30, 12, 58])
    np.testing.assert_array_equal(ndb.differing(real, made), [True, False, True])
    found = ndb.compared(real, made, np.random.default_rng(0))
    assert found.ndb == pytest.approx(2 / 3)
    p, q = real / 100, made / 100
    middle = (p + q) / 2
    by_hand = sum(0.5 * side * np.log2(side / middle) for side in (p, q)).sum()
    assert found.js == pytest.approx(by_hand)


def test_a_missing_mode_is_a_bin_that_differs() -> None:
    random = np.random.default_rng(9)
    centres = random.standard_normal((5, 4)) * 20
    real, good = (centres[random.integers(5, size=400)] + random.standard_normal((400, 4)) for _ in range(2))
    lost = centres[random.integers(3, size=400)] + random.standard_normal((400, 4))
    binning = ndb.Binning(real)
    fine, missing = (ndb.compared(binning.counts(real), binning.counts(rows), random) for rows in (good, lost))
    assert binning.count == 20
    assert fine.ndb <= 0.15
    assert missing.ndb > 0.4
    assert missing.js > 5 * fine.js


def test_clusters_are_as_tight_as_scikit_learns() -> None:
    from sklearn.cluster import KMeans  # takes most of a second, in every process that collects tests

    random = np.random.default_rng(12)
    rows = random.standard_normal((8, 5))[random.integers(8, size=500)] * 6 + random.standard_normal((500, 5))
    theirs = KMeans(8, n_init=1, init="random", random_state=0).fit(rows)
    centres = centres_of(rows, 8)
    np.testing.assert_array_equal(assigned(rows, theirs.cluster_centers_), theirs.labels_)
    tightness = ((rows - centres[assigned(rows, centres)]) ** 2).sum()
    assert tightness < 1.5 * theirs.inertia_
    assert centres_of(np.ones((10, 3)), 4).shape == (4, 3)  # all the same: no division by 0


def test_vendi_score_by_closed_forms() -> None:
    """Three kinds, each as often: 3; all the same: 1; orthogonal: n. The rows' products have the same eigenvalues."""
    assert vendi(np.repeat(np.eye(5)[:3] * 7, 10, 0)) == pytest.approx(3)
    assert vendi(np.ones((30, 5))) == pytest.approx(1)
    assert vendi(np.eye(5)) == pytest.approx(5)
    weights = np.array([0.5, 0.3, 0.2])
    rows = np.repeat(np.eye(4)[:3], [50, 30, 20], 0)
    assert vendi(rows) == pytest.approx(np.exp(-(weights * np.log(weights)).sum()))
    few = ONE[:5]
    products = (few @ few.T) / np.linalg.norm(few, axis=1)[:, None] / np.linalg.norm(few, axis=1)
    values = np.linalg.eigvalsh(products / 5).clip(1e-15)
    assert vendi(few) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    for features in (ONE, ONE[:5]):  # by sums of groups, and by products of rows
        assert 0 < vendi_replicates(features, np.random.default_rng(0)).std() < 1


# --- classes --------------------------------------------------------------------------------------------------------


def test_both_mode_scores() -> None:
    """The paper's equals the Inception Score whatever the labels; the tutorials' falls where a class is missing."""
    rows = np.random.default_rng(10).dirichlet([0.3, 0.3, 0.1], 500)
    counts = ClassCounts(3)
    for part in np.array_split(rows, 7):
        counts.add(part)
    labels = np.array([0.2, 0.3, 0.5])
    marginal = rows.mean(0)
    inner = np.mean([(row * np.log(row / marginal)).sum() for row in rows.clip(1e-300)])
    assert counts.inception_score() == pytest.approx(np.exp(inner))
    assert counts.mode_score(labels) == pytest.approx(counts.inception_score())
    gap = (marginal * np.log(marginal / labels)).sum()
    assert counts.tutorial_mode_score(labels) == pytest.approx(np.exp(inner - gap))
    assert counts.tutorial_mode_score(labels) == pytest.approx(
        counts.inception_score() / np.exp(divergence(marginal, labels))
    )
    scores, marginals = counts.resampled(np.random.default_rng(0))
    assert scores.mean() == pytest.approx(counts.inception_score(), rel=0.05)
    np.testing.assert_allclose(marginals.sum(1), 1)


def test_torchmetrics_has_the_same_inception_score() -> None:
    from torchmetrics.image.inception import InceptionScore

    logits = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)) * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its buffer, and of the spread of one split
        score = InceptionScore(feature=torch.nn.Identity(), splits=1)
        score.update(logits)
        expected = float(score.compute()[0])
    counts = ClassCounts(4)
    counts.add(logits.softmax(1).double().numpy())
    assert counts.inception_score() == pytest.approx(expected, rel=1e-5)


def test_the_matrix_of_obedience() -> None:
    asked, seen = np.array([0, 0, 1, 1, 1]), np.array([1, 1, 0, 0, 1])
    found = obedience(asked, seen, ("cat", "dog"), ("dog", "cat"))  # another order, matched by name
    np.testing.assert_allclose(found.shares, [[0, 1], [2 / 3, 1 / 3]])
    assert found.obeyed == pytest.approx(4 / 5)
    assert found.of_each == {"cat": 1.0, "dog": pytest.approx(2 / 3)}
    assert matched_names(("a", "b"), ("b", "a")) == ("a", "b")
    assert matched_names(("a", "b"), ("x", "y")) == ("x", "y")
    assert matched_names(("a", "b"), ("x", "y", "z")) is None


# --- copies ---------------------------------------------------------------------------------------------------------


def test_mann_whitney_is_scipys() -> None:
    one, other = RANDOM.standard_normal(60), RANDOM.standard_normal(80) + 0.5
    for first, second in ((one, other), (one.round(), other.round())):  # without ties, and with them
        z = copying.mann_whitney(first, second)
        expected = mannwhitneyu(first, second, use_continuity=False, method="asymptotic")
        assert math.erfc(abs(z) / math.sqrt(2)) == pytest.approx(expected.pvalue, rel=1e-9)
        assert (z < 0) == (expected.statistic < len(first) * len(second) / 2)
    assert copying.mann_whitney(np.ones(5), np.ones(5)) == 0


def test_copies_are_found_and_new_images_arent() -> None:
    random = np.random.default_rng(11)
    training, unseen, new = random.standard_normal((3, 500, 8))
    copied = training[random.permutation(500)] + 0.05 * random.standard_normal((500, 8))
    fine, caught = (copying.copy_test(training, unseen, rows, random) for rows in (new, copied))
    assert abs(fine.value) < 3
    assert caught.value < -10
    assert fine.replicates.std() == pytest.approx(1, abs=0.5)  # z has a spread of 1
    shares = [_authentic(training, rows) for rows in (new, copied)]
    assert shares[0] > 0.3
    assert shares[1] == 0
    with pytest.raises(BadValue, match="at least 10 unseen images"):
        copying.copy_test(training, unseen[:5], new, random)


def _authentic(training: np.ndarray, made: np.ndarray) -> float:
    found = pairs(training, made)
    return float(copying.authentic(found.squares, found.places, found.own).mean())


def test_mifid_is_torchmetrics() -> None:
    """With the samples as first argument: its class passes the real images first, and so averages over those."""
    from torchmetrics.image.mifid import _mifid_compute

    near = ONE + 0.1 * OTHER  # copies, nearly
    for made in (near, np.abs(SHIFTED[:, ::-1]) + 3):
        sides = [(gaussian(rows), torch.from_numpy(rows.copy())) for rows in (made, ONE)]
        parts = [(torch.from_numpy(side.mean), torch.from_numpy(side.covariance), rows) for side, rows in sides]
        theirs = float(_mifid_compute(*parts[0], *parts[1]))
        distance = frechet_distance(sides[0][0], sides[1][0])
        assert copying.mifid(distance, copying.cosine_to_closest(ONE, made)) == pytest.approx(theirs, rel=1e-3)
    drawn = copying.mifid_replicates(np.full(20, 2.0), copying.cosine_to_closest(ONE, near), np.random.default_rng(0))
    assert drawn.std() > 0
