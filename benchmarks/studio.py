"""Time from a slider's move to its picture in the Studio, with one visitor and with ten.

    python -m benchmarks.studio --model stylegan2.avatars --drawing pix2pix.edges2avatars

A Studio is started with the shelf of `GANSCOPE_HOME` and the bundled one. Visitors are real clients of its HTTP API, in
one process of their own, asynchronous, each with its own session. Alone: one visitor requests the next picture as
soon as it has the last one. Ten visitors: each moves five times a second and, like the page, has at most one pending
request, so that moves in between are dropped; an answered move counts from its own start. Drawing: one visitor draws a
line, and requests the next picture as soon as it has the last one. `--browser`: a slider is moved by an
arrow key in Chromium, and the picture that comes has been decoded and painted. `--training`: the same moves of one
visitor while a DCGAN trains on the same machine, in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser import chromium
from benchmarks.timing import ROOT, Row, at_most, interleaved, median_ratio, report, seconds
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    import httpx

ALONE_P50, ALONE_P95 = 60.0, 120.0  # milliseconds
TEN_P95 = 250.0  # milliseconds
DRAWN_P95 = 300.0  # milliseconds
SEEN_P95 = 250.0  # milliseconds, in a browser on the same machine
MEMORY = 2048.0  # MiB, of the Studio after all visits
VISITORS, MOVES = 10, 5.0  # moves per second of each
START = 120.0  # seconds
SLIDERS = 6


def starting(repetitions: int) -> Row:
    """The Studio up, against a process that imports Gradio and PyTorch and ends."""

    def ours() -> float:
        began = time.perf_counter()
        with serving():
            return time.perf_counter() - began

    def imports() -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", "import gradio, torch"], check=True))

    ours(), imports()  # the first start reads files from disk and compiles them
    results = interleaved({"ours": ours, "imports": imports}, repetitions)
    medians = {name: statistics.median(found) for name, found in results.items()}
    what = f"{repetitions} starts; {medians['ours']:.2f} against {medians['imports']:.2f} s"
    ratio = median_ratio(results["ours"], results["imports"])
    return at_most("the Studio up, against importing Gradio and PyTorch", ratio, 1.3, "x", what)


@dataclass(frozen=True)
class Studio:
    url: str
    process: int

    def memory(self) -> float:
        """Resident MiB."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def serving() -> Iterator[Studio]:
    """A Studio."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "gradio_app.py"], cwd=ROOT, env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + START
        while not _answers(url):
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError("the Studio did not start")
            time.sleep(0.1)
        yield Studio(url, process.pid)
    finally:
        process.terminate()
        process.wait(15)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/config", timeout=5):
            return True
    except OSError:
        return False


class Visitor:
    """One visitor: a session with its own state on the server."""

    def __init__(self, client: httpx.AsyncClient, functions: dict[str, int]) -> None:
        self.client = client
        self.functions = functions
        self.session = uuid.uuid4().hex[:12]
        self.times: list[float] = []  # milliseconds

    async def arrive(self, link: str) -> None:
        """Opens a link, as the page does; through the queue, whose answer comes as a stream of events."""
        body = {"data": [link], "fn_index": self.functions["arrive"], "session_hash": self.session}
        (await self.client.post("/gradio_api/queue/join", json=body)).raise_for_status()
        stream = self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session})
        async with stream as answer:
            async for line in answer.aiter_lines():
                if '"process_completed"' in line:
                    if '"success":true' not in line:
                        raise RuntimeError(f"the link was refused: {line[:300]}")
                    return

    async def move(self, strength: float) -> None:
        """Moves the first slider, and waits for its picture."""
        values = [4, 0.7, None, strength, *[0.0] * (SLIDERS - 1), 0.0, 0, 1]
        body = {"data": [None, *values], "fn_index": self.functions["move"], "session_hash": self.session}
        began = time.perf_counter()
        answer = await self.client.post("/gradio_api/run/predict", json=body)
        answer.raise_for_status()
        if not answer.json()["data"][0]["now"].startswith("data:image/"):
            raise RuntimeError("a move was answered without a picture")
        self.times.append(1000 * (time.perf_counter() - began))

    async def stroke(self, model: str, sheet: str) -> None:
        """Draws a line, and waits for its picture."""
        body = {"data": [sheet, model], "fn_index": self.functions["draw"], "session_hash": self.session}
        began = time.perf_counter()
        answer = await self.client.post("/gradio_api/run/predict", json=body)
        answer.raise_for_status()
        if not answer.json()["data"][0]["now"].startswith("data:image/"):
            raise RuntimeError("a line was answered without a picture")
        self.times.append(1000 * (time.perf_counter() - began))

    async def drag(self, moves: int) -> None:
        """Moves as fast as pictures arrive."""
        for number in range(moves):
            await self.move(-4 + 8 * (number % 50) / 50)

    async def wander(self, length: float, offset: float) -> None:
        """Moves five times a second; a move that is due while another is pending is dropped."""
        await asyncio.sleep(offset)
        end, number = time.perf_counter() + length, 0
        while time.perf_counter() < end:
            due = time.perf_counter() + 1 / MOVES
            number += 1
            await self.move(-4 + 8 * (number % 50) / 50)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def measure(url: str, model: str, moves: int, length: float) -> tuple[list[float], list[list[float]]]:
    """Milliseconds of one visitor alone, and of each of ten."""
    import httpx

    limits = httpx.Limits(max_connections=4 * VISITORS)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        config = (await client.get("/config")).json()
        functions = {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]}
        visitors = [Visitor(client, functions) for _ in range(VISITORS)]
        for visitor in visitors:
            await visitor.arrive(f"?model={model}&seed=4")
        await visitors[0].drag(10)  # the first pictures warm caches
        visitors[0].times.clear()
        await visitors[0].drag(moves)
        alone = list(visitors[0].times)
        visitors[0].times.clear()
        await asyncio.gather(*(one.wander(length, place / VISITORS / MOVES) for place, one in enumerate(visitors)))
    return alone, [visitor.times for visitor in visitors]


async def measure_drawing(url: str, model: str, strokes: int) -> list[float]:
    """Milliseconds from a line to its picture."""
    import httpx

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        config = (await client.get("/config")).json()
        visitor = Visitor(client, {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]})
        for number in range(strokes + 10):
            await visitor.stroke(model, sheet(number))
    return visitor.times[10:]  # the first pictures open the model and warm caches


# from a slider's event to the frame in which the requested picture is painted
SEEN = """
() => {
  const face = () => document.querySelector("#face img");
  window.seen = [];
  document.querySelector("#slider-0 input[type=range]").addEventListener("input", () => {
    const began = performance.now(), before = face().src;
    const look = async () => {
      if (face().src === before) return requestAnimationFrame(look);
      await face().decode();
      requestAnimationFrame(() => requestAnimationFrame(() => window.seen.push(performance.now() - began)));
    };
    look();
  }, true);
}
"""


def measure_seen(url: str, model: str, moves: int) -> list[float]:
    """Milliseconds from a key's press to the picture on the screen."""
    with chromium() as page:
        page.goto(f"{url}/?model={model}&seed=4")
        slider = page.locator("#slider-0 input[type=range]")
        slider.focus()
        page.wait_for_timeout(2000)
        page.evaluate(SEEN)
        for number in range(moves + 10):
            slider.press("ArrowRight" if number % 40 < 20 else "ArrowLeft")
            page.wait_for_function("count => window.seen.length === count", arg=number + 1)
            page.wait_for_timeout(100)
        found: list[float] = page.evaluate("window.seen")
    return found[10:]


