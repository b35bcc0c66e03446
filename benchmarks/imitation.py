"""Imitation: returns of random, cloned, adversarially trained and expert policies, and the effect of the reward's form.

    python -m benchmarks.imitation                       # everything over seeds 0 to 4: half an hour
    python -m benchmarks.imitation --seeds 0 --only cartpole

`gail` and `cloning` train the recipe with four demonstrations of which every 20th pair is shown, as in 1606.03476;
returns are the environment's own, over 20 episodes of at most 500 steps from starts that no training began with, with
the policy's likeliest actions. The control trains on an "expert" who does nothing in Acrobot: a policy that imitates it
must not reach the goal. Each is repeated with every form of the reward without rewards after an episode's end
(1809.02925): a reward that is always negative then favours an early end, whatever the demonstrations show.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan_core.data.base import DataSet
from gan_core.data.environments import ACROBOT, CARTPOLE, Environment, Player
from gan_core.data.sets.demonstrations import HORIZON, demonstrations
from gan_core.gans import recipes
from gan_core.metrics.imitation import Score, idle_player, policy_player, random_player, score
from gan_core.training.trainer import Trainer

SHOWN = 20  # every 20th pair is shown
EPISODES = 20  # episodes that a policy is judged by
BATCH = 4


@dataclass(frozen=True)
class Task:
    """An environment, whose demonstrations are imitated, and for how many steps."""

    environment: Environment
    player: Player
    steps: int


TASKS = {
    "cartpole": Task(CARTPOLE, CARTPOLE.expert, 100),
    "acrobot": Task(ACROBOT, ACROBOT.expert, 60),
    "acrobot, idle expert": Task(ACROBOT, idle_player(ACROBOT), 40),
}
FORMS = ("balanced", "positive", "negative")


def trained(task: Task, seed: int, changes: Mapping[str, Any], count: int = 4, steps: int = 0) -> Score:
    """The score of a policy that learns from `count` demonstrations."""
    arrays = demonstrations(task.environment, task.player, count, HORIZON, seed)
    recipe = recipes.get("gail")
    hparams = recipe.settings({"seed": seed, "batch_size": BATCH} | dict(changes))
    trainer = Trainer(recipe, hparams, DataSet("demonstrations", arrays))
    for _ in range(steps or task.steps):
        trainer.train_step()
    trainer.ema.refresh()
    return score(task.environment, policy_player(trainer.ema.networks["generator"]), EPISODES)  # type: ignore[arg-type]


def row(name: str, scores: Sequence[Score]) -> dict[str, Any]:
    """Means over the seeds, and the standard deviation of the seeds' means."""
    means = np.array([one.mean for one in scores])
    reached = float(np.mean([one.reached for one in scores]))
    print(f"{name:45} return {means.mean():8.1f} ± {means.std():6.1f} over {len(means)} seeds, goal {reached:.0%}")
    return {"name": name, "mean": float(means.mean()), "deviation": float(means.std()), "reached": reached}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", default="", help="a part of a task's name")
    parser.add_argument("--steps", type=int, default=0, help="training steps, in place of each task's own")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began, rows = time.process_time(), []
    for name, task in TASKS.items():
        if asked.only not in name:
            continue
        players = {
            "random": lambda seed, one=task: random_player(one.environment, seed),
            "expert": lambda seed, one=task: one.player,
        }
        for title, player in players.items():
            scores = [score(task.environment, player(seed), EPISODES, 1000 + seed) for seed in asked.seeds]
            rows.append(row(f"{name}, {title}", scores))
        ways: dict[str, dict[str, Any]] = {"cloning": {"method": "cloning", "every": SHOWN}}
        ways |= {"gail": {"every": SHOWN}}
        ways |= {
            f"gail, {form}, end not judged": {"reward": form, "every": SHOWN, "absorbing": False} for form in FORMS
        }
        for title, changes in ways.items():
            scores = [trained(task, seed, changes, steps=asked.steps) for seed in asked.seeds]
            rows.append(row(f"{name}, {title}", scores))
    print(f"{time.process_time() - began:.0f} s of the processor")
    if asked.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
