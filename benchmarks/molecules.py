"""MolGAN on molecules: how many samples are valid, different and new, and how far they are from held-out molecules.

    python -m benchmarks.molecules [MODEL] [COUNT]

For comparison, the same for training molecules (the floor of the distances) and for random graphs. Then GNNExplainer on
some samples: how much masks of different seeds differ, and how much the score changes without the bonds that it finds
important, against random ones.
"""

from __future__ import annotations

import platform
import sys

import numpy as np
import torch

from gan_core import data
from gan_core.data.chemistry import smiles_of, valid
from gan_core.metrics.molecules import distances, properties, quality, random_graphs
from gan_core.models import explaining, loading

EXPLAINED = 6


def main(name: str = "molgan.molecules", count: int = 5000) -> None:
    torch.set_num_threads(1)
    training = data.load("molecules").arrays["molecule"]
    kept_aside = data.load("test:molecules").arrays["molecule"]
    known = set(map(smiles_of, training))
    made = loading.load(name).sample(count, seed=1).numpy()
    print(f"{platform.machine()}, one thread; {name}, n = {count:,}, seed 1")
    print("| | valid | unique of valid | novel of unique |\n|---|---|---|---|")
    for title, matrices in (("samples", made), ("random graphs", random_graphs(training, count))):
        found = quality(matrices, known)
        print(f"| {title} | {' | '.join(f'{share:.1%}' for share in found.shares)} |")
    aside = properties(kept_aside)
    some = np.random.default_rng(0).choice(len(training), len(kept_aside), replace=False)
    floor = distances(properties(training[some]), aside)
    good = made[valid(made)][: len(kept_aside)]
    if not len(good):
        raise SystemExit("No sample is a valid molecule: there is nothing to compare or to explain.")
    far = distances(properties(good), aside)
    print(
        f"\nDistances to {len(kept_aside)} kept-aside molecules, of {len(good)} valid samples and as many training ones"
    )
    print("| property | samples | floor |\n|---|---|---|")
    for one, value in far.items():
        print(f"| {one} | {value:.3f} | {floor[one]:.3f} |")
    broken = made[~valid(made)]
    bonded = (broken * (1 - np.eye(broken.shape[1], dtype=broken.dtype))).any((1, 2))
    _explain(name, good, broken[bonded])  # without a bond there is nothing to explain


def _explain(name: str, good: np.ndarray, broken: np.ndarray) -> None:
    discriminator = explaining.discriminator_of(name)
    chosen = [*good[: EXPLAINED - min(2, len(broken))], *broken[:2]]
    found = [explaining.explain(discriminator, matrix) for matrix in chosen]
    there = [one.bonds > 0 for one in found]
    spread = np.mean([one.bond_spread[bonds].mean() for one, bonds in zip(found, there, strict=True)])
    within = np.mean([one.bonds[bonds].std() for one, bonds in zip(found, there, strict=True)])
    print(f"\nGNNExplainer on {len(found)} samples, {found[0].seeds} seeds each: masks of bonds differ by "
          f"{spread:.2f} between seeds (standard deviation), their means by {within:.2f} between the bonds of a "
          "molecule")  # fmt: skip
    changes = np.array([(one.change, one.random_change) for one in found])
    better = (changes[:, 0] > changes[:, 1]).sum()
    print(f"Score without the most important third of the bonds: changed by {changes[:, 0].mean():.2f}; without as "
          f"many random ones: {changes[:, 1].mean():.2f}; more than random in {better} of {len(found)}")  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
