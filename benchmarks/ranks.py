"""Two ranks against one process with the joined batch, the share of communication, and estimates for 8 and 64 ranks.

    python -m benchmarks.ranks
    python -m benchmarks.ranks --only dcgan --rounds 3

In one run and in turns: two ranks of one thread each, one process of one thread, and one process of two threads, all
with the same joined batch of random images. The ratio is also given by the processor's time, which estimates two free
cores without waiting. The scaling is an estimate, not a measurement: each rank keeps its part of the
batch, communicates as measured over the loopback (W - 1 messages for a short call as long as that of two ranks, and
2 (W - 1) / W of the bytes), and draws the random numbers of W parts.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import gan_core.ranks as ranks_module
from benchmarks.timing import ROOT, Row, at_least, median_ratio, report, seconds
from gan_core.data.base import DataSet
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.ranks import Ranks
from gan_core.training.launch import own_cores
from gan_core.training.trainer import Trainer

ASKED = 1.7
CASES = {"dcgan": (32, 128), "stylegan2": (64, 32)}  # recipe -> pixels, joined batch
KEYS = ("two", "one", "threads", "busy_two", "busy_one", "communication", "calls", "bytes", "draws")
LARGER = (2, 8, 64)  # numbers of ranks of the estimate
MESSAGES = (1_000, 4_000_000)  # numbers in the messages that measure latency and bandwidth


def pictures(size: int) -> DataSet:
    return DataSet("random", {"real": np.random.default_rng(0).integers(0, 256, (512, 3, size, size), dtype=np.uint8)})


def trainer(name: str, ranks: Ranks) -> Trainer:
    size, batch = CASES[name]
    recipe = recipes.get(name)
    return Trainer(recipe, changed(recipe.hparams, {"batch_size": batch}), pictures(size), ranks=ranks)


class Drawing:
    """Seconds of the processor spent on random numbers of the whole batch."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._plain = ranks_module._drawn
        ranks_module._drawn = self  # type: ignore[assignment]

    def __call__(self, *given: Any) -> torch.Tensor:
        begun = time.process_time()
        drawn = self._plain(*given)
        self.seconds += time.process_time() - begun
        return drawn


def reduce_seconds(ranks: Ranks, numbers: int, times: int = 8) -> float:
    """One sum over two ranks, the median."""
    values = torch.zeros(numbers)
    dist.barrier()
    return statistics.median(seconds(lambda: ranks.reduce(values)) for _ in range(times))


