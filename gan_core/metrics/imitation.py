"""Players of an environment, their scores, and a discriminator's reward for each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch

from gan_core.data.environments import STARTS, Environment, Player, environment_of, experts, play
from gan_core.models.sampler import Sampler
from gan_core.objectives.imitation import rewards

LIMIT = 500  # steps, after which gymnasium ends an episode


def random_player(environment: Environment, seed: int) -> Player:
    """Takes random actions."""
    random = np.random.default_rng(seed)
    return lambda seen: random.integers(len(environment.actions), size=len(seen))


def idle_player(environment: Environment) -> Player:
    """Always takes the action with the least effect."""
    return lambda seen: np.full(len(seen), environment.idle)


@torch.no_grad()
def _likeliest(policy: Callable[[torch.Tensor], torch.Tensor], seen: np.ndarray) -> np.ndarray:
    return policy(torch.from_numpy(seen)).argmax(1).numpy()


def policy_player(policy: Callable[[torch.Tensor], torch.Tensor]) -> Player:
    """Takes a policy's likeliest action."""
    return partial(_likeliest, policy)


def players(sampler: Sampler, seed: int = 0, data: str = "") -> dict[str, Player]:
    """The model and the players for comparison; `data` is its training set, and the expert's."""
    environment = environment_of(sampler.spec)
    return {
        "model": policy_player(sampler.networks["generator"]), "expert": experts.get(data, environment.expert),
        "random": random_player(environment, seed), "idle": idle_player(environment),
    }  # fmt: skip


@dataclass(frozen=True)
class Episode:
    """One episode: observations (T, O), the actions (L,) of its L steps, and D's reward for each, (L,)."""

    seen: np.ndarray
    actions: np.ndarray
    reward: np.ndarray
    worth: int  # the environment's return


@torch.no_grad()
def episode(sampler: Sampler, player: Player, seed: int, horizon: int = 200, form: str = "balanced") -> Episode:
    """Plays an episode with `player`, judged step by step by the model's discriminator."""
    environment = environment_of(sampler.spec)
    starts = np.random.default_rng(seed).random((1, STARTS))
    seen, actions, lengths = play(environment, player, starts, horizon)
    length = int(lengths[0])
    judge = cast("Callable[[torch.Tensor, torch.Tensor], torch.Tensor]", sampler.networks["discriminator"])
    logits = judge(torch.from_numpy(seen[0, :length]), torch.from_numpy(actions[0, :length]))
    return Episode(seen[0], actions[0, :length], rewards(logits, form).numpy(), int(environment.returns(lengths)[0]))


@dataclass(frozen=True)
class Score:
    """The score of N episodes: the mean return, its standard deviation, and the share that reached the goal."""

    mean: float
    deviation: float
    reached: float


def score(environment: Environment, player: Player, count: int = 50, seed: int = 1000, horizon: int = LIMIT) -> Score:
    """The score of a player from random starts."""
    starts = np.random.default_rng(seed).random((count, STARTS))
    _, _, lengths = play(environment, player, starts, horizon)
    returns = environment.returns(lengths)
    return Score(float(returns.mean()), float(returns.std()), float(environment.reached(lengths, horizon).mean()))
