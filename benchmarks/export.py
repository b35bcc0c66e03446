"""What exported models take and keep: bytes, latency of one item, PSNR to single precision, for each precision.

    python -m benchmarks.export                           # every model of the shelf
    python -m benchmarks.export stylegan2.avatars cgan.mnist --repetitions 30

Latency is the median of single items, PyTorch's and onnxruntime's in turn, on all cores. The difference from PyTorch is
the largest of all outputs at batches of 1, 3 and 8. PSNR is of 64 items that no scale was set on.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.timing import Row, interleaved, report, seconds
from gan_core.errors import ExportError, GanscopeError
from gan_core.exporting import onnx
from gan_core.exporting.graphs import Graph, graph_of
from gan_core.exporting.precision import PRECISIONS
from gan_core.exporting.runtime import open_session
from gan_core.models import listing, loading


def rows(name: str, repetitions: int, folder: Path) -> list[Row]:
    """A row for each precision of a model."""
    graph = graph_of(loading.load(name))
    made, refused = {}, {}
    for precision in PRECISIONS:
        try:
            made[precision] = onnx.export(graph, folder / f"{precision}.onnx", {"ganscope": "benchmark"}, precision)
        except ExportError as error:
            refused[precision] = str(error)
    if "fp32" not in made:
        return [Row(f"{name}, fp32", refused["fp32"], "<= 1e-4", False, "12")]
    cases: dict[str, Callable[[], float]] = {"torch": lambda: seconds(_eager(graph))}
    for precision, one in made.items():
        cases[precision] = _timed(one.path, graph)
    times = {case: statistics.median(found) * 1e3 for case, found in interleaved(cases, repetitions).items()}
    found = []
    for precision, one in made.items():
        kept = f"; PSNR {one.psnr:.1f} dB" if one.psnr is not None else f"; difference {one.difference:.1g}"
        words = f"{one.bytes / 1e6:.2f} MB; {times[precision]:.1f} ms, PyTorch {times['torch']:.1f} ms{kept}"
        asked, good = ("<= 1e-4", one.difference <= onnx.CLOSE) if precision == "fp32" else ("", None)
        found.append(Row(f"{name}, {precision}", words, asked, good, str(repetitions)))
    return found + [Row(f"{name}, {precision}", why, "", None, "64") for precision, why in refused.items()]


def _eager(graph: Graph) -> Callable[[], object]:
    inputs = list(graph.examples(1).values())

    def run() -> object:
        with torch.inference_mode():
            return graph.module(*inputs)

    return run


def _timed(path: Path, graph: Graph) -> Callable[[], float]:
    session = open_session(path)
    inputs = {name: value.numpy() for name, value in graph.examples(1).items()}
    session.run(None, inputs)
    return lambda: seconds(lambda: session.run(None, inputs))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models of the shelf; default: all of them")
    parser.add_argument("--repetitions", type=int, default=20)
    options = parser.parse_args(arguments)
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or listing.names():
            try:
                found += rows(name, options.repetitions, Path(folder))
            except GanscopeError as error:
                found.append(Row(name, str(error)))
    report("Exported models", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
