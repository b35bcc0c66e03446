"""Speed, size and memory of every recipe, each in a process of its own.

    python -m benchmarks.architectures                    # all, at tiny and default size
    python -m benchmarks.architectures --only stylegan2 --save docs/architectures.json

"Convolutions alone": the convolutions and matrix products of the same training steps, forwards and backwards, replayed
on random tensors of the same shapes and memory layouts; the share is their part of the step's time. The steps counted
cover every lazy phase once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from benchmarks.timing import ROOT, machine, peak
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.errors import percent
from gan_core.gans import Recipe, recipes
from gan_core.training.trainer import Trainer

STANDARD = ("tiny", "default")
HEAVY = {"convolution", "convolution_backward", "mm", "addmm", "bmm", "baddbmm", "_convolution"}
Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Recorded(TorchDispatchMode):
    """Records the heavy operations within the block, with the shapes of their tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.overloadpacket.__name__ in HEAVY:
            self.calls.append((func, tree_map(_shape, args), tree_map(_shape, kwargs or {})))
        return func(*args, **(kwargs or {}))


class Shape:
    """A tensor's shape and strides."""

    def __init__(self, tensor: Tensor) -> None:
        self.size, self.stride = tensor.shape, tensor.stride()

    def tensor(self) -> Tensor:
        if 0 in self.stride:  # expanded: several elements are one
            return torch.randn(self.size).as_strided(self.size, self.stride)
        return torch.empty_strided(self.size, self.stride).normal_()


def _shape(value: Any) -> Any:
    return Shape(value) if isinstance(value, Tensor) else value


def _filled(value: Any) -> Any:
    return value.tensor() if isinstance(value, Shape) else value


def replayed(calls: list[Call]) -> float:
    """Returns the seconds that the recorded operations take alone."""
    seconds = 0.0
    for function, args, kwargs in calls:
        given, named = tree_map(_filled, args), tree_map(_filled, kwargs)
        began = time.perf_counter()
        function(*given, **named)
        seconds += time.perf_counter() - began
    return seconds


def data_for(recipe: Recipe) -> DataSet:
    """The data and the size of the recipe's largest preset, else its default data."""
    largest = max(recipe.presets, key=lambda preset: preset.size, default=None)
    if largest is not None:
        return data.load(largest.data, largest.size)
    return data.load(recipe.data, recipe.fit_size(data.source(recipe.data).size))


def measure(recipe: Recipe, which: str, seconds: float) -> dict[str, Any]:
    """Training and sampling of one recipe at one size."""
    hparams = recipe.hparams if which == "default" else recipe.tiny
    trainer = Trainer(recipe, hparams, data_for(recipe))
    cycle = max(phase.every for phase in trainer.phases)
    trainer.train_step()
    recorded = Recorded()
    while trainer.step % cycle:
        trainer.train_step()
    with recorded:
        for _ in range(cycle):
            trainer.train_step()
    rates, shares = [], []
    end = time.perf_counter() + seconds
    while len(rates) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        for _ in range(cycle):
            trainer.train_step()
        took = time.perf_counter() - began
        rates.append(cycle * hparams.batch_size / took)
        shares.append(replayed(recorded.calls) / took)
    return {
        "recipe": recipe.name,
        "size": which,
        "pixels": trainer.spec.size,
        "parameters": {n: sum(w.numel() for w in net.parameters()) for n, net in trainer.networks.items()},
        "images_per_second": statistics.median(rates),
        "convolutions_share": statistics.median(shares),
        "one_image_ms": None if (made := one_image(trainer)) is None else 1000 * made,
        "peak_mib": peak(),
        "steps": cycle * len(rates),
    }


def one_image(trainer: Trainer, repetitions: int = 15) -> float | None:
    """Median seconds for one sample, or for one translated picture; None for recipes that generate no pictures."""
    recipe, hparams = trainer.recipe, trainer.hparams
    networks = trainer.ema.refresh()
    labels = torch.zeros(1, dtype=torch.int64) if recipe.conditional else None
    if recipe.translations:
        translate, given = next(iter(recipe.translations.values())), torch.zeros(1, *trainer.spec.shape)
        make = partial(translate, networks, hparams, given)
    elif recipe.draws:
        make = partial(recipe.draw, networks, hparams, torch.randn(1, hparams.latent_size), labels)  # type: ignore[attr-defined]
    else:
        return None
    times = []
    with torch.no_grad():
        for _ in range(repetitions):
            began = time.perf_counter()
            make()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_a_process(recipe: str, which: str, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.architectures", "--child", recipe, "--size", which]
    done = subprocess.run([*command, "--seconds", str(seconds)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{recipe}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="recipes, separated by commas")
    parser.add_argument("--size", choices=STANDARD, help="one size alone")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--save", type=Path, help="a JSON file for the pages of docs/gans, which keeps other rows")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(recipes.get(options.child), options.size, options.seconds)))
        return
    chosen = options.only.split(",") if options.only else [recipe.name for recipe in recipes]
    print(f"\n## Architectures\n\n{machine()}\n")
    print("| recipe | size | pixels | parameters | images/s | one image | convolutions' share | peak memory | steps |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in chosen:
        for which in [options.size] if options.size else STANDARD:
            row = in_a_process(name, which, options.seconds)
            print(described(row), flush=True)
            if options.save:  # after each one, so that no measurement is lost
                save(options.save, row)


def save(path: Path, row: dict[str, Any]) -> None:
    """Writes a row into the file; those of other recipes and sizes are kept."""
    before = json.loads(path.read_text(encoding="utf-8"))["measured"] if path.is_file() else []
    rows = {(one["recipe"], one["size"]): one for one in [*before, row]}
    kept = {"machine": machine(), "measured": list(rows.values())}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def described(row: dict[str, Any]) -> str:
    weights = ", ".join(f"{name} {count:,}" for name, count in row["parameters"].items())
    image = "-" if row["one_image_ms"] is None else f"{row['one_image_ms']:.1f} ms"
    cells = (
        row["recipe"], row["size"], row["pixels"], weights, f"{row['images_per_second']:.0f}", image,
        percent(row["convolutions_share"]), f"{row['peak_mib']:.0f} MiB", row["steps"],
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
