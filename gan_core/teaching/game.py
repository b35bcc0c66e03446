"""The minimax game in its smallest form: a generator that shifts a bell curve, a discriminator with two parameters.

Data are normal around REAL, G(z) = mean + SPREAD z, D(x) = sigmoid(weight x + bias). Both spreads are equal, so that
the best discriminator has exactly this form. Expectations are sums over a fine grid, not estimates.

    V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]        (1406.2661, equation 1)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

REAL, SPREAD = 2.0, 0.8  # of the data
START = -2.0  # the generator's mean before the game
PLACES = np.linspace(-16, 16, 3201)
DISCRIMINATOR_STEPS, DISCRIMINATOR_RATE = 20, 0.3  # of one turn
GENERATOR_STEPS, GENERATOR_RATE = 5, 0.4


@dataclass(frozen=True)
class Position:
    """Both players' parameters after a move."""

    weight: float = 0.0
    bias: float = 0.0
    mean: float = START


def within(low: float, high: float, every: int = 4) -> slice:
    """Every `every`-th of PLACES within a figure's range."""
    first, last = np.searchsorted(PLACES, (low - 1e-9, high + 1e-9))
    return slice(int(first), int(last), every)


def bell(mean: float, spread: float = SPREAD, places: np.ndarray = PLACES) -> np.ndarray:
    """The density of a normal distribution."""
    density: np.ndarray = np.exp(-0.5 * ((places - mean) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    return density


def sigmoid(logit: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logit)), without overflow."""
    found: np.ndarray = 0.5 * (1 + np.tanh(0.5 * logit))
    return found


def expectation(density: np.ndarray, values: np.ndarray) -> float:
    """The mean of `values` under a density on PLACES."""
    return float(np.sum(density * values) * (PLACES[1] - PLACES[0]))


def judged(position: Position) -> np.ndarray:
    """D at PLACES."""
    return sigmoid(position.weight * PLACES + position.bias)


def value(position: Position) -> float:
    """V(D, G), which the discriminator raises and the generator lowers."""
    logits = position.weight * PLACES + position.bias
    log_real, log_fake = -np.logaddexp(0, -logits), -np.logaddexp(0, logits)  # log D and log(1 - D)
    return expectation(bell(REAL), log_real) + expectation(bell(position.mean), log_fake)


def discriminator_step(position: Position) -> Position:
    """One step up the gradient of V: dV/dl is 1 - D at real and -D at generated points."""
    d, real, fake = judged(position), bell(REAL), bell(position.mean)
    weight = expectation(real, (1 - d) * PLACES) - expectation(fake, d * PLACES)
    bias = expectation(real, 1 - d) - expectation(fake, d)
    return replace(
        position,
        weight=position.weight + DISCRIMINATOR_RATE * weight,
        bias=position.bias + DISCRIMINATOR_RATE * bias,
    )


def generator_step(position: Position) -> Position:
    """One step down the gradient of V, which is -E[D(G(z))] weight."""
    slope = -expectation(bell(position.mean), judged(position)) * position.weight
    return replace(position, mean=position.mean - GENERATOR_RATE * slope)


@cache
def play(moves: int) -> tuple[Position, ...]:
    """The positions from the start through `moves` moves: the discriminator's turn, the generator's, and so on."""
    positions = [Position()]
    for move in range(moves):
        position = positions[-1]
        theirs = move % 2 == 0
        for _turn in range(DISCRIMINATOR_STEPS if theirs else GENERATOR_STEPS):
            position = discriminator_step(position) if theirs else generator_step(position)
        positions.append(position)
    return tuple(positions)
