"""Sliders during long jobs: ten visitors move sliders while the Studio makes a film, searches, or enlarges.

    python -m benchmarks.beside --seconds 20

A Studio is started as in `benchmarks.studio`, and ten visitors ask for 48 pictures a second together: first alone,
then during each long job, which another client requests again as soon as it is done. Printed are the 95th percentile
and the median from a move to its picture, the number of pictures, and the load. `--stop`: also the time from Stop until
the next job runs.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import statistics
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.studio import MOVES, VISITORS, Studio, Visitor, serving, share
from benchmarks.timing import Row, at_most, report

if TYPE_CHECKING:
    import httpx

ASKED = 500.0  # milliseconds, the 95th percentile during every job
STOPPED = 1.0  # seconds
MODEL, LARGER = "stylegan2.avatars", "esrgan.bsds_x4"
SIDE = 256  # pixels of the picture that is enlarged
WARM = 15  # moves of each visitor that aren't counted
JOBS = ("a film (MP4)", "a film (GIF)", "a search", "an enlarging")


@dataclass
class Asker:
    """A client that requests long jobs."""

    client: httpx.AsyncClient
    functions: dict[str, int]
    session: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    done: int = 0  # jobs
    heard: str = ""  # the last progress message of a job

    async def ask(self, name: str, *data: Any) -> list[Any]:
        """Requests a job and follows its progress; returns the answer."""
        body = {"data": list(data), "fn_index": self.functions[name], "session_hash": self.session}
        (await self.client.post("/gradio_api/queue/join", json=body)).raise_for_status()
        stream = self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session})
        async with stream as answer:
            async for line in answer.aiter_lines():
                if '"process_generating"' in line:
                    self.heard = line
                if '"process_completed"' in line:
                    said = json.loads(line[5:])
                    if not said["success"]:
                        raise RuntimeError(f"{name} was refused: {line[:300]}")
                    found: list[Any] = said["output"].get("data", [])
                    return found
        raise RuntimeError(f"{name} was not answered")

    async def prepare(self, job: str) -> None:
        """Prepares what the job needs."""
        if job == "a search":
            await self.ask("take", await self.uploaded(64), MODEL)
        if job == "an enlarging":
            await self.ask("enlarge_picture", await self.uploaded(SIDE))

    async def again(self, job: str) -> None:
        """Requests the same job repeatedly."""
        while True:
            await self.ask(*self.call(job))
            self.done += 1

    def call(self, job: str) -> tuple[Any, ...]:
        if job.startswith("a film"):
            return "film", MODEL, "1, 2, 3, 4, 5, 6, 7, 8", "smooth", True, "GIF" if "GIF" in job else "MP4", 4.0, 512
        if job == "a search":
            return "find", None, MODEL, 600
        return "enlarge", None, LARGER, 4, 0

    async def uploaded(self, side: int) -> dict[str, Any]:
        """Uploads a picture as the page does."""
        from gan_core.pictures.photos import sample_photo

        content = io.BytesIO()
        sample_photo("china.jpg").crop((100, 100, 100 + side, 100 + side)).save(content, "PNG")
        files = {"files": ("own.png", content.getvalue(), "image/png")}
        answer = await self.client.post("/gradio_api/upload", files=files)
        return {"path": answer.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}


async def moved(visitors: list[Visitor], length: float) -> list[float]:
    """Milliseconds of the moves of all visitors."""
    for visitor in visitors:
        visitor.times.clear()
    await asyncio.gather(*(one.wander(length, place / VISITORS / MOVES) for place, one in enumerate(visitors)))
    return [value for one in visitors for value in one.times]


def row(what: str, times: list[float], length: float, more: str = "") -> Row:
    said = (
        f"median {statistics.median(times):.0f} ms; {len(times) / length:.0f} of {VISITORS * MOVES:.0f} a second; "
        f"load {os.getloadavg()[0]:.1f}{more}"
    )
    return at_most(f"a move, {VISITORS} visitors, {what}, p95", share(times, 0.95), ASKED, " ms", said)


async def measure(studio: Studio, length: float, jobs: tuple[str, ...], stop: bool) -> list[Row]:
    import httpx

    limits = httpx.Limits(max_connections=8 * VISITORS, keepalive_expiry=1.0)  # the server hangs up after 5 s
    async with httpx.AsyncClient(base_url=studio.url, timeout=600, limits=limits) as client:
        config = (await client.get("/config")).json()
        functions = {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]}
        visitors = [Visitor(client, functions) for _ in range(VISITORS)]
        for visitor in visitors:
            await visitor.arrive(f"?model={MODEL}&seed=4")
        await moved(visitors, WARM / MOVES)
        found = [row("quiet", await moved(visitors, length), length)]
        for job in jobs:
            asker = Asker(client, functions)
            await asker.prepare(job)
            task = asyncio.create_task(asker.again(job))
            await asyncio.sleep(2.0)
            if task.done():
                task.result()
            times = await moved(visitors, length)
            found.append(row(f"beside {job}", times, length, f"; {asker.done} done meanwhile"))
            if stop:
                found.append(await stopped(client, asker, job))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return found


async def stopped(client: httpx.AsyncClient, asker: Asker, job: str) -> Row:
    """Seconds from Stop until the next job in the queue runs."""
    next_one = Asker(client, asker.functions)
    waiting = asyncio.create_task(next_one.ask("matrix", MODEL, 1, 1, 1, "coarse", 0))
    await asyncio.sleep(1.5)
    event = json.loads(asker.heard[5:])["event_id"]
    body = {"session_hash": asker.session, "fn_index": asker.functions[asker.call(job)[0]], "event_id": event}
    began = time.perf_counter()
    await client.post("/gradio_api/cancel", json=body)
    freed = time.perf_counter() - began
    while "number 2" in next_one.heard and not waiting.done():
        await asyncio.sleep(0.01)
    took = time.perf_counter() - began
    await waiting
    return at_most(f"Stop, {job}, until the next job is at work", took, STOPPED, " s", f"answered after {freed:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of moves, quietly and beside each job")
    parser.add_argument("--jobs", nargs="*", default=JOBS, choices=JOBS)
    parser.add_argument("--stop", action="store_true", help="also how fast jobs can be stopped")
    options = parser.parse_args()
    with serving() as studio:
        found = asyncio.run(measure(studio, options.seconds, tuple(options.jobs), options.stop))
        report("Sliders beside long jobs", found)


if __name__ == "__main__":
    main()
