"""Demonstrations in gymnasium's environments: observations and actions of simple controllers, 64 episodes of 200 steps
at most.

The controllers are two lines each (`gan_core/data/environments.py`). In another set the "expert" does nothing: a model
that imitates it must not reach the goal, or it learnt from something other than the demonstrations.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.environments import ACROBOT, CARTPOLE, STARTS, Environment, Player, experts, installed, play

LICENCE = "made by GANscope in gymnasium (MIT)"
EPISODES, HORIZON = 64, 200
SEED = 0


def demonstrations(
    environment: Environment, player: Player, count: int = EPISODES, horizon: int = HORIZON, seed: int = SEED
) -> dict[str, np.ndarray]:
    """`observation` float32 (count, horizon, O) and `action` int64 (count, horizon), -1 after an episode's end."""
    starts = np.random.default_rng(seed).random((count, STARTS))
    seen, actions, _ = play(environment, player, starts, horizon)
    return {"observation": seen, "action": actions}


def _load(
    name: str, environment: Environment, player: Player, seed: int, size: int | None, progress: Progress
) -> DataSet:
    arrays = demonstrations(environment, player, seed=seed)
    progress(1.0, "Playing episodes")
    return DataSet(name, arrays, (), LICENCE, vocabulary=environment.actions, rate=environment.rate)


def _idle(environment: Environment, seen: np.ndarray) -> np.ndarray:
    return np.full(len(seen), environment.idle)


def _register(name: str, title: str, about: str, environment: Environment, player: Player) -> None:
    experts[name] = player
    register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=len(environment.observed), channels=0,
            items=EPISODES, class_names=(), load=partial(_load, name, environment, player, SEED),
            test=partial(_load, f"test:{name}", environment, player, SEED + 1), available=installed,
            needs="pip install 'ganscope[control]'", task="control",
            shapes={"observation": (HORIZON, len(environment.observed)), "action": (HORIZON,)},
            vocabulary=environment.actions, rate=environment.rate,
        )
    )  # fmt: skip


_register("cartpole_expert", "Pole on a cart, balanced",
          "64 episodes of 200 steps in CartPole-v1. A linear controller keeps the pole upright.",
          CARTPOLE, CARTPOLE.expert)  # fmt: skip
_register("acrobot_expert", "Swing of two links, swung up",
          "64 episodes in Acrobot-v1. A controller adds energy at each swing until the tip is above the line, after "
          "some 90 steps.", ACROBOT, ACROBOT.expert)  # fmt: skip
_register("acrobot_idle", "Swing of two links, hanging",
          "64 episodes in Acrobot-v1 in which nothing is done. A control: what imitates them must not reach the goal.",
          ACROBOT, partial(_idle, ACROBOT))  # fmt: skip
