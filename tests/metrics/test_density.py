"""Densities of the point sets, D*, KL, JS and sliced distances: against closed forms, samples and their floors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gan_core.data import load, sources
from gan_core.data.mixtures import Mixture, is_known, mixture, reach
from gan_core.data.user import drawn_points
from gan_core.errors import BadValue, UnknownName
from gan_core.metrics import density
from gan_core.metrics.density import (
    SAMPLES,
    SIDE,
    Cells,
    Yardstick,
    counted,
    exact,
    js,
    kl,
    optimal_discriminator,
    sliced_wasserstein,
    smoothed,
)

NAMES = [source.name for source in sources if source.mixture]
FLOOR = 0.02  # bits


def real(name: str) -> np.ndarray:
    return load(name).arrays["real"].astype(np.float64)


def test_every_set_has_a_density() -> None:
    assert set(NAMES) == set(NAMES)
    assert all(map(is_known, NAMES))
    assert not is_known("digits")
    with pytest.raises(UnknownName, match="digits"):
        mixture("digits")


@pytest.mark.parametrize("name", NAMES)
def test_cells_have_the_share_of_points_that_the_density_gives_them(name: str) -> None:
    """Half the sum of differences is hardly more than that of 100,000 draws of a multinomial."""
    points, half = real(name), reach(name)
    p, q = exact(mixture(name), half), counted(points, half)
    assert p.inside.sum() + p.outside == pytest.approx(1, abs=1e-9)
    assert p.outside < 0.003
    expected = 0.4 * np.sqrt(p.flat() / len(points)).sum()  # E|x| / 2 of a normal x, by cells
    assert np.abs(p.flat() - q.flat()).sum() / 2 < 1.5 * expected + 0.003
    assert np.abs(points).max() < 1.3 * half


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_integrals_of_the_density(name: str) -> None:
    known, half = mixture(name), reach(name)
    cells = exact(known, half).inside
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    width = 2 * half / SIDE
    fine = (np.arange(48) + 0.5) / 48 * width
    x, y = np.meshgrid(-half + column * width + fine, -half + row * width + fine)
    within = known.density(np.stack([x.ravel(), y.ravel()], 1)).mean() * width**2
    assert cells[row, column] == pytest.approx(within, rel=0.01)


def test_the_density_of_a_mixture_by_hand() -> None:
    known = Mixture(np.array([[0.0, 0.0], [3.0, 4.0]]), 0.5)
    alone = 1 / (2 * math.pi * 0.25)
    assert known.density(np.array([[0.0, 0.0], [0.5, 0.0]])) == pytest.approx(
        [alone / 2, alone / 2 * math.exp(-0.5)], rel=1e-6
    )


# --- D* --------------------------------------------------------------------------------------------------------------


def test_the_optimal_discriminator_of_two_gaussians_is_a_sigmoid() -> None:
    """N((-1, 0), 1) against N((1, 0), 1): D*(x) = sigmoid(-2 x), a closed form."""
    one, other = Mixture(np.array([[-1.0, 0.0]]), 1.0), Mixture(np.array([[1.0, 0.0]]), 1.0)
    places = np.stack([np.linspace(-3, 3, 31), np.linspace(-1, 1, 31)], 1)
    found = optimal_discriminator(one.density(places), other.density(places))
    assert found == pytest.approx(1 / (1 + np.exp(2 * places[:, 0])), abs=1e-9)


def test_the_optimal_discriminator_of_counted_points_comes_close() -> None:
    random = np.random.default_rng(0)
    one = Mixture(np.array([[-0.5, 0.0]]), 0.7)
    fake = random.normal((0.5, 0.0), 0.7, (400_000, 2))
    p, q = smoothed(exact(one, 3.0)), smoothed(counted(fake, 3.0))
    middles = 3 * ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1)
    wanted = 1 / (1 + np.exp(middles / (0.49 + (6 / SIDE) ** 2)))  # both widened by the kernel
    trusted = p.inside + q.inside > 1e-3
    found = optimal_discriminator(p.inside, q.inside)
    assert np.abs(found - wanted[None])[trusted].max() < 0.03


def test_the_value_of_the_game_at_the_optimum_is_js() -> None:
    """V(D*) = E_p log D* + E_q log(1 - D*) = -log 4 + 2 JS, in nats (1406.2661, theorem 1)."""
    random = np.random.default_rng(1)
    p, q = random.dirichlet(np.ones(50)), random.dirichlet(np.ones(50))
    best = optimal_discriminator(p, q)
    value = (p * np.log(best)).sum() + (q * np.log(1 - best)).sum()
    assert value == pytest.approx(-math.log(4) + 2 * js(p, q) * math.log(2), abs=1e-12)


def test_where_nothing_lies_there_is_no_optimum() -> None:
    assert np.isnan(optimal_discriminator(np.zeros(2), np.zeros(2))).all()


# --- KL, JS, sliced distances ----------------------------------------------------------------------------------------


def test_divergences_by_hand() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert kl(p, q) == pytest.approx(1.0)
    assert kl(q, p) == math.inf
    # m = (.375, .375, .25)
    wanted = (math.log2(4 / 3) + 0.5 * math.log2(2 / 3) + 0.5) / 2
    assert js(p, q) == pytest.approx(wanted)
    assert js(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    assert js(p, p) == 0.0


def test_kl_of_gaussians_comes_close_to_its_closed_form() -> None:
    """KL(N(0, 1) || N(m, 1)) = m^2 / 2 nats."""
    one, other = Mixture(np.zeros((1, 2)), 1.0), Mixture(np.array([[0.8, 0.6]]), 1.0)
    found = kl(exact(one, 6.0, 96).flat(), exact(other, 6.0, 96).flat())
    assert found == pytest.approx(0.5 / math.log(2), rel=0.01)


def test_smoothing_keeps_the_sum_also_at_the_border() -> None:
    inside = np.zeros((8, 8))
    inside[0, 0], inside[7, 3] = 0.5, 0.4
    soft = smoothed(Cells(inside, 0.1))
    assert soft.inside.sum() == pytest.approx(0.9)
    assert soft.outside == 0.1
    assert soft.inside[0, 1] > 0


def test_points_outside_and_broken_ones_count_as_outside() -> None:
    points = np.array([[0.5, 0.5], [9.0, 0.0], [math.nan, 0.0], [math.inf, 1.0], [-1.0, -1.0], [1.0, 0.0]])
    found = counted(points, 1.0, 2)
    assert found.outside == pytest.approx(4 / 6)  # the upper edge belongs to no cell
    assert found.inside.tolist() == [[pytest.approx(1 / 6), 0], [0, pytest.approx(1 / 6)]]
    with pytest.raises(BadValue, match="points"):
        counted(np.zeros((0, 2)), 1.0)


def test_a_sliced_distance_by_hand() -> None:
    """A shift by d moves each projection by d times a cosine, on average 2 / pi of it."""
    points = np.random.default_rng(0).standard_normal((SAMPLES, 2))
    assert sliced_wasserstein(points, points + np.array([3.0, 4.0])) == pytest.approx(5 * 2 / math.pi, rel=0.002)
    assert sliced_wasserstein(points, points[::-1]) == 0.0
    assert sliced_wasserstein(points, points[:1000]) < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_generator_scores_the_floor_and_a_bad_one_far_above(name: str) -> None:
    measure = density.yardstick(name)
    perfect = measure.measure(real(name)[:SAMPLES])
    for found in (perfect, measure.floor):
        assert 0 < found.kl <= FLOOR
        assert 0 < found.js <= FLOOR
    assert perfect.sliced < 3 * measure.floor.sliced + 0.01
    collapsed = measure.measure(np.full((SAMPLES, 2), real(name)[0]))
    assert collapsed.js > 0.5
    assert collapsed.kl > 5
    assert collapsed.sliced > 10 * measure.floor.sliced
    away = measure.measure(np.full((SAMPLES, 2), 1e3))
    assert 0.95 < away.js <= 1
    assert math.isfinite(away.kl)


def test_drawn_points_have_the_density_that_training_sees() -> None:
    name = drawn_points.reference(np.array([[-1.0, -1.0], [1.0, 0.5], [0.0, 2.0]]))
    assert reach(name) == drawn_points.REACH
    measure = Yardstick(name)
    assert measure.measure(load(name).arrays["real"][:SAMPLES].astype(float)).js <= FLOOR
