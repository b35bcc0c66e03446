"""Films: whether a generated digit stays the same digit and moves as in the data; how far a game drifts.

    python -m benchmarks.motion mocogan.moving_digits worldgan.paddle_game
    python -m benchmarks.motion --run RUN

For films: 300 generated ones against 300 of the test part. A classifier of single frames is trained on real films (a
small convolutional network, half a minute) and first checked on the test part, whose labels are known. `kept` is the
share of frames that it gives the film's most frequent class; `directed` how often films of one content seed with other
motion seeds get one class. For a game: the distance of ball and paddle from the true ones by frame, over 64 games with
keys at random, and the share of games whose ball is lost (6 pixels off, or gone).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from gan_core import data
from gan_core.media import video
from gan_core.metrics import drift, motion
from gan_core.models import loading
from gan_core.models.sampler import Sampler
from gan_core.runs.store import RunStore

FILMS, STEPS, BATCH = 300, 800, 64
CONTENTS, MOTIONS = 30, 8


def classifier(steps: int = STEPS, seed: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    """A classifier of frames uint8 (N, 1, 32, 32), trained on single frames of real films."""
    known = data.load("moving_digits")
    frames, labels = known.arrays["frames"], torch.from_numpy(known.arrays["label"])
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(64 * 16, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        film, moment = random.integers(len(frames), size=BATCH), random.integers(frames.shape[2], size=BATCH)
        given = torch.from_numpy(frames[film, :, moment].astype(np.float32) / 127.5 - 1)
        optimizer.zero_grad()
        cross_entropy(network(given), labels[film]).backward()
        optimizer.step()

    @torch.no_grad()
    def classify(shown: np.ndarray) -> np.ndarray:
        parts = np.array_split(shown, max(1, len(shown) // 512))
        given = (torch.from_numpy(part.astype(np.float32) / 127.5 - 1) for part in parts)
        return np.concatenate([network(part).argmax(1).numpy() for part in given])

    return classify


def films_of(sampler: Sampler, count: int, seed: int = 0) -> np.ndarray:
    """Generated films, uint8 (count, C, T, H, W)."""
    made = video.levels(sampler.sample(count, seed).numpy())  # (N, T, H, W, 3)
    return made[..., : sampler.spec.channels].transpose(0, 4, 1, 2, 3)


def one_content(sampler: Sampler, classify: Callable[[np.ndarray], np.ndarray]) -> float:
    """How often films of one content with other motions are assigned their most frequent class."""
    place = sampler.networks["generator"].content
    contents = sampler.latents(CONTENTS, 7)[0].repeat_interleave(MOTIONS, 0)
    moved = sampler.latents(CONTENTS * MOTIONS, 8)[0]
    made = video.levels(sampler.draw(torch.cat([contents[:, :place], moved[:, place:]], 1), None).numpy())
    classes = motion.majority(made[..., :1].transpose(0, 4, 1, 2, 3), classify).reshape(CONTENTS, MOTIONS)
    return float(np.mean([np.bincount(row).max() / MOTIONS for row in classes]))


def report_films(name: str, sampler: Sampler, steps: int) -> None:
    real = data.load("test:moving_digits")
    classify = classifier(steps)
    shown = real.arrays["frames"]
    frames = shown.swapaxes(1, 2).reshape(-1, 1, *shown.shape[3:])
    right = (classify(frames) == real.arrays["label"].repeat(shown.shape[2])).mean()
    print(f"{name}: the classifier is right for {right:.1%} of {len(frames)} frames of the test part")
    for title, films in (("test part", shown), (name, films_of(sampler, FILMS))):
        moves = motion.moving(films)
        kept = motion.kept(films, classify)
        classes = np.bincount(motion.majority(films, classify), minlength=10)
        print(
            f"  {title:28} content kept in {kept.mean():.1%} of frames ({len(films)} films); speed {moves.speed:.2f} ± "
            f"{moves.spread:.2f} px a frame, straight {moves.straight:.2f}, jerk {moves.jerk:.2f}; classes {classes}"
        )
    print(f"  one content, {MOTIONS} motions: one class in {one_content(sampler, classify):.1%} ({CONTENTS} contents)")


def report_game(name: str, sampler: Sampler) -> None:
    for found in drift.measure(sampler):
        print(
            f"{name}: after {found.frame:3} frames the ball is {found.ball:.2f} pixels off (median of 64 games), the "
            f"paddle {found.paddle:.2f}; ball lost in {found.lost:.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", help="models on the shelf")
    parser.add_argument("--run", default="", help="a run, by its id")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the classifier")
    asked = parser.parse_args()
    subjects = {name: loading.load(name) for name in asked.models}
    if asked.run:
        subjects[asked.run] = loading.from_run(RunStore(), asked.run)
    for name, sampler in subjects.items():
        began = time.process_time()
        if "world" in sampler.recipe.capabilities:
            report_game(name, sampler)
        else:
            report_films(name, sampler, asked.steps)
        print(f"  {time.process_time() - began:.0f} s of the processor")


if __name__ == "__main__":
    main()
