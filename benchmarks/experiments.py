"""How long the experiments of the lessons take in the app: from the press of the button that starts one to its last
step, while Chromium shows the page.

    python -m benchmarks.experiments                    # all of them: about 20 minutes
    python -m benchmarks.experiments --only lipschitz
    python -m benchmarks.experiments --processor            # on a busy machine, see below: three minutes

Settings that open a trained model aren't runs and are left out. `--processor` needs no app: it is the processor time of
a run on one thread, its first steps multiplied; the app adds the page, previews and measurements of samples.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import torch

from benchmarks import browser
from benchmarks.lessons import plan
from benchmarks.timing import Row, at_most, report
from gan_core import data
from gan_core.gans import recipes
from gan_core.runs.records import Run
from gan_core.training.trainer import Trainer
from ui.classroom.learn.lesson import Setting, in_order, lessons
from ui.classroom.learn.lessons import ORDER

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECONDS = 60.0  # that an experiment may take
LONGEST = 300.0  # seconds after which one is given up
FIRST, WARM = 200, 20  # steps that are measured for `--processor`, and steps before them
BUTTONS = {"playground": ".st-key-play-run button", "train": ".st-key-train button"}  # that start a run


def start(served: browser.Served, page: Page, setting: Setting) -> tuple[Run, float]:
    """Opens a setting's page and presses the button that starts it; returns the run and the time of the press."""
    before = {run.id for run in served.store.runs()}
    page.goto(f"{served.url}/{setting.page}?{urlencode({**setting.query, 'lang': 'en'})}")
    button = page.locator(BUTTONS[setting.page])
    button.wait_for()
    pressed = time.perf_counter()
    button.click()
    while True:
        new = [run for run in served.store.runs() if run.id not in before]
        if new:
            return new[0], pressed
        time.sleep(0.05)


def seconds_to_end(served: browser.Served, page: Page, setting: Setting) -> float:
    """From the press to the end of the run."""
    run, pressed = start(served, page, setting)
    while (took := time.perf_counter() - pressed) < LONGEST:
        if not served.store.get(run.id).is_active:
            break
        time.sleep(0.1)
    return took


def processor_seconds(setting: Setting) -> float:
    """The processor time of the setting's whole run, from its first steps."""
    spec = plan(setting)
    recipe = recipes.get(spec.recipe)
    trainer = Trainer(recipe, recipe.settings(spec.hparams), data.load(spec.data, spec.size))
    for step in range(WARM + FIRST):
        if step == WARM:
            began = time.process_time()
        trainer.train_step()
    return (time.process_time() - began) / FIRST * spec.steps


def main() -> None:
    assert len(ORDER) == len(lessons)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[lesson.name for lesson in in_order()], default=None)
    parser.add_argument("--processor", action="store_true", help="processor time, from the first steps")
    options = parser.parse_args()
    chosen = [lesson for lesson in in_order() if options.only is None or lesson.name in options.only]
    settings = [
        (f"{lesson.number} {setting.label}", setting)
        for lesson in chosen
        for setting in lesson.experiment.settings
        if setting.page != "model"
    ]
    rows: list[Row] = []

    def note(name: str, took: float, how: str) -> None:
        rows.append(at_most(name, took, SECONDS, " s", how))
        print(rows[-1], flush=True)

    if options.processor:
        torch.set_num_threads(1)
        for name, setting in settings:
            note(name, processor_seconds(setting), f"processor, from {FIRST} steps")
    else:
        with browser.app() as served, browser.chromium() as page:
            for name, setting in settings:
                note(name, seconds_to_end(served, page, setting), "one run")
    report("Experiments of the lessons", rows)


if __name__ == "__main__":
    main()
