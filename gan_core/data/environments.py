"""Descriptions of the environments for demonstrations and for testing policies. Needs no torch.

The physics are gymnasium's (extra `control`). Episodes begin at given states, so that they depend on a seed, a
checkpoint or a rank, and not on a random generator inside the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from gan_core.data.base import DataSpec
from gan_core.errors import BadData, BadValue
from gan_core.registry import Registry

MISSING = "Environments need gymnasium. Install it with: pip install 'ganscope[control]'"
OVER = -1  # the action of steps after an episode's end
STARTS = 4  # numbers in [0, 1) that determine a start

Player = Callable[[np.ndarray], np.ndarray]  # observations (N, O) -> actions (N,)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A control task with few actions. `expert` reaches its goal, `idle` is the action with the least effect."""

    name: str
    title: str
    actions: tuple[str, ...]
    observed: tuple[str, ...]  # the meaning of each number of an observation
    scale: tuple[float, ...]  # the usual magnitude of each
    spread: float  # starts are uniform in +- this
    rate: int  # steps a second
    survive: bool  # whether the goal is a long episode rather than an early end
    expert: Player
    idle: int

    def reached(self, lengths: np.ndarray, horizon: int) -> np.ndarray:
        """Whether episodes of these lengths, of at most `horizon` steps, reached the goal, (N,)."""
        return lengths >= horizon if self.survive else lengths < horizon

    def returns(self, lengths: Any) -> Any:
        """The environment's own return: +1 or -1 for each step."""
        return lengths if self.survive else -lengths


environments: Registry[Environment] = Registry("environment")
experts: dict[str, Player] = {}  # the player of each data set of demonstrations


def _balance(seen: np.ndarray) -> np.ndarray:
    """Pushes in the direction in which the pole falls; off the middle, the target is tilted back."""
    right: np.ndarray = seen @ np.array([0.3, 0.6, 10.0, 2.0]) > 0
    return right.astype(np.int64)


def _pump(seen: np.ndarray) -> np.ndarray:
    """Adds energy to the first link's swing: torque against its rotation."""
    return np.where(seen[:, 4] > 0, 0, 2)


CARTPOLE = environments.register(
    "CartPole-v1",
    Environment(
        name="CartPole-v1", title="Pole on a cart", actions=("left", "right"),
        observed=("position", "speed", "angle", "turning"), scale=(1.0, 1.0, 0.1, 1.0), spread=0.05, rate=50,
        survive=True, expert=_balance, idle=0,
    ),
)  # fmt: skip
ACROBOT = environments.register(
    "Acrobot-v1",
    Environment(
        name="Acrobot-v1", title="Swing of two links", actions=("torque -1", "none", "torque +1"),
        observed=("cos 1", "sin 1", "cos 2", "sin 2", "turning 1", "turning 2"),
        scale=(1.0, 1.0, 1.0, 1.0, 3.0, 6.0), spread=0.1, rate=5, survive=False, expert=_pump, idle=1,
    ),
)  # fmt: skip


def gymnasium() -> Any:
    """The module; raises BadValue if it isn't installed."""
    try:
        import gymnasium as library
    except ImportError:
        raise BadValue(MISSING) from None
    return library


def installed() -> bool:
    """Whether gymnasium is installed."""
    return find_spec("gymnasium") is not None


def environment_of(spec: DataSpec) -> Environment:
    """The environment of demonstrations, identified by the length of an observation; raises BadData."""
    numbers = spec.fields["observation"][-1]
    for environment in environments:
        if len(environment.observed) == numbers:
            return environment
    raise BadData(
        "No known environment has observations of {numbers} numbers. Valid: {valid}.",
        numbers=numbers, valid=", ".join(f"{one.name} ({len(one.observed)})" for one in environments),
    )  # fmt: skip


class Episodes:
    """N episodes at once, from starts (N, STARTS) in [0, 1); finished ones no longer change."""

    def __init__(self, environment: Environment, starts: np.ndarray) -> None:
        library = gymnasium()
        self.environment = environment
        self._each = [library.make(environment.name, disable_env_checker=True).unwrapped for _ in starts]
        for one, start in zip(self._each, starts, strict=True):
            one.reset(seed=0)  # allocates the state; the start is set here
            one.state = (2 * start.astype(np.float64) - 1) * environment.spread
        self.over = np.zeros(len(starts), bool)
        self.lengths = np.zeros(len(starts), np.int64)
        first = np.array([one.state for one in self._each])
        self.seen = (first if environment.survive else _angles(first)).astype(np.float32)

    def step(self, actions: np.ndarray) -> np.ndarray:
        """Plays one action in each unfinished episode; returns the next observations, (N, O)."""
        self.seen = self.seen.copy()
        for place in np.flatnonzero(~self.over):
            seen, _, ended, _, _ = self._each[place].step(int(actions[place]))
            self.seen[place], self.over[place] = seen, ended
            self.lengths[place] += 1
        return self.seen


def _angles(states: np.ndarray) -> np.ndarray:
    """Acrobot's observation of its state (N, 4)."""
    one, other = states[:, 0], states[:, 1]
    return np.stack([np.cos(one), np.sin(one), np.cos(other), np.sin(other), states[:, 2], states[:, 3]], 1)


def play(
    environment: Environment, player: Player, starts: np.ndarray, horizon: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Episodes of at most `horizon` steps: observations (N, horizon, O), actions (N, horizon) and lengths (N,).

    After an episode's end its last observation is repeated, and the actions are OVER.
    """
    episodes = Episodes(environment, starts)
    seen = np.empty((len(starts), horizon, len(environment.observed)), np.float32)
    done = np.full((len(starts), horizon), OVER, np.int64)
    for step in range(horizon):
        seen[:, step] = episodes.seen
        if episodes.over.all():
            seen[:, step:] = episodes.seen[:, None]
            break
        going = ~episodes.over
        chosen = np.asarray(player(episodes.seen))
        done[going, step] = chosen[going]
        episodes.step(chosen)
    return seen, done, episodes.lengths
