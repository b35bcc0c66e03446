"""The gain of a search: distances of the best settings and of the preset's, over seeds that the search hasn't used.

    python -m benchmarks.search [--trials 20] [--seeds 8] [--only points/ring8] [--folder FOLDER]

Each search varies the learning rates tenfold in both directions, and what else acts on so short a run, around a preset
with seed 0; the best are confirmed with seeds 1 to 4, as `ganscope search` does. Then the best trial's settings and the
preset's are trained with seeds that the search hasn't used. Printed: means with 95 % intervals (Student's t over
seeds), and the ratio of the distances, the geometric mean over seeds. Searches in FOLDER go on where they were stopped.
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

    @property
    def name(self) -> str:
        return f"{self.recipe}/{self.preset}"


RATES = ("generator_rate:2e-4:2e-2", "discriminator_rate:2e-4:2e-2", "beta1:0:0.9")  # around 2e-3
BLOG_RATES = ("generator_rate:2e-5:2e-3", "discriminator_rate:2e-5:2e-3", "beta1:0:0.9")  # around 2e-4
TASKS = (
    Task("points", "ring8", 400, (*RATES, "instance_noise:0:1", "instance_noise_steps:40:5000:log")),
    Task("mlp_gan", "blog_batch_norm", 400, (*BLOG_RATES, "ema:0:0.995")),
    Task("dcgan", "digits", 250, (*RATES, "penalty_weight:0.03:3:log")),
)
CONFIRM = 4  # seeds, as the command line does
FIRST_SEED = 10  # of those that the search hasn't used


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
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--only", choices=[task.name for task in TASKS])
    parser.add_argument("--folder", help="where runs and searches are kept; a new one each time if left out")
    chosen = parser.parse_args()
    print(machine())
    os.environ["GANSCOPE_HOME"] = chosen.folder or tempfile.mkdtemp(prefix="ganscope-search-")
    store = RunStore()
    for task in TASKS:
        if chosen.only in (None, task.name):
            compare(store, task, chosen.trials, chosen.seeds)
    store.close()


def report(number: int, words: str) -> None:
    print(f"  trial {number}: {words}", flush=True)


def compare(store: RunStore, task: Task, trials: int, seeds: int) -> None:
    base = base_of(task)
    ranges = tuple(space.parse(recipes.get(task.recipe).hparams, text) for text in task.ranges)
    plan = SearchPlan(f"{task.recipe}-{task.preset}", base, ranges, SAMPLES)
    begin(plan)
    running.search(store, plan, trials, [], report)
    print("  confirming", flush=True)
    running.confirm(store, plan, CONFIRM, [], report)
    tried = results.trials(storage.open_study(plan))
    best = results.ranked(tried)[0]
    print(f"{task.name}, {task.steps} steps, best of {trials} trials, number {best.number}: {dict(best.settings)}")
    print(f"  in the search: {results.against_start(tried, best)}")
    found = {}
    for name, spec in (("preset", base), ("best", base.with_hparams({**base.hparams, **best.settings}))):
        values = np.array([trained(store, spec, seed) for seed in range(FIRST_SEED, FIRST_SEED + seeds)])
        low, high = of_mean(values)
        found[name] = values
        each = ", ".join(f"{value:.3g}" for value in values)
        print(f"  {name}: distance {values.mean():.4f} ({low:.4f} to {high:.4f}) over {seeds} other seeds: {each}")
    logarithms = np.log(found["best"] / found["preset"])
    ratio, low, high = np.exp([logarithms.mean(), *of_mean(logarithms)])
    print(f"  best / preset, seed by seed: {ratio:.2f} ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
