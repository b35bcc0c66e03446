"""The gain of a search: distances of the best settings and of the preset's, over seeds that the search hasn't used.

    python -m benchmarks.search [--trials 16] [--seeds 5] [--only points]

Each search varies the learning rates and one more knob around a preset, with seed 0. Then the best trial's settings
and the preset's are trained with other seeds and judged by new samples. Printed: means with 95 % intervals (Student's t
over seeds), and the ratio.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass

import numpy as np

from benchmarks.timing import machine
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.metrics.bootstrap import of_mean
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from gan_core.search import results, running, space, storage
from gan_core.search.judging import judge
from gan_core.search.plan import SearchPlan, begin
from gan_core.training import schedule
from gan_core.training.session import Session

SAMPLES = 2000


@dataclass(frozen=True)
class Task:
    """A preset, the steps of a trial, and the varied knobs."""

    recipe: str
    preset: str
    steps: int
    ranges: tuple[str, ...]


TASKS = (
    Task("points", "ring8", 400, ("generator_rate:2e-4:2e-2", "discriminator_rate:2e-4:2e-2", "beta1:0:0.9")),
    Task("dcgan", "digits", 250, ("generator_rate:2e-4:2e-2", "discriminator_rate:2e-4:2e-2", "beta1:0:0.9")),
)


def base_of(task: Task) -> RunSpec:
    recipe = recipes.get(task.recipe)
    preset = recipe.preset(task.preset)
    settings = to_dict(recipe.settings(preset.hparams))
    changes = {**preset.hparams, **(schedule.anew(settings, 0, 0, task.steps) or {})}
    return recipe.plan(preset.data, preset.size, task.steps, changes, preset.name)


def trained(store: RunStore, spec: RunSpec, seed: int) -> float:
    run = store.create(spec.with_hparams({**spec.hparams, "seed": seed}))
    session = Session(store, run.id).start()
    session.join()
    return judge(session.trainer, spec.data, SAMPLES).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", choices=[task.recipe for task in TASKS])
    chosen = parser.parse_args()
    print(machine())
    os.environ["GANSCOPE_HOME"] = tempfile.mkdtemp(prefix="ganscope-search-")
    store = RunStore()
    for task in TASKS:
        if chosen.only in (None, task.recipe):
            compare(store, task, chosen.trials, chosen.seeds)
    store.close()


def compare(store: RunStore, task: Task, trials: int, seeds: int) -> None:
    base = base_of(task)
    ranges = tuple(space.parse(recipes.get(task.recipe).hparams, text) for text in task.ranges)
    plan = SearchPlan(f"{task.recipe}-{task.preset}", base, ranges, SAMPLES)
    begin(plan)
    running.search(store, plan, trials, [], lambda number, words: print(f"  trial {number}: {words}", flush=True))
    running.confirm(store, plan, 2, [], lambda number, words: print(f"  confirming {number}: {words}", flush=True))
    best = results.ranked(results.trials(storage.open_study(plan)))[0]
    print(f"{plan.name}, {task.steps} steps, best of {trials} trials: {dict(best.settings)}")
    found = {}
    for name, spec in (("preset", base), ("best", base.with_hparams({**base.hparams, **best.settings}))):
        values = np.array([trained(store, spec, seed) for seed in range(10, 10 + seeds)])
        low, high = of_mean(values)
        found[name] = values
        print(f"  {name}: distance {values.mean():.4f} ({low:.4f} to {high:.4f}) over {seeds} other seeds")
    low, high = of_mean(found["best"] / found["preset"])
    print(f"  best / preset, seed by seed: {(found['best'] / found['preset']).mean():.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
