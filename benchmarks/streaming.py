"""Speed of training on a memory-mapped set larger than the allowed memory, and the cost of pictures from shards.

    python -m benchmarks.streaming --gib 4 --limit-gib 1
    python -m benchmarks.streaming --shards 4000

Two processes train the same networks in turn: one on a file of `--gib` GiB, its own data (the heap and private
mappings, RLIMIT_DATA) limited to `--limit-gib`; the other, not limited, on a part of the same file read into memory.
The file is written to the folder for temporary files, and removed.

With `--shards`, tars of that many JPEGs of 64 pixels are written and streamed; the processor's time for an image is
compared with that of a step of DCGAN at its default size on the same images.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import Child, Row, answer, at_least, interleaved, median_ratio, processor_seconds, rate, report

SIZE, CHANNELS = 32, 3
CHUNK = 2**14  # images written at once: 48 MiB
IN_MEMORY = 2**17  # images of the set in memory, at most: 384 MiB
ASKED = 0.9
JPEG = 64  # pixels of a picture in a shard


def write(path: Path, gib: float) -> int:
    """Writes noise as one array (N, C, H, W); returns N."""
    count = max(256, int(gib * 2**30) // (CHANNELS * SIZE * SIZE))
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, CHANNELS, SIZE, SIZE))
    random = np.random.default_rng(0)
    for start in range(0, count, CHUNK):
        part = images[start : start + CHUNK]
        part[:] = random.integers(0, 256, part.shape, dtype=np.uint8)
    images.flush()
    return count


def child(path: Path, mapped: bool, limit_gib: float, steps: int) -> None:
    """Trains some steps for each line on standard input, and answers with steps per second."""
    from gan_core.data.base import DataSet
    from gan_core.gans import recipes
    from gan_core.training.trainer import Trainer

    if limit_gib:
        bytes_allowed = int(limit_gib * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (bytes_allowed, bytes_allowed))
    images = np.load(path, mmap_mode="r")
    data_set = DataSet("noise", {"real": images if mapped else np.array(images[:IN_MEMORY])})
    recipe = recipes.get("dcgan")
    trainer = Trainer(recipe, recipe.settings({"channels": 16}), data_set)
    for _ in range(3):
        trainer.train_step()
    answer(rate(trainer.train_step, steps))


def started(path: Path, mapped: bool, limit_gib: float, steps: int) -> Child:
    arguments = ["--child", str(path), "--steps", str(steps), "--limit-gib", str(limit_gib)]
    return Child("benchmarks.streaming", *arguments, *(["--mapped"] if mapped else []))


def measure(
    gib: float, limit_gib: float, steps: int, repetitions: int, folder: Path | None = None
) -> tuple[float, int]:
    """The ratio of mapped to in-memory speed, and the number of images of the file."""
    with tempfile.TemporaryDirectory(prefix="ganscope-", dir=folder) as scratch:
        path = Path(scratch) / "images.npy"
        count = write(path, gib)
        children = [started(path, True, limit_gib, steps)]
        try:
            children.append(started(path, False, 0, steps))
            cases: dict[str, Callable[[], float]] = {"mapped": children[0].rate, "in memory": children[1].rate}
            results = interleaved(cases, repetitions)
        finally:
            for one in children:
                one.close()
    return median_ratio(results["mapped"], results["in memory"]), count


def write_shards(folder: Path, count: int) -> None:
    """Writes smooth pictures as JPEG, a thousand to a tar."""
    random = np.random.default_rng(0)
    for start in range(0, count, 1000):
        with tarfile.open(folder / f"x-{start // 1000:03}.tar", "w") as archive:
            for number in range(start, min(start + 1000, count)):
                colours = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                content = io.BytesIO()
                Image.fromarray(colours).resize((JPEG, JPEG), Image.Resampling.BICUBIC).save(
                    content, "JPEG", quality=90
                )
                info = tarfile.TarInfo(f"{number:06}.jpg")
                info.size = content.tell()
                content.seek(0)
                archive.addfile(info, content)


def from_shards(count: int, repetitions: int, folder: Path | None = None) -> Row:
    """Processor time per image: read from shards, and in a training step."""
    from gan_core import data
    from gan_core.gans import recipes
    from gan_core.training.trainer import Trainer

    with tempfile.TemporaryDirectory(prefix="ganscope-", dir=folder) as scratch:
        write_shards(Path(scratch), count)
        streamed = data.load(f"shards:{scratch}", JPEG)
        recipe = recipes.get("dcgan")
        trainer = Trainer(recipe, recipe.hparams, streamed)
        batch, times = recipe.hparams.batch_size, max(1, count // recipe.hparams.batch_size)
        drawing, training = [], []
        for _ in range(repetitions):
            drawing.append(processor_seconds(lambda: [trainer.batches.next(batch) for _ in range(times)]) / times)
            training.append(processor_seconds(trainer.train_step))
        read, step = (statistics.median(found) / batch * 1000 for found in (drawing, training))
    figures = f"{read:.2f} ms an image of {JPEG} px, {read / step:.1%} of a step of dcgan ({step:.1f} ms)"
    return Row("reading from shards, processor time", figures, samples=f"{repetitions} x {times * batch} images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=4.0, help="size of the memory-mapped set")
    parser.add_argument("--limit-gib", type=float, default=1.0, help="RLIMIT_DATA of the process that trains on it")
    parser.add_argument("--steps", type=int, default=60, help="in each repetition")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where the file is written; default: the temporary folder")
    parser.add_argument("--shards", type=int, help="measure reading from shards with this number of pictures instead")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--mapped", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.mapped, options.limit_gib, options.steps)
        return
    if options.shards:
        return report("Shards", [from_shards(options.shards, options.repetitions, options.folder)])
    ratio, count = measure(options.gib, options.limit_gib, options.steps, options.repetitions, options.folder)
    what = f"{options.gib:g} GiB mapped under RLIMIT_DATA {options.limit_gib:g} GiB, against memory without a limit"
    samples = f"{options.repetitions} x {options.steps} steps; {count} images of {SIZE} px"
    report("Streaming", [at_least(what, ratio, ASKED, samples)])


if __name__ == "__main__":
    main()
