"""How soon each lesson is open: from navigation until its heading and its figure are there, in Chromium.

    python -m benchmarks.opening

The server is warm, and the browser has seen the list of lessons for some seconds, as a reader has. Each lesson is
opened twice, with an empty page between.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import ui.classroom.learn.lessons  # noqa: F401, the lessons register themselves
from benchmarks import browser
from benchmarks.timing import Row, at_most, report
from ui.classroom.learn.lesson import in_order

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECONDS = 2.0  # seconds that a lesson may take
READING = 4000  # ms for which the list of lessons is shown
DRAWN = """() => {
    const figure = document.querySelector(".st-key-lesson-figure");
    if (!figure || !document.querySelector(".st-key-lesson h1")) return false;
    return [...figure.querySelectorAll(".js-plotly-plot .main-svg, canvas, img, svg[role=img]")].some((part) => {
        const box = part.getBoundingClientRect();
        return box.width > 60 && box.height > 60;
    });
}"""


def seconds_to_open(page: Page, address: str) -> float:
    """From navigation until the lesson's heading and figure are there."""
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_function(DRAWN, polling=20)
    return time.perf_counter() - began


def main() -> None:
    rows: list[Row] = []
    times = []
    with browser.app() as served, browser.chromium() as page:
        page.goto(f"{served.url}/learn")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(READING)
        for lesson in in_order():
            both = [seconds_to_open(page, f"{served.url}/learn?lesson={lesson.name}") for _ in range(2)]
            times.append(both)
            rows.append(at_most(f"{lesson.number} {lesson.name}", max(both), SECONDS, " s", "2 openings, the longer"))
    for number, name in enumerate(("first", "second")):
        median = statistics.median(both[number] for both in times)
        rows.append(at_most(f"{name} opening, median", median, SECONDS, " s", f"{len(times)} lessons"))
    report("Opening a lesson", rows)


if __name__ == "__main__":
    main()
