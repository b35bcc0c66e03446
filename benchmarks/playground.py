"""Costs and display of the playground: training with an open page, frames drawn, and the floor of KL and JS.

    python -m benchmarks.playground             # frames against none in one process; the floors
    python -m benchmarks.playground --page      # the real page, open in Chromium on the same machine

The first part trains the points recipe at its default size in a session, in turn with a viewer and without,
so that other work on the machine affects both.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time

from benchmarks.overhead import alone, cost, training
from benchmarks.timing import Row, at_least, at_most, interleaved, report
from gan_core.data import sources
from gan_core.gans import recipes
from gan_core.metrics.density import SAMPLES, yardstick
from gan_core.runs.frames import FrameFile
from gan_core.runs.spec import RunSpec
from gan_core.training import audience

ASKED = 10.0  # per cent of the speed that an open playground may cost
STEPS, FRAMES = 100.0, 5.0  # in a second, together
FLOOR = 0.02  # bits


def plan(data: str) -> RunSpec:
    """A run without a step limit, at the recipe's default size."""
    return recipes.get("points").plan(data, 2, 0, {"ema": 0.0})


class Watcher:
    """A viewer who polls a run all the time, as an open page does."""

    def __init__(self, id: str) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(id,), daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self, id: str) -> None:
        while not self._end.wait(0.3):
            audience.watch(id)


def frames(data: str, repetitions: int, seconds: float) -> list[Row]:
    """A run whose frames are taken for a viewer, against a run without viewers."""
    taken: list[float] = []
    with training(plan(data)) as session:
        session.pause()
        kept = FrameFile(session.store.folder(session.run_id))

        def watched() -> float:
            with Watcher(session.run_id):
                before, began = len(kept), time.perf_counter()
                rate = alone(session, seconds, time.perf_counter)
                taken.append((len(kept) - before) / (time.perf_counter() - began))
                return rate

        def unwatched() -> float:
            time.sleep(audience.LINGERS)
            return alone(session, seconds, time.perf_counter)

        results = interleaved({"watched": watched, "unwatched": unwatched}, repetitions)
    detail = f"{repetitions} x {seconds:g} s, {data}"
    rate = statistics.median(results["watched"])
    return [
        at_most("frames for a watcher: speed lost", cost(results["watched"], results["unwatched"]), ASKED, " %",
                detail),
        at_least("steps per second meanwhile, of those asked", rate / STEPS, 1, f"{rate:.0f} steps/s"),
        at_least(
            "frames per second meanwhile, of those asked", statistics.median(taken) / FRAMES, 1,
            f"{statistics.median(taken):.1f} frames/s",
        ),
    ]  # fmt: skip


def floors() -> list[Row]:
    """The scores of as many real points as the generator's."""
    found = {source.name: yardstick(source.name).floor for source in sources if source.mixture}
    rows = []
    for name in ("kl", "js"):
        values = {data: getattr(floor, name) for data, floor in found.items()}
        samples = ", ".join(f"{data} {value:.4f}" for data, value in values.items())
        what = f"floor of {name.upper()}, real against real, {SAMPLES} points, the largest of 8 sets"
        rows.append(at_most(what, max(values.values()), FLOOR, " bit", samples))
    return rows


def page(data: str, repetitions: int, seconds: float) -> list[Row]:
    """The playground in Chromium, open against closed; the server trains, as it does for users."""
    from benchmarks import browser

    drawn: list[float] = []
    with browser.app() as served, browser.chromium() as tab:
        tab.goto(f"{served.url}/playground?data={data}")
        tab.locator(".st-key-play-run button").click()
        tab.wait_for_url("**run=*")
        url, store = tab.url, served.store
        id = store.runs()[0].id
        while store.get(id).step < 20:
            time.sleep(0.1)

        def measure() -> float:
            first, began = store.get(id).step, time.perf_counter()
            time.sleep(seconds)
            return (store.get(id).step - first) / (time.perf_counter() - began)

        def painted() -> int:
            return int(tab.locator("canvas.plane").get_attribute("data-painted") or 0)

        def opened() -> float:
            tab.goto(url)
            tab.locator("canvas.plane[data-painted]").wait_for()
            tab.wait_for_timeout(3000)
            before, began = painted(), time.perf_counter()
            rate = measure()
            drawn.append((painted() - before) / (time.perf_counter() - began))
            return rate

        def closed() -> float:
            tab.goto("about:blank")
            tab.wait_for_timeout(1000 * (audience.LINGERS + 1))
            return measure()

        results = interleaved({"open": opened, "closed": closed}, repetitions)
    rate, detail = statistics.median(results["open"]), f"{repetitions} x {seconds:g} s"
    rates = f"{detail}; {rate:.0f} against {statistics.median(results['closed']):.0f} steps/s"
    return [
        at_most(f"playground open in Chromium, {data}: speed lost", cost(results["open"], results["closed"]), ASKED,
                " %", rates),
        at_least("steps per second meanwhile, of those asked", rate / STEPS, 1, f"{rate:.0f} steps/s"),
        at_least("drawn frames per second meanwhile, of those asked", statistics.median(drawn) / FRAMES, 1,
                 f"{statistics.median(drawn):.1f} frames/s"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--data", default="two_moons")
    parser.add_argument("--page", action="store_true", help="measure the open page")
    options = parser.parse_args()
    rows = page if options.page else frames
    report("Playground", rows(options.data, options.repetitions, options.seconds) + ([] if options.page else floors()))


if __name__ == "__main__":
    main()