@contextmanager
def training() -> Iterator[None]:
    """A DCGAN of 32 pixels that trains in a process of its own, as a run of the command line does."""
    with tempfile.TemporaryDirectory(prefix="ganscope-", ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "gan_core", "train", "dcgan", "--data", "digits", "--steps", "100000000"]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "GANSCOPE_HOME": home},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            store = RunStore(Path(home))
            end = time.monotonic() + START
            while not (runs := store.runs()) or runs[0].step < 20:
                if time.monotonic() > end or process.poll() is not None:
                    raise RuntimeError("the run did not start")
                time.sleep(0.2)
            store.close()
            yield
        finally:
            process.terminate()
            process.wait(60)


def sheet(number: int, side: int = 64) -> str:
    """A drawing of a face with one more line, as the page sends it."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((16, 12, 48, 52), outline="black", width=2)
    pen.line((20, 40, 20 + number % 24, 44), fill="black", width=2)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def share(values: list[float], part: float) -> float:
    """A quantile, such as 0.95."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def rows(alone: list[float], ten: list[list[float]], length: float) -> list[Row]:
    together = [value for times in ten for value in times]
    slowest = max(share(times, 0.95) for times in ten)
    many = f"{len(together)} moves in {length:g} s, of {VISITORS * MOVES * length:g} asked"
    return [
        at_most("a move, alone, p50", statistics.median(alone), ALONE_P50, " ms", f"{len(alone)} moves"),
        at_most("a move, alone, p95", share(alone, 0.95), ALONE_P95, " ms", f"{len(alone)} moves"),
        at_most(f"a move, {VISITORS} visitors, p95", share(together, 0.95), TEN_P95, " ms", many),
        at_most("the same, of the visitor who waits longest", slowest, 1.5 * TEN_P95, " ms", many),
    ]


def drawing_rows(times: list[float]) -> list[Row]:
    what = f"{len(times)} lines"
    return [
        at_most("a line, p50", statistics.median(times), DRAWN_P95 / 2, " ms", what),
        at_most("a line, p95", share(times, 0.95), DRAWN_P95, " ms", what),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="stylegan2.avatars")
    parser.add_argument("--drawing", default="", help="the model that draws; without it no line is drawn")
    parser.add_argument("--moves", type=int, default=300, help="of the visitor who is alone")
    parser.add_argument("--seconds", type=float, default=30.0, help="of the ten visitors")
    parser.add_argument("--starts", type=int, default=5, help="0: starting isn't timed")
    parser.add_argument("--browser", action="store_true", help="also as seen in Chromium")
    parser.add_argument("--training", action="store_true", help="also while a run trains")
    options = parser.parse_args()
    with serving() as studio:
        alone, ten = asyncio.run(measure(studio.url, options.model, options.moves, options.seconds))
        found = rows(alone, ten, options.seconds)
        if options.drawing:
            found += drawing_rows(asyncio.run(measure_drawing(studio.url, options.drawing, options.moves)))
        if options.browser:
            seen = measure_seen(studio.url, options.model, options.moves // 3)
            found.append(at_most("a move, seen in Chromium, p95", share(seen, 0.95), SEEN_P95, " ms", seen_text(seen)))
        if options.training:
            with training():
                busy, _ = asyncio.run(measure(studio.url, options.model, options.moves, 0.0))
            p95, p50 = share(busy, 0.95), statistics.median(busy)
            found.append(Row("the same, while a DCGAN trains, p95", f"{p95:.3g} ms", "", None, f"p50 {p50:.3g} ms"))
        found.append(at_most("resident memory after all this", studio.memory(), MEMORY, " MiB", "one process"))
    if options.starts:
        found.append(starting(options.starts))
    report("The Studio", found)


def seen_text(times: list[float]) -> str:
    return f"{len(times)} moves, p50 {statistics.median(times):.3g} ms"


if __name__ == "__main__":
    main()
