"""How quickly the app starts, and how quickly it responds.

    python -m benchmarks.startup

Server up: from its start until its health check answers, compared with an app of one line. First paint: from then until
the browser, already open, shows the home page's heading. Reload: until the page of a run that trains shows its board
again. Pause: from pressing (sending the command) until the store says "paused", with one step's time taken off.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import browser, overhead
from benchmarks.timing import Row, at_most, interleaved, median_ratio, report
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunState

EMPTY = "import streamlit as st\n\nst.title('Empty')\n"


def starting(repetitions: int) -> list[Row]:
    """Server and first paint against an empty app."""
    painted: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ganscope-") as folder, browser.chromium() as page:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY, encoding="utf-8")

        def ours() -> float:
            with browser.app() as served:
                began = time.perf_counter()
                page.goto(served.url, wait_until="commit")
                page.get_by_role("heading", level=1).wait_for()
                painted.append(time.perf_counter() - began)
                return served.seconds_to_up

        def theirs() -> float:
            with browser.app(empty) as served:
                return served.seconds_to_up

        ours(), theirs()  # the first start reads files from disk and compiles them
        painted.clear()
        results = interleaved({"ours": ours, "empty": theirs}, repetitions)
    ratio = median_ratio(results["ours"], results["empty"])
    medians = {name: statistics.median(found) for name, found in results.items()}
    up = f"{repetitions} starts; {medians['ours']:.2f} against {medians['empty']:.2f} s"
    return [
        at_most("server up, against an empty Streamlit app", ratio, 1.3, "x", up),
        at_most("first page painted after that", statistics.median(painted), 1.5, " s", f"{repetitions} starts"),
    ]


def reloading(repetitions: int) -> Row:
    """A reload of the page of a run that trains."""
    with browser.app() as served, browser.chromium() as page:
        id = served.start(page, overhead.plan("mlp_gan", "digits_30s", "digits", 8))
        page.goto(served.run_url(id))
        board = page.locator(".samples")
        board.wait_for()
        times = []
        for _ in range(repetitions):
            began = time.perf_counter()
            page.reload(wait_until="commit")
            board.wait_for()
            times.append(time.perf_counter() - began)
    return at_most("a reload shows the running run", statistics.median(times), 2, " s", f"{repetitions} reloads")


def pausing(spec: RunSpec, repetitions: int) -> Row:
    """From the command to the state, less one step."""
    times = []
    with overhead.training(spec) as session:
        step = 1 / (overhead.session_rate(session, 1.0) or overhead.session_rate(session, 10.0))
        for _ in range(repetitions):
            began = time.perf_counter()
            session.pause()
            while session.status.state is not RunState.PAUSED:
                time.sleep(0.005)
            times.append(time.perf_counter() - began - step)
            session.resume()
            while session.status.state is not RunState.RUNNING:
                time.sleep(0.005)
            time.sleep(0.3)
    what = f"pause acts, beyond one step ({spec.recipe} {spec.size} px, {1000 * step:.0f} ms)"
    return at_most(what, statistics.median(times), 0.3, " s", f"{repetitions} pauses; worst {max(times):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", choices=("start", "reload", "pause"), help="one part alone")
    options = parser.parse_args()
    rows: list[Row] = []
    if options.only in (None, "start"):
        rows += starting(options.repetitions)
    if options.only in (None, "reload"):
        rows.append(reloading(options.repetitions))
    if options.only in (None, "pause"):
        rows += [pausing(overhead.plan(*case), 2 * options.repetitions) for case in overhead.CASES]
    report("Starting and answering", rows)


if __name__ == "__main__":
    main()
