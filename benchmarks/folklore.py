"""Folklore, measured: what tutorials say about training GANs, with and without, over five seeds at equal cost.

    python -m benchmarks.folklore                      # all runs, into build/folklore: about an hour of one core
    python -m benchmarks.folklore --part 0 2           # the first half of them; another process can run the rest
    python -m benchmarks.folklore --table              # the measurements as a table
    python -m benchmarks.folklore --write              # into ui/classroom/folklore/measured.json, which the page reads

Claims are values in `ui/classroom/folklore/claims.py`. Finished runs are not repeated, so the benchmark
can be stopped at any time.

Equal cost is equal processor time: before the first run, each arm's time a step is measured in turns with that of the
usual settings, the median ratio is kept, and an arm whose steps cost twice as much trains half as many. So runs are
the same whatever else the machine does. A run is measured LOOKS times, evenly spread, which doesn't count as cost.

    distance   mean over the last quarter of the looks: JS divergence (bits) of 4,096 points from the known density;
               Fréchet distance of 1,000 digits from all real ones in the features of `metrics/digit_classifier.py`
    variety    at the same looks: share of 1,000 real samples with a generated one nearer than their fifth neighbour
               (coverage, 2002.09797), of points or of pixels
    unrest     standard deviation of log distance over the second half of the looks, including measurement noise
    tracking   rank correlation over all looks of -L_D, which both losses interpret as a distance, with the distance
    at_half    the distance at the look of the last three quarters where D(x) and D(G(z)) are nearest to 1/2
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.timing import ROOT, Row, machine, report
from gan_core import data
from gan_core.files import write_atomically
from gan_core.gans import recipes
from gan_core.metrics import density
from gan_core.metrics.digit_classifier import digit_classifier
from gan_core.metrics.fid import frechet_distance, gaussian
from gan_core.metrics.neighbours import manifold
from gan_core.pictures.grids import to_uint8
from gan_core.teaching import folklore
from gan_core.training.trainer import StepResult, Trainer
from ui.classroom.folklore import results
from ui.classroom.folklore.claims import BEDS, CLAIMS, SEEDS, Bed, Settings, arms

KEPT = ROOT / "build" / "folklore"  # one file for each run
LOOKS = 16
SAMPLES = 1_000  # number of digits; of points, density.SAMPLES are counted
SAMPLE_SEED = 1_000_000
OBSERVED = 25  # steps before each look whose losses and scores are averaged
TIMED, TURNS = 60, 5  # steps at once, and how often, when an arm's cost is measured

Look = dict[str, float]
Measure = Callable[[np.ndarray], tuple[float, float]]  # samples -> distance and variety


def trainer(bed: Bed, settings: Settings, seed: int) -> Trainer:
    recipe = recipes.get(bed.recipe)
    hparams = recipe.settings({**bed.settings, **settings, "seed": seed})
    return Trainer(recipe, hparams, loaded(bed.data, bed.size))


@cache
def loaded(name: str, size: int) -> Any:
    return data.load(name, size)


# --- looking at a run ------------------------------------------------------------------------------------------------


@cache
def measure(name: str) -> Measure:
    """Returns the function that evaluates samples of a bed."""
    return _points(BEDS[name]) if BEDS[name].recipe == "points" else _digits(BEDS[name])


def _points(bed: Bed) -> Measure:
    yardstick = density.yardstick(bed.data)
    real = loaded(bed.data, bed.size).arrays["real"][:SAMPLES]

    def look(samples: np.ndarray) -> tuple[float, float]:
        return yardstick.measure(samples.astype(np.float64)).js, manifold(real, samples[:SAMPLES]).coverage

    return look


def _digits(bed: Bed) -> Measure:
    images = loaded(bed.data, bed.size).arrays["real"][:, 0]  # (N, 1, H, W) -> (N, H, W)
    arbiter = digit_classifier()
    known = gaussian(arbiter.features(images))
    pixels = _flat(images[:SAMPLES])

    def look(samples: np.ndarray) -> tuple[float, float]:
        made = to_uint8(torch.from_numpy(samples))[..., 0]  # (N, H, W, 1) -> (N, H, W)
        distance = frechet_distance(known, gaussian(arbiter.features(made)))
        return distance, manifold(pixels, _flat(made)).coverage

    return look


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)  # (N, H, W) -> (N, H * W)


def drawn(running: Trainer, count: int) -> np.ndarray:
    """Draws samples as the app does: from the averaged generator, in evaluation mode."""
    hparams: Any = running.hparams
    latents = torch.randn(count, hparams.latent_size, generator=torch.Generator().manual_seed(SAMPLE_SEED))
    with torch.no_grad():
        made = running.recipe.draw(running.ema.refresh(), hparams, latents, None)
    return made.numpy()


def observed(running: Trainer, steps: list[StepResult]) -> Look:
    """-L_D without penalties, and the mean scores of D."""
    loss = [float(step.terms["discriminator/real"] + step.terms["discriminator/fake"]) for step in steps]
    stacked = {name: torch.stack([step.observed[name] for step in steps]) for name in ("real", "fake_before")}
    scores = running.objective.summarise(running.hparams, stacked)
    return {
        "estimate": -statistics.fmean(loss), "real": float(scores["score/real"].mean()),
        "fake": float(scores["score/fake_before"].mean()),
    }  # fmt: skip


def run(name: str, settings: Settings, seed: int, steps: int) -> dict[str, Any]:
    """One run and all its looks."""
    bed, look_at = BEDS[name], measure(name)
    running = trainer(bed, settings, seed)
    count = density.SAMPLES if bed.recipe == "points" else SAMPLES
    looks: list[Look] = []
    spent = 0.0
    for place in range(LOOKS):
        began = time.process_time()
        recent = [running.train_step() for _ in range(steps * (place + 1) // LOOKS - running.step)][-OBSERVED:]
        spent += time.process_time() - began
        distance, variety = look_at(drawn(running, count))
        looks.append({"distance": distance, "variety": variety, **observed(running, recent)})
    return {"steps": steps, "seconds": round(spent, 2), "settings": _plain(settings), "looks": looks}


def figures(looks: list[Look]) -> dict[str, float]:
    """The figures of a run; see above."""
    last, second = looks[-(len(looks) // 4) :], looks[len(looks) // 2 :]
    later = looks[len(looks) // 4 :]
    half = min(later, key=lambda look: abs(look["real"] - 0.5) + abs(look["fake"] - 0.5))
    return {
        "distance": statistics.fmean(look["distance"] for look in last),
        "variety": statistics.fmean(look["variety"] for look in last),
        "unrest": float(np.std(np.log([look["distance"] for look in second]))),
        "tracking": folklore.rank_correlation(
            [look["estimate"] for look in looks], [look["distance"] for look in looks]
        ),
        "at_half": half["distance"],
    }


# --- equal cost ------------------------------------------------------------------------------------------------------


def cost(bed: Bed, settings: Settings) -> float:
    """Processor time of a step, as a multiple of that with the usual settings; measured in turns."""
    pair = [trainer(bed, {}, 0), trainer(bed, settings, 0)]
    for one in pair:
        _seconds(one)
    turns = [[_seconds(one) for one in pair] for _ in range(TURNS)]
    return statistics.median(other / usual for usual, other in turns)


def _seconds(running: Trainer) -> float:
    began = time.process_time()
    for _ in range(TIMED):
        running.train_step()
    return time.process_time() - began


def costs(folder: Path) -> dict[str, dict[str, float]]:
    """The costs of all arms, by bed; unknown ones are measured."""
    path = folder / "costs.json"
    known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, bed in BEDS.items():
        of_bed = known.setdefault(name, {"usual": 1.0})
        for arm, settings in arms(name).items():
            if arm not in of_bed:
                of_bed[arm] = round(cost(bed, settings), 3)
                write_atomically(path, json.dumps(known, indent=1).encode())
    return known


# --- all runs --------------------------------------------------------------------------------------------------------


def _plain(settings: Settings) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _file(folder: Path, bed: str, arm: str, seed: int) -> Path:
    return folder / f"{bed}.{arm}.{seed}.json"


def measure_all(
    folder: Path, part: int = 0, parts: int = 1, only: list[str] | None = None, backwards: bool = False
) -> None:
    """Makes every run that isn't in the folder yet; seeds are the outermost loop, so that claims progress evenly."""
    folder.mkdir(parents=True, exist_ok=True)
    known = costs(folder)
    todo = [(seed, bed, arm, settings) for seed in SEEDS for bed in BEDS for arm, settings in arms(bed).items()]
    for seed, bed, arm, settings in reversed(todo[part::parts]) if backwards else todo[part::parts]:
        path, steps = _file(folder, bed, arm, seed), round(BEDS[bed].steps / known[bed][arm])
        if (only and arm not in only) or (path.exists() and json.loads(path.read_text("utf-8"))["steps"] == steps):
            continue
        made = run(bed, settings, seed, steps)
        write_atomically(path, json.dumps(made).encode())
        found = figures(made["looks"])
        words = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
        print(f"{bed} {arm} seed {seed}: {made['steps']} steps, {made['seconds']:.1f} s; {words}", flush=True)


