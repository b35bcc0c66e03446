"""The Dirac-GAN: gradients, rotation without R1, contraction with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from gan_core.teaching import dirac


def field_in_torch(position: torch.Tensor, gamma: float) -> torch.Tensor:
    """(-dV/dtheta, dV/dpsi); the penalty is the discriminator's alone."""
    theta, psi = position
    value = logsigmoid(psi * 0) + logsigmoid(-psi * theta)
    by_theta, by_psi = torch.autograd.grad(value, (theta, psi), create_graph=True)
    return torch.stack([-by_theta, by_psi - gamma * psi])


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("place", [(1.0, 0.0), (0.4, -1.3), (-2.0, 0.7)])
def test_the_field_is_the_gradient(place: tuple[float, float], gamma: float) -> None:
    position = tuple(torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in place)
    known = field_in_torch(position, gamma).detach()  # type: ignore[arg-type]
    assert dirac.field(*place, gamma) == pytest.approx(known.tolist(), abs=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_eigenvalues_are_those_of_the_jacobian(gamma: float, ratio: float) -> None:
    step, rates = 1e-6, np.array([1, ratio])
    columns = [
        (np.array(dirac.field(*(step * unit), gamma)) - np.array(dirac.field(*(-step * unit), gamma))) / (2 * step)
        for unit in np.eye(2)
    ]
    known = np.linalg.eigvals(rates[:, None] * np.stack(columns, 1))
    found = np.array(dirac.eigenvalues(gamma, ratio))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(known.astype(complex)), atol=1e-4)
    assert (found.real.max() < 0) == (gamma > 0)


def test_without_a_penalty_the_field_turns_and_never_comes_nearer() -> None:
    for theta, psi in ((1.0, 0.0), (0.3, -2.0)):
        by_theta, by_psi = dirac.field(theta, psi)
        assert theta * by_theta + psi * by_psi == pytest.approx(0, abs=1e-15)
    assert dirac.eigenvalues(0) == (0.5j, -0.5j)


def test_steps_at_once_go_outwards_in_turn_they_stay_and_with_r1_they_come_to_rest() -> None:
    radius = np.linalg.norm(dirac.play(400, 0.3), axis=1)
    assert (np.diff(radius) >= 0).all()
    assert radius[-1] > 2
    in_turn = np.linalg.norm(dirac.play(400, 0.3, at_once=False), axis=1)
    assert 0.8 < in_turn.min() < in_turn.max() < 1.2
    assert np.linalg.norm(dirac.play(400, 0.3, gamma=0.5)[-1]) < 1e-3


def test_too_large_steps_end_the_game() -> None:
    path = dirac.play(200, 1.0, gamma=2.0, ratio=5.0)
    assert len(path) < 20
    assert np.abs(path[-1]).max() > dirac.FAR >= np.abs(path[:-1]).max()


def test_a_step_is_one_of_the_two_ways() -> None:
    for ways in ((0.2, 0.4), (0.2, 0.4, 3.0)):
        rate, gamma, ratio = (*ways, 1.0)[:3]
        at_once, in_turn = (dirac.play(1, rate, gamma, at_once=which, ratio=ratio)[1] for which in (True, False))
        assert tuple(at_once) == pytest.approx(dirac.simultaneous(*dirac.START, *ways))
        assert tuple(in_turn) == pytest.approx(dirac.alternating(*dirac.START, *ways))


def test_a_discriminator_at_four_times_the_rate_is_damped_critically() -> None:
    assert dirac.eigenvalues(0.5, 4.0) == (-1, -1)
    assert dirac.eigenvalues(0.0, 4.0) == (1j, -1j)


def test_the_value_has_its_slopes() -> None:
    theta, psi, gamma, step = 0.7, -0.4, 0.6, 1e-6
    by_psi = (dirac.value(theta, psi + step, gamma) - dirac.value(theta, psi - step, gamma)) / (2 * step)
    by_theta = (dirac.value(theta + step, psi, gamma) - dirac.value(theta - step, psi, gamma)) / (2 * step)
    assert dirac.field(theta, psi, gamma) == pytest.approx((-by_theta, by_psi), abs=1e-8)
