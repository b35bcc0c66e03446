"""Thirty students at once: how much they slow the trainer, how quickly a slider responds, and the memory per student.

    python -m benchmarks.classroom

The app serves on loopback, and a run of the playground trains in its process. Two students use Chromium, all others
speak Streamlit's websocket protocol: each has a session of its own on the server. Half of them watch the run, and
request news as `plot.js` does; the others have a lesson open and move a slider of its figure every few seconds. The
run's speed is measured in turn while they act and while they rest, all connected. All share one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import browser
from benchmarks.overhead import cost
from benchmarks.timing import Row, at_most, interleaved, report
from gan_core.training import audience

LOST, ANSWERED, MEMORY = 15.0, 1.0, 40.0  # requirements: per cent of the speed, seconds, MB
LESSON = "optimal_discriminator"
DATA = "two_blobs"  # of the run that the first lesson starts
THINK = (2.0, 4.0)  # seconds between two moves of a slider
REST, RESTED = 12, 2.5  # as in ui/classroom/playground/plot.js
APART = 0.25  # seconds between two arrivals
LONGEST = 60.0  # seconds for one answer


class Student:
    """One session of the app, as a browser has it, without drawing."""

    def __init__(self, address: str, page: str, query: dict[str, str]) -> None:
        self._address, self._page, self._query = address, page, urlencode(query)
        self._hash = ""
        self.fragments: dict[str, str] = {}  # widget's id -> its fragment
        self.sliders: dict[str, tuple[float, float, float]] = {}  # id -> lowest, highest, value
        self.plane = ""  # id of the plane's component
        self.rest = 1.0  # seconds to the next poll, from the answer
        self.held: dict[str, Any] = {}  # what `plot.js` sends with a poll
        self._line: ClientConnection

    async def arrive(self) -> None:
        """Opens the page and reads it to its end."""
        self._line = await connect(self._address, subprotocols=["streamlit"], max_size=None, open_timeout=LONGEST)  # type: ignore[list-item]
        await self._ask(BackMsg())

    async def leave(self) -> None:
        await self._line.close()

    async def move(self) -> float:
        """Moves the first slider somewhere; returns the seconds to the answer."""
        id = next(iter(self.sliders))
        low, high, _ = self.sliders[id]
        self.sliders[id] = (low, high, round(random.uniform(low, high), 1))
        message = BackMsg()
        for other, (_, _, value) in self.sliders.items():
            state = message.rerun_script.widget_states.widgets.add(id=other)
            state.double_array_value.data.append(value)
        message.rerun_script.fragment_id = self.fragments[id]
        return await self._ask(message)

    async def look(self) -> float:
        """Requests new frames and curves; returns the seconds to the answer."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add(id=f"$$STREAMLIT_INTERNAL_KEY_{self.plane}__events")
        self.held["question"] = self.held.get("question", 0) + 1
        state.json_trigger_value = json.dumps([{"event": "poll", "value": self.held}])
        message.rerun_script.fragment_id = self.fragments[self.plane]
        return await self._ask(message)

    async def _ask(self, message: BackMsg) -> float:
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self._query, self._hash
        if not self._hash:
            asked.page_name = self._page
        began = time.perf_counter()
        await self._line.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(self._line.recv(decode=False), LONGEST))
            kind = answer.WhichOneof("type")
            if kind == "script_finished":
                return time.perf_counter() - began
            if kind == "navigation":
                self._hash = answer.navigation.page_script_hash
            elif kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
                self._see(answer.delta)

    def _see(self, delta: Any) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "slider":
            slider = element.slider
            self.sliders.setdefault(slider.id, (slider.min, slider.max, slider.default[0]))
            self.fragments[slider.id] = delta.fragment_id
        elif element.WhichOneof("type") == "bidi_component" and "plane" in element.bidi_component.component_name:
            self.plane = element.bidi_component.id
            self.fragments[self.plane] = delta.fragment_id
            self._remember(element.bidi_component.bytes)

    def _remember(self, payload: bytes) -> None:
        size = int.from_bytes(payload[:4], "little")
        header = json.loads(payload[4 : 4 + size])
        plot = header["plot"]
        self.rest = plot["rest"]
        curves = plot["version"] if "panels" in header else self.held.get("curves")
        self.held |= {"run": plot["run"], "lang": plot["lang"], "count": plot["count"], "known": True, "curves": curves}