def work(rank: int, port: int, name: str, steps: int, rounds: int) -> None:
    """One of the two processes; the first also measures alone, while the other waits, and prints the result."""
    torch.set_num_threads(1)
    place = {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    with own_cores(place):  # as the threads of the connection have them in a run
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", world_size=2, rank=rank)
    together = trainer(name, Ranks(rank, 2))
    alone = None if rank else trainer(name, ranks_module.ALONE)
    drawing = Drawing()

    def several(subject: Trainer) -> Callable[[], None]:
        return lambda: [subject.train_step() for _ in range(steps)] and None

    found: dict[str, list[float]] = {key: [] for key in KEYS}
    for turn in range(rounds + 1):  # the first warms up
        dist.barrier()
        before, drawn = (together.ranks.seconds, together.ranks.bytes, together.ranks.calls), drawing.seconds
        busy = time.process_time()
        with own_cores(place):
            two = seconds(several(together))
        measured = {
            "two": two, "busy_two": time.process_time() - busy,
            "communication": (together.ranks.seconds - before[0]) / two,
            "bytes": (together.ranks.bytes - before[1]) / steps, "calls": (together.ranks.calls - before[2]) / steps,
            "draws": (drawing.seconds - drawn) / steps,
        }  # fmt: skip
        dist.barrier()
        if alone is not None:
            busy = time.process_time()
            measured["one"] = seconds(several(alone))
            measured["busy_one"] = time.process_time() - busy
            torch.set_num_threads(2)
            measured["threads"] = seconds(several(alone))
            torch.set_num_threads(1)
        for key, value in measured.items():
            if turn:
                found[key].append(value)
    with own_cores(place):
        small, large = (reduce_seconds(together.ranks, numbers) for numbers in MESSAGES)
    if not rank:
        batch = CASES[name][1]
        print(json.dumps(found | {"small": small, "large": large, "images": batch * steps, "steps": steps}))
    dist.destroy_process_group()


def measured(name: str, steps: int, rounds: int) -> dict[str, Any]:
    """Starts the two processes; returns the result of the first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.ranks", "--steps", str(steps), "--rounds", str(rounds), "--only", name]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen([*command, "--rank", str(rank), "--port", str(port)], cwd=ROOT, env=environment,
                         stdout=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]  # fmt: skip
    outputs = [process.communicate()[0] for process in both]
    if any(process.returncode for process in both):
        raise RuntimeError(f"a rank ended with an error while {name} was measured")
    found: dict[str, Any] = json.loads(outputs[0])
    return found


def efficiency(found: dict[str, Any], ranks: int) -> float:
    """The estimated speed of one of `ranks` ranks, relative to a rank without communication and shared draws.

    Bytes of short sums, which are gathered, grow faster with the ranks than is counted here; they are few.
    """
    sent, calls, draws = (statistics.median(found[key]) for key in ("bytes", "calls", "draws"))
    # a ring of two sends as many bytes as there are; `large` holds 4 bytes for each number
    pace = max(1e-12, (found["large"] - found["small"]) / (4 * (MESSAGES[1] - MESSAGES[0])))
    own = statistics.median(found["busy_two"]) / found["steps"] - draws  # a rank's computation for its part
    sending = calls * found["small"] * (ranks - 1) + sent * pace * 2 * (ranks - 1) / ranks
    return own / (own + draws / 2 * ranks + sending)


def rows(name: str, found: dict[str, Any]) -> list[Row]:
    size, batch = CASES[name]
    what, samples = f"`{name}` {size} px, batch {batch}", f"{len(found['two'])} x {found['steps']} steps"

    def rate(key: str) -> str:
        return f"{found['images'] / statistics.median(found[key]):.0f}"

    scaling = ", ".join(f"{ranks}: {efficiency(found, ranks):.0%}" for ranks in LARGER)
    return [
        at_least(f"{what}: 2 ranks x 1 thread against 1 x 1 ({rate('two')} against {rate('one')} images/s)",
                 median_ratio(found["one"], found["two"]), ASKED, samples),
        Row(f"{what}: the same by the processor's time, which other work on the machine doesn't change",
            f"{median_ratio(found['busy_one'], found['busy_two']):.2f}x", "stated", samples=samples),
        Row(f"{what}: against 1 rank x 2 threads ({rate('threads')} images/s)",
            f"{median_ratio(found['threads'], found['two']):.2f}x", "stated", samples=samples),
        Row(f"{what}: communication, with waiting for the other rank",
            f"{statistics.median(found['communication']):.1%}", "stated",
            samples=f"{statistics.median(found['calls']):.0f} calls, {statistics.median(found['bytes']) / 1e6:.1f} MB "
            f"a step; {found['large'] * 1e3:.1f} ms for {4 * MESSAGES[1] / 1e6:.0f} MB, "
            f"{found['small'] * 1e6:.0f} us for {4 * MESSAGES[0] / 1e3:.0f} kB"),
        Row(f"{what}: speed of a rank among W, estimated", scaling, "estimated", samples="from these numbers"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES), help="recipes, separated by commas")
    parser.add_argument("--steps", type=int, default=4, help="in one repetition")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions")
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank is not None:
        return work(options.rank, options.port, options.only, options.steps, options.rounds)
    found = {name: measured(name, options.steps, options.rounds) for name in options.only.split(",")}
    report("Several processes", [row for name, one in found.items() for row in rows(name, one)])


if __name__ == "__main__":
    main()
