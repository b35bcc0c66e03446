"""How long the experiments of the lessons take in the app: from the press of the button that starts one to its last
step, while Chromium shows the page.

    python -m benchmarks.experiments                    # all of them: about 20 minutes
    python -m benchmarks.experiments --only lipschitz

Settings that open a trained model aren't runs and are left out.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks import browser
from benchmarks.timing import Row, at_most, report
from gan_core.runs.records import Run
from ui.classroom.learn.lesson import Setting, in_order, lessons
from ui.classroom.learn.lessons import ORDER

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECONDS = 60.0  # that an experiment may take
LONGEST = 300.0  # seconds after which one is given up
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


def main() -> None:
    assert len(ORDER) == len(lessons)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[lesson.name for lesson in in_order()], default=None)
    options = parser.parse_args()
    rows: list[Row] = []
    with browser.app() as served, browser.chromium() as page:
        for lesson in in_order():
            if options.only is not None and lesson.name not in options.only:
                continue
            for setting in lesson.experiment.settings:
                if setting.page != "model":
                    took = seconds_to_end(served, page, setting)
                    rows.append(at_most(f"{lesson.number} {setting.label}", took, SECONDS, " s", "one run"))
                    print(rows[-1], flush=True)
    report("Experiments of the lessons", rows)


if __name__ == "__main__":
    main()