class Crowd:
    """Students in a thread with an event loop of its own, who act or rest."""

    def __init__(self, url: str, run: str, count: int) -> None:
        self._url, self._run = url, run
        self.acting = False
        self.answers: list[float] = []  # seconds of every slider's answer
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._students: list[Student] = []
        self.arrive(count)

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def arrive(self, count: int) -> None:
        """Opens `count` more sessions, one after the other; every second one watches the run."""
        address = f"ws://{urlsplit(self._url).netloc}/_stcore/stream"
        for place in range(count):
            watches = place % 2 == 0
            query = {"run": self._run} if watches else {"lesson": LESSON}
            student = Student(address, "playground" if watches else "learn", {"lang": "en", **query})
            self._wait(student.arrive())
            assert student.plane if watches else student.sliders, "the page did not open"
            self._students.append(student)
            asyncio.run_coroutine_threadsafe(self._live(student, watches), self._loop)
            time.sleep(APART)

    async def _live(self, student: Student, watches: bool) -> None:
        while True:
            if not self.acting:
                await asyncio.sleep(0.1)
            elif watches:
                took = await student.look()
                await asyncio.sleep(max(student.rest, min(RESTED, REST * took)))
            else:
                await asyncio.sleep(random.uniform(*THINK))
                self.answers.append(await student.move())

    def act(self, acting: bool) -> None:
        self.acting = acting

    def leave(self) -> None:
        self.act(False)
        for student in self._students:
            self._wait(student.leave())
        self._students.clear()


def resident(pid: int) -> float:
    """MB of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def classroom(students: int, repetitions: int, seconds: float) -> list[Row]:
    """Runs the whole measurement; two of the students are browsers."""
    with browser.app() as served, browser.chromium() as watching:
        watching.goto(f"{served.url}/playground?data={DATA}")
        watching.locator(".st-key-play-run button").click()
        watching.wait_for_url("**run=*")
        address, store = watching.url, served.store
        id = store.runs()[0].id
        while store.get(id).step < 20:
            time.sleep(0.1)
        assert watching.context.browser is not None
        moving = watching.context.browser.new_page()
        moving.set_default_timeout(browser.LONGEST * 1000)
        moving.goto(f"{served.url}/learn?lesson={LESSON}")
        slider = moving.get_by_role("slider").first
        slider.wait_for()
        Crowd(served.url, id, 2).leave()  # the memory for the first student of each kind isn't counted per student
        time.sleep(2)
        before = resident(served.process_id)
        crowd = Crowd(served.url, id, students - 2)

        def measure() -> float:
            first, began = store.get(id).step, time.perf_counter()
            while time.perf_counter() - began < seconds:
                if crowd.acting:
                    slider.press("ArrowRight")
                moving.wait_for_timeout(1000)
            return (store.get(id).step - first) / (time.perf_counter() - began)

        def act() -> float:
            crowd.act(True)
            watching.goto(address)
            watching.locator("canvas.plane[data-painted]").wait_for()
            watching.wait_for_timeout(2000)
            return measure()

        def rest() -> float:
            crowd.act(False)
            watching.goto("about:blank")
            watching.wait_for_timeout(1000 * (audience.LINGERS + 1))
            return measure()

        results = interleaved({"students": act, "alone": rest}, repetitions)
        each = (resident(served.process_id) - before) / (students - 2)
        answers = sorted(crowd.answers)
        crowd.leave()
    rates = f"{statistics.median(results['students']):.0f} against {statistics.median(results['alone']):.0f} steps/s"
    detail = f"{repetitions} x {seconds:g} s"
    return [
        at_most(f"{students} students: speed that the trainer loses", cost(results["students"], results["alone"]), LOST,
                " %", f"{detail}; {rates}"),
        at_most("a slider of a lesson answers, p95", float(np.quantile(answers, 0.95)), ANSWERED, " s",
                f"{len(answers)} moves; median {statistics.median(answers):.2f} s"),
        at_most("the server's memory, for each student", each, MEMORY, " MB", f"{before:.0f} MB before they came"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30, help="two of them in Chromium")
    parser.add_argument("--repetitions", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    options = parser.parse_args()
    report("Classroom", classroom(options.students, options.repetitions, options.seconds))


if __name__ == "__main__":
    main()
