"""Shared by the benchmarks: interleaved repetitions, medians, the machine's description, tables."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Row:
    """One line of a result table."""

    what: str
    measured: str
    asked: str = ""
    good: bool | None = None
    samples: str = ""


def machine() -> str:
    """Processor, cores, memory, versions, and how busy the machine is while measuring."""
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()}, "
        f"Python {platform.python_version()}, PyTorch {torch.__version__} with {torch.get_num_threads()} threads; "
        f"load {load}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def peak() -> float:
    """The largest resident size of this process in MiB; getrusage's would count that of the process that started it.

    NaN where there is no /proc.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return float("nan")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 2**10


def reset_peak() -> None:
    """Sets the peak of this process to its present size, on Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def processor_seconds(action: Callable[[], object]) -> float:
    """How long one call keeps the processor busy."""
    began = time.process_time()
    action()
    return time.process_time() - began


def interleaved(cases: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """Measures every case once in each repetition, in turn, so that a busy minute affects all of them."""
    results: dict[str, list[float]] = {name: [] for name in cases}
    for repetition in range(repetitions):
        order = list(cases) if repetition % 2 == 0 else list(reversed(cases))
        for name in order:
            results[name].append(cases[name]())
    return results


def rate(step: Callable[[], object], steps: int) -> Callable[[], float]:
    """A case for `interleaved`: steps per second over `steps` steps."""

    def measure() -> float:
        return steps / seconds(lambda: [step() for _ in range(steps)])

    return measure


class Child:
    """A module of the benchmarks in a process of its own, idle until it is asked for a number (see `answer`).

    With `before`, the module of this commit imports the packages of that checkout of another one.
    """

    def __init__(self, module: str, *arguments: str, before: Path | None = None) -> None:
        start = [str(ROOT / f"{module.replace('.', '/')}.py")] if before else ["-m", module]
        self.process = subprocess.Popen(
            [sys.executable, *start, *arguments], cwd=before or ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env=os.environ | ({"PYTHONPATH": str(before)} if before else {}),
        )  # fmt: skip
        self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError("the measured process ended early")
        return line

    def rate(self) -> float:
        """The next number; a case for `interleaved`."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        self.process.communicate()


def answer(measure: Callable[[], float]) -> None:
    """The side of the child: one number for each line on standard input."""
    print("ready", flush=True)
    for _ in sys.stdin:
        print(measure(), flush=True)


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median ratio over repetitions of two alternating measurements."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def at_least(what: str, ratio: float, asked: float, samples: str) -> Row:
    """A row whose number must be large."""
    return Row(what, f"{ratio:.2f}x", f">= {asked:g}x", ratio >= asked, samples)


def at_most(what: str, value: float, asked: float, unit: str, samples: str) -> Row:
    """A row whose number must be small."""
    return Row(what, f"{value:.3g}{unit}", f"<= {asked:g}{unit}", value <= asked, samples)


def report(title: str, rows: Sequence[Row]) -> None:
    """Prints the machine and the rows as a Markdown table."""
    print(f"\n## {title}\n\n{machine()}\n")
    print("| what | asked | measured | met | samples |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        met = "" if row.good is None else ("yes" if row.good else "NO")
        print(f"| {row.what} | {row.asked} | {row.measured} | {met} | {row.samples} |", flush=True)
