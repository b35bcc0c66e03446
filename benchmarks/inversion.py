"""How closely a search reproduces unseen pictures, from each start: PSNR and seconds at several search lengths.

    python -m benchmarks.inversion stylegan2.avatars --pictures 8

Each length is a search of its own, because the rate rises and falls over all of its steps; 0 is the start itself. The
starts take turns at each picture. Seconds are of the processor, on one thread, including the start; medians over the
pictures. Required for drawn faces: 22 dB in 15 s.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.timing import Row, report
from gan_core import data
from gan_core.data.batches import to_device
from gan_core.data.parts import held_out
from gan_core.latent.encoding import encode_of
from gan_core.latent.explorer import Explorer
from gan_core.latent.inversion import Encode, InversionStep, Settings, invert
from gan_core.metrics.streams import chosen_places
from gan_core.models import listing, loading

LENGTHS = (20, 50, 100, 200, 300)
PSNR, SECONDS = 22.0, 15.0


def search(explorer: Explorer, target: Tensor, start: str, steps: int, encode: Encode | None) -> tuple[float, float]:
    """PSNR in decibels, and seconds; with 0 steps, those of the start."""
    began = time.process_time()
    settings = Settings(steps=max(1, steps), start=start)
    *_, last = _until(invert(explorer, target, settings, encode=encode, every=max(1, steps)), steps)
    return last, time.process_time() - began


def _until(searching: Iterator[InversionStep], steps: int) -> Iterator[float]:
    for found in searching:
        yield found.psnr
        if steps == 0:
            return


def measured(name: str, count: int, lengths: Sequence[int], seed: int = 0) -> list[Row]:
    """A row for each start and length."""
    explorer = Explorer(loading.load(name))
    encode, card = encode_of(explorer), listing.card(name)
    pictures = data.load(held_out(card.data) or card.data, card.size).arrays["real"]
    starts = ["mean", "nearest", *(["encoder"] if encode else [])]
    marks: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for place in chosen_places(len(pictures), count, seed):
        target = to_device(torch.from_numpy(pictures[place : place + 1].copy()), explorer.device)
        for steps in (0, *lengths):
            for start in starts:
                marks.setdefault((start, steps), []).append(search(explorer, target, start, steps, encode))
    return [_row(start, steps, marks[start, steps]) for start in starts for steps in (0, *lengths)]


def _row(start: str, steps: int, found: Sequence[tuple[float, float]]) -> Row:
    psnr = statistics.mean(one for one, _ in found)
    seconds = statistics.median(took for _, took in found)
    asked = f">= {PSNR:g} dB, <= {SECONDS:g} s" if steps == max(LENGTHS) else ""
    good = psnr >= PSNR and seconds <= SECONDS if asked else None
    return Row(f"{start}, {steps} steps", f"{psnr:.1f} dB, {seconds:.2f} s", asked, good, f"{len(found)}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="stylegan2.avatars", help="a model; default: %(default)s")
    parser.add_argument("--pictures", type=int, default=8, help="that it hasn't learnt from; default: %(default)s")
    parser.add_argument("--steps", type=int, nargs="+", default=LENGTHS, help="lengths of the search")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    report(f"Inversion of unseen pictures with {options.name}", measured(options.name, options.pictures, options.steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
