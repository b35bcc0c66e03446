"""Cost and accuracy of exported models: bytes, latency of one item, fidelity to single precision and Frechet distance,
for each precision.

    python -m benchmarks.export                           # every model of the shelf
    python -m benchmarks.export stylegan2.avatars cgan.mnist --repetitions 30 --samples 10000
    python -m benchmarks.export --keep build/export.json  # continues an interrupted call

Latency is the shortest of single items, PyTorch's and onnxruntime's in turn, on `--threads` threads: other work on the
machine only adds to it. The difference from PyTorch is the largest of all outputs at batches of 1, 3 and 8. PSNR is
that of 64 items that weren't used for calibration; of tokens, pitches and molecules it is the share of equal numbers.

The Frechet distance is that of `--samples` samples, without truncation, to as many of their training data, or to all if
there are fewer; the metric's name has the number. It is measured for models with a feature net on the shelf: pictures
by that of their training data, pictures of words with the sentences of the training data, sounds by their spectrograms.
Every precision draws the same latents.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import Row, interleaved, report, seconds
from gan_core import data
from gan_core.data.parts import kind_of
from gan_core.errors import ExportError, GanscopeError, percent
from gan_core.exporting import onnx
from gan_core.exporting.graphs import Graph, graph_of
from gan_core.exporting.precision import Fidelity, reduced
from gan_core.exporting.runtime import open_session
from gan_core.exporting.wanted import PRECISIONS
from gan_core.metrics.evaluate import evaluate
from gan_core.metrics.feature_net import BATCH, FeatureNet
from gan_core.metrics.streams import Stream
from gan_core.models import listing, loading
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8

JUDGED = {"avatars_captions": "avatars", "spoken_digits": "spoken_digits_pictures"}  # data set -> its pictures
Figures = dict[str, dict[str, Any]]  # precision -> measurements, or the reason why there are none


def figures(name: str, repetitions: int, samples: int, threads: int, folder: Path) -> Figures:
    """The measurements of a model for each precision."""
    sampler = loading.load(name)
    graph = graph_of(sampler)
    single = onnx.exported(graph)
    difference = onnx.check(graph, single)
    found: Figures = {}
    files: dict[str, Path] = {}
    for precision in PRECISIONS:
        try:
            content, kept = (single, Fidelity()) if precision == "fp32" else reduced(graph, single, precision)
        except ExportError as error:
            found[precision] = {"refused": str(error)}
            continue
        files[precision] = folder / f"{precision}.onnx"
        files[precision].write_bytes(content)
        found[precision] = {"bytes": len(content), "difference": difference} | asdict(kept)
    cases: dict[str, Callable[[], float]] = {"torch": lambda: seconds(_eager(graph))}
    cases |= {precision: _timed(path, graph, threads) for precision, path in files.items()}
    times = {case: min(taken) * 1e3 for case, taken in interleaved(cases, repetitions).items()}
    for precision, path in files.items():
        found[precision] |= {"milliseconds": times[precision], "torch": times["torch"]}
        if samples and sampler.recipe.draws and _net(name) in listing.names():
            found[precision]["distance"] = _distance(name, sampler, path, samples, threads)
    return found


def _judged(name: str) -> str:
    """The data set that a model's samples are compared with, as pictures."""
    learnt = listing.card(name).data
    return JUDGED.get(kind_of(learnt), learnt)


def _net(name: str) -> str:
    return f"features.{kind_of(_judged(name))}".removesuffix("_pictures")


def _eager(graph: Graph) -> Callable[[], object]:
    inputs = list(graph.examples(1).values())

    def run() -> object:
        with torch.inference_mode():
            return graph.module(*inputs)

    return run


def _timed(path: Path, graph: Graph, threads: int) -> Callable[[], float]:
    session = open_session(path, threads)
    inputs = {name: value.numpy() for name, value in graph.examples(1).items()}
    session.run(None, inputs)
    return lambda: seconds(lambda: session.run(None, inputs))


def _distance(name: str, sampler: Sampler, path: Path, samples: int, threads: int) -> tuple[str, float]:
    """The Frechet distance of the file's samples, and the metric's name, which contains their number."""
    session = open_session(path, threads)
    asked = {port.name for port in session.get_inputs()}
    captions = data.load(listing.card(name).data, sampler.spec.size).arrays.get("caption")

    def batches() -> Iterator[np.ndarray]:
        seeds = np.random.default_rng(0)
        for start in range(0, samples, BATCH):
            latents, labels = sampler.latents(min(BATCH, samples - start), int(seeds.integers(2**31)))
            inputs = {"z": latents.numpy()}
            if captions is not None:
                places = np.arange(start, start + len(latents))
                inputs["condition"] = captions[places % len(captions), places % captions.shape[1]]
            elif labels is not None:
                inputs["condition" if "condition" in asked else "class"] = labels.numpy()
            if "truncation" in asked:
                inputs["truncation"] = np.array(1, np.float32)
            drawn = torch.from_numpy(session.run(None, inputs)[0])
            yield np.ascontiguousarray(to_uint8(drawn).transpose(0, 3, 1, 2))  # (B, H, W, C) -> (B, C, H, W)

    net = FeatureNet.from_shelf(_net(name))
    side = net.spec.size
    stream = Stream(name, samples, (session.get_outputs()[0].shape[1], side, side), batches)
    images = data.load(_judged(name), side)
    ((metric, value),) = evaluate(stream, images, net, ["fd"]).values.items()
    return metric, value


def rows(name: str, found: Figures, repetitions: int) -> Iterator[Row]:
    """A row for each precision of a model."""
    for precision, one in found.items():
        if "refused" in one:
            yield Row(f"{name}, {precision}", one["refused"], "", None, "64")
            continue
        kept = f"difference {one['difference']:.1g}"
        if one["psnr"] is not None:
            kept = f"PSNR {one['psnr']:.1f} dB"
        elif one["equal"] is not None:
            kept = f"equal {percent(one['equal'], 1)}"
        words = f"{one['bytes'] / 1e6:.2f} MB; {one['milliseconds']:.3g} ms, PyTorch {one['torch']:.3g} ms; {kept}"
        if "distance" in one:
            words += "; {} {:.1f}".format(*one["distance"])
        single = precision == "fp32"
        good = one["difference"] <= onnx.CLOSE if single else None
        yield Row(f"{name}, {precision}", words, "<= 1e-4" if single else "", good, str(repetitions))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models of the shelf; default: all of them")
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--samples", type=int, default=5_000, help="of the Frechet distance; 0: none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, help="a JSON file of what was measured; models in it aren't measured again"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    kept: dict[str, Figures] = json.loads(options.keep.read_text()) if options.keep and options.keep.exists() else {}
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.names or listing.names():
            try:
                if name not in kept:
                    kept[name] = figures(name, options.repetitions, options.samples, options.threads, Path(folder))
                found += rows(name, kept[name], options.repetitions)
            except GanscopeError as error:
                found.append(Row(name, str(error)))
            if options.keep:
                options.keep.write_text(json.dumps(kept, indent=1))
    report("Exported models", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
