"""The Dirac-GAN (1801.04406, section 2): one number for each player, and a game that need not converge.

Data are the point 0, the generator makes the point theta, and D(x) = sigmoid(psi x). With R1 of weight gamma:

    V = log D(0) + log(1 - D(theta)) - gamma/2 psi^2
    theta' =  psi sigmoid(psi theta)                        (down V)
    psi'   = -theta sigmoid(psi theta) - gamma psi          (up V)
"""

from __future__ import annotations

import cmath
import math

import numpy as np

START = (1.0, 0.0)  # theta and psi before the game
FAR = 100.0  # a player beyond has diverged, and the game ends


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), without overflow."""
    return 0.5 * (1 + math.tanh(0.5 * logit))


def value(theta: float, psi: float, gamma: float = 0.0) -> float:
    """V of both numbers."""
    return float(-np.log(2) - np.logaddexp(0, psi * theta) - 0.5 * gamma * psi**2)


def field(theta: float, psi: float, gamma: float = 0.0) -> tuple[float, float]:
    """The velocities of both players: (theta', psi')."""
    factor = sigmoid(psi * theta)
    return psi * factor, -theta * factor - gamma * psi


def eigenvalues(gamma: float, ratio: float = 1.0) -> tuple[complex, complex]:
    """Eigenvalues of the Jacobian of (theta', ratio psi') at (0, 0), where `ratio` is the discriminator's rate over the
    generator's: (-ratio gamma +- sqrt((ratio gamma)^2 - ratio)) / 2.
    """
    friction = ratio * gamma
    root = cmath.sqrt(friction**2 - ratio)
    return (-friction + root) / 2, (-friction - root) / 2


def simultaneous(theta: float, psi: float, rate: float, gamma: float = 0.0, ratio: float = 1.0) -> tuple[float, float]:
    """Both players move at once, from the same position."""
    by_theta, by_psi = field(theta, psi, gamma)
    return theta + rate * by_theta, psi + ratio * rate * by_psi


def alternating(theta: float, psi: float, rate: float, gamma: float = 0.0, ratio: float = 1.0) -> tuple[float, float]:
    """The discriminator moves first, and the generator responds to its new position."""
    psi += ratio * rate * field(theta, psi, gamma)[1]
    return theta + rate * field(theta, psi, gamma)[0], psi


def play(steps: int, rate: float, gamma: float = 0.0, at_once: bool = True, ratio: float = 1.0) -> np.ndarray:
    """The positions (steps + 1, 2) from START; the discriminator's rate is `ratio` times the generator's.

    There are fewer if a player diverges, as with steps that are too large for the penalty.
    """
    theta, psi = START
    positions = [START]
    step = simultaneous if at_once else alternating
    for _step in range(steps):
        theta, psi = step(theta, psi, rate, gamma, ratio)
        positions.append((theta, psi))
        if max(abs(theta), abs(psi)) > FAR:
            break
    return np.array(positions)
