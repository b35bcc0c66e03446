"""Training on all cores, on all but one, and on one, beside other work and without it.

    python -m benchmarks.threads                      # six minutes
    python -m benchmarks.threads --policy active      # threads that wait keep their core busy, OpenMP's default

"Beside": another process is busy half of the time, about what a browser and the app take while a run is watched.
"Crowded": on each core another process is always busy. Steps per second, the median of rounds in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator

CASES = {"points/ring8": "", "mlp_gan/digits_30s": "", "dcgan/digits": "", "cyclegan/digits_cycle": "",
         "stylegan2/avatars": "", "stylegan2/avatars at 64 px": "64"}  # fmt: skip
ROUNDS, SECONDS = 5, 2.0  # of each measurement
PULSE = 0.03  # seconds that the other process is busy, and idle


def busy(pause: float) -> None:
    """Never returns; rests for `pause` seconds after each PULSE."""
    while True:
        end = time.perf_counter() + PULSE
        while time.perf_counter() < end:
            pass
        time.sleep(pause)


@contextlib.contextmanager
def others(count: int, pause: float) -> Iterator[None]:
    """Busy processes."""
    processes = [multiprocessing.get_context("spawn").Process(target=busy, args=(pause,)) for _ in range(count)]
    for process in processes:
        process.start()
    time.sleep(1.0)  # until they have started
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def speeds(case: str, size: str, counts: list[int]) -> dict[str, dict[int, float]]:
    """Steps per second of a preset, at its own size or at another one, by condition and number of threads."""
    from gan_core import data
    from gan_core.gans import recipes
    from gan_core.training.trainer import Trainer

    name, _, preset = case.partition(" ")[0].partition("/")
    recipe = recipes.get(name)
    chosen = next(one for one in recipe.presets if one.name == preset)
    trainer = Trainer(recipe, recipe.settings(chosen.hparams), data.load(chosen.data, int(size or chosen.size)))
    trainer.train_step()

    def measured() -> dict[int, float]:
        found: dict[int, list[float]] = {count: [] for count in counts}
        for _ in range(ROUNDS):
            for count in counts:
                found[count].append(_rate(trainer, count))
        return {count: statistics.median(rates) for count, rates in found.items()}

    speed = {"alone": measured()}
    with others(1, PULSE):
        speed["beside"] = measured()
    with others(max(counts), 0.0):
        speed["crowded"] = measured()
    return speed


def _rate(trainer: object, count: int) -> float:
    import torch

    from gan_core.training.trainer import Trainer

    assert isinstance(trainer, Trainer)
    torch.set_num_threads(count)
    began, steps = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < SECONDS:
        trainer.train_step()
        steps += 1
    return steps / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", choices=("passive", "active"), default="passive")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    os.environ["OMP_WAIT_POLICY"] = options.policy.upper()  # before torch is imported
    from benchmarks.timing import Row, report
    from gan_core.cores import cores

    counts = sorted({1, max(1, cores() - 1), cores()})
    rows = []
    for case in options.only:
        for words, rates in speeds(case, CASES[case], counts).items():
            measured = ", ".join(f"{count} threads {rate:.1f}" for count, rate in rates.items())
            rows.append(Row(f"{case}, {words}", f"{measured} steps/s", samples=f"{ROUNDS} x {SECONDS:g} s"))
            print(rows[-1], flush=True)
    report(f"Threads, policy {options.policy}", rows)


if __name__ == "__main__":
    main()
