"""The HTTP service compared with the Studio's endpoint and with the generator alone, in one run.

    python -m benchmarks.serving --model stylegan2.avatars --seconds 10

32 clients, in a process of their own, each ask for the next picture as soon as they have the last one: of `ganscope
serve` (`/v1/generate`, answered as PNG), and of the Studio (`/gradio_api/run/generate`, answered with the address of a
file, which isn't fetched). The generator alone draws batches of 16, as the service does, through the same ONNX file, in
a process of its own. Then one client alone. Clients write HTTP/1.1 on sockets, so that they use little processor time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.timing import ROOT, Child, Row, answer, at_least, at_most, interleaved, median_ratio, report

CLIENTS = 32
ALONE_SECONDS = 3
START = 240.0  # seconds
FASTER, OF_ALONE, LATER, ALONE = 2.5, 0.7, 0.5, 12.0  # the last one in milliseconds


@dataclass(frozen=True)
class Server:
    url: str
    process: int


@contextmanager
def served(model: str) -> Iterator[Server]:
    """The service with a model exported."""
    words = ["-m", "gan_core", "serve", "--rate", "none", "--model", model]
    with _server(lambda port: [*words, "--port", str(port)], "/readyz") as server:
        yield server


@contextmanager
def studio() -> Iterator[Server]:
    with _server(lambda port: ["gradio_app.py"], "/config") as server:
        yield server


@contextmanager
def _server(words: Callable[[int], list[str]], ready: str) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *words(port)], cwd=ROOT, env={**os.environ, "GRADIO_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START
        while not _answers(url + ready):
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.2)
        yield Server(url, process.pid)
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


# --- clients, in a process of their own ------------------------------------------------------------------------------


def request_of(kind: str, model: str, seed: int) -> bytes:
    """Returns the bytes of a request for the picture of a seed."""
    if kind == "service":
        path, body = "/v1/generate", {"model": model, "seed": seed, "truncation": 0.7, "format": "png"}
    else:
        path, body = "/gradio_api/run/generate", {"data": [model, seed, 0.7, "", None]}
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def visit(url: str, kind: str, model: str, first: int, end: float, times: list[float]) -> None:
    """One client, until the end."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while time.perf_counter() < end:
        first += 1
        began = time.perf_counter()
        writer.write(request_of(kind, model, first))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        content = await reader.readexactly(size)
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"refused: {content[:300]!r}")
        times.append(time.perf_counter() - began)
    writer.close()


async def load(url: str, kind: str, model: str, clients: int, seconds: float) -> dict[str, float]:
    """Pictures per second, and seconds per picture."""
    times: list[float] = []
    began = time.perf_counter()
    end = began + seconds
    await asyncio.gather(*(visit(url, kind, model, 10_000 * one, end, times) for one in range(clients)))
    took = time.perf_counter() - began
    times.sort()
    return {
        "rate": len(times) / took,
        "p50": 1000 * statistics.median(times),
        "p95": 1000 * times[int(0.95 * len(times))],
    }


def loaded(url: str, kind: str, model: str, clients: int, seconds: float) -> dict[str, float]:
    """The same in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.serving", "--load", url, kind, model, str(clients), str(seconds)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def alone(model: str) -> None:
    """The generator alone, in batches: pictures per second."""
    from serving.drawing import Drawer, bare_points, loaded, wish_of
    from serving.service import BATCH

    drawer = Drawer(loaded(model))
    drawer.prepare()
    psi = 0.7 if drawer.explorer.sampler.recipe.truncate else None

    def rate() -> float:
        done, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < ALONE_SECONDS:
            drawer.draw([wish_of(drawer.explorer, bare_points(drawer.explorer, BATCH, done, None), psi)])
            done += BATCH
        return done / took

    rate()
    answer(rate)


def processor(process: int) -> float:
    """Seconds of the processors that a process has used."""
    used = psutil.Process(process).cpu_times()
    return float(used.user + used.system)


def compare(model: str, seconds: float, repetitions: int) -> list[Row]:
    child = Child("benchmarks.serving", "--alone", model)
    found: dict[str, list[dict[str, float]]] = {"service": [], "studio": [], "one": [], "one of today": []}

    costs: dict[str, list[float]] = {"service": [], "alone": []}  # milliseconds of the processors for each picture

    def measured(name: str, server: Server, kind: str, clients: int) -> Callable[[], float]:
        def measure() -> float:
            before = processor(server.process)
            found[name].append(loaded(server.url, kind, model, clients, seconds))
            rate = found[name][-1]["rate"]
            if name in costs:
                costs[name].append(1000 * (processor(server.process) - before) / (rate * seconds))
            return rate

        return measure

    def by_itself() -> float:
        before = processor(child.process.pid)
        rate = child.rate()
        costs["alone"].append(1000 * (processor(child.process.pid) - before) / (rate * ALONE_SECONDS))
        return rate

    with served(model) as service, studio() as today:
        for server, kind in ((service, "service"), (today, "studio")):
            loaded(server.url, kind, model, 4, 1.0)  # both have the model open
        cases = {
            "service": measured("service", service, "service", CLIENTS),
            "studio": measured("studio", today, "studio", CLIENTS),
            "one": measured("one", service, "service", 1), "alone": by_itself,
            "one of today": measured("one of today", today, "studio", 1),
        }  # fmt: skip
        rates = interleaved(cases, repetitions)
    child.close()
    p95 = median_ratio(*([one["p95"] for one in found[name]] for name in ("service", "studio")))
    median = {name: statistics.median(values) for name, values in rates.items()}
    what = f"{repetitions} x {seconds:g} s; "
    both = f"{what}{median['service']:.0f} against {median['studio']:.0f} pictures/s"
    of_alone = f"{what}{median['service']:.0f} against {median['alone']:.0f} pictures/s"
    one, before = (statistics.median(one["p50"] for one in found[name]) for name in ("one", "one of today"))
    cost = " against ".join(f"{statistics.median(costs[name]):.2f}" for name in ("service", "alone")) + " ms"
    late = " against ".join(
        f"{statistics.median(one['p95'] for one in found[name]):.0f}" for name in ("service", "studio")
    )
    return [
        at_least(f"{CLIENTS} clients, {model}: pictures/s against the Studio's endpoint",
                 median_ratio(rates["service"], rates["studio"]), FASTER, both),
        at_least("the same against the generator alone in batches",
                 median_ratio(rates["service"], rates["alone"]), OF_ALONE, of_alone),
        at_most("the same: p95 against the Studio's endpoint", p95, LATER, "x", f"{what}{late} ms"),
        Row("processor time for each picture, of the service and of the generator alone", cost, "stated"),
        at_most("one client: median", one, ALONE, " ms", f"{what}the Studio's endpoint: {before:.1f} ms"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="stylegan2.avatars")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--alone", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        alone(given.alone)
    elif given.load:
        url, kind, model, clients, seconds = given.load
        print(json.dumps(asyncio.run(load(url, kind, model, int(clients), float(seconds)))))
    else:
        report("The service", compare(given.model, given.seconds, given.repetitions))


if __name__ == "__main__":
    main()