def gathered(folder: Path) -> dict[str, Any]:
    """All runs of the folder in the form that the page reads."""
    found: dict[str, Any] = {}
    for name in BEDS:
        found[name] = {}
        for arm, settings in arms(name).items():
            runs = [json.loads(_file(folder, name, arm, seed).read_text(encoding="utf-8")) for seed in SEEDS]
            found[name][arm] = {
                "settings": _plain(settings),
                "steps": runs[0]["steps"],
                "seconds": round(statistics.fmean(one["seconds"] for one in runs), 1),
                "figures": {
                    key: [float(f"{figures(one['looks'])[key]:.4g}") for one in runs]
                    for key in figures(runs[0]["looks"])
                },
                "course": [
                    float(f"{statistics.fmean(one['looks'][place]['distance'] for one in runs):.3g}")
                    for place in range(LOOKS)
                ],
            }
    return found


def write(folder: Path) -> None:
    usual = {name: _plain(bed.settings) | {"steps": bed.steps} for name, bed in BEDS.items()}
    content = {"machine": machine(), "usual": usual, "arms": gathered(folder)}
    lines = json.dumps(content, indent=1, ensure_ascii=False)
    write_atomically(results.KEPT, (lines + "\n").encode())


def table() -> list[Row]:
    """One row for each claim and bed, from what the page reads."""
    rows = []
    for claim in CLAIMS:
        for bed in BEDS:
            outcome = results.outcome(claim, bed)
            each = ", ".join(f"{value:+.2f}" for value in outcome.effects)
            words = f"{claim.figure} {outcome.numbers()}; {each}"
            rows.append(Row(f"{claim.name}, {bed}", outcome.verdict, claim.expected, None, words))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=KEPT)
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("PART", "PARTS"))
    parser.add_argument("--only", nargs="+", help="names of arms, such as usual or beta1=0.9")
    parser.add_argument("--backwards", action="store_true", help="the last run first, beside another process")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.write:
        write(options.folder)
    elif not options.table:
        measure_all(options.folder, *options.part, options.only, options.backwards)
        return
    report("Folklore", table())


if __name__ == "__main__":
    main()
