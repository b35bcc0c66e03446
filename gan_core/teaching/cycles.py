"""Translation without pairs: maps that fool the discriminator, and the effect of the cycle term.

On a line, both domains are uniform on [-1, 1]. A map G fools every D if G(a) is uniform too; the cycle term requires
that some F restores a. Five maps (MAPS) show that these are different requirements.

    L = L_adv(G, D_b) + L_adv(F, D_a) + lambda (E|F(G(a)) - a| + E|G(F(b)) - b|)        (1703.10593, equations 1 to 3)

In the plane, two small perceptrons learn to translate a ring to the outline of a square and back, with and without the
cycle term. Training takes seconds and torch, so the lesson shows results stored in `cycles.json`; `python -m
gan_core.teaching.cycles` recomputes them, and a test trains a part of them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

Map = Callable[[np.ndarray], np.ndarray]
KEPT = Path(__file__).with_name("cycles.json")
STEPS = (0, 50, 100, 200, 500, 1000)
WEIGHTS = (0.0, 10.0)  # of the cycle term: without and with
SEEDS = (0, 1, 2)
UNITS, BATCH, RATE, NOISE = 64, 256, 1e-3, 0.05
SHOWN = 64  # points of the ring

# --- maps of [-1, 1] -------------------------------------------------------------------------------------------------

MAPS: Mapping[str, tuple[Map, Map]] = {  # G, and the F that restores most of it
    "same": (lambda a: a, lambda b: b),
    "mirror": (lambda a: -a, lambda b: -b),
    "tent": (lambda a: 1 - 2 * np.abs(a), lambda b: (1 - b) / 2),
    "half": (lambda a: a / 2, lambda b: 2 * b),
    "constant": (lambda a: 0 * a, lambda b: 0 * b),
}


def mismatch(made: np.ndarray, bins: int = 20) -> float:
    """JS of generated values and the uniform distribution on [-1, 1], by a histogram: 0 if D can only guess."""
    q = np.histogram(made, bins, (-1, 1))[0] / len(made)
    p = np.full(bins, 1 / bins)
    middle = (p + q) / 2
    return 0.5 * float(np.sum(p * np.log(p / middle)) + np.sum(np.where(q > 0, q * np.log(q / middle + (q == 0)), 0)))


def cycle_loss(a: np.ndarray, back: np.ndarray) -> float:
    """E|F(G(a)) - a|, the mean over points and coordinates."""
    return float(np.abs(back - a).mean())


def identity_loss(forth: Map, b: np.ndarray) -> float:
    """E|G(b) - b|: G's change of pictures that are already of its target domain."""
    return float(np.abs(forth(b) - b).mean())


def objective(adversarial: float, cycle: float, weight: float) -> float:
    """L = L_adv + lambda L_cyc."""
    return adversarial + weight * cycle


# --- a ring, and the outline of a square -----------------------------------------------------------------------------


def ring(turns: np.ndarray) -> np.ndarray:
    """Points of the circle of radius 1, (N, 2), at shares of a turn."""
    angles = 2 * np.pi * np.asarray(turns)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def square(turns: np.ndarray) -> np.ndarray:
    """Points of the outline of the square [-1, 1]^2, in the same directions."""
    points = ring(turns)
    found: np.ndarray = points / np.abs(points).max(1, keepdims=True)
    return found


def apart(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The distance of each point (N, 2) to the nearest of the others, (N,)."""
    found: np.ndarray = np.linalg.norm(points[:, None] - others[None], axis=2).min(1)
    return found


def reached(made: np.ndarray, near: float = 0.2) -> float:
    """The share of the square's outline with a translated point nearby."""
    return float((apart(square(TURNS), made) < near).mean())


TURNS = np.arange(SHOWN) / SHOWN


@dataclass(frozen=True)
class Translated:
    """The points of the ring at TURNS translated, and translated back, (SHOWN, 2) each."""

    forth: np.ndarray
    back: np.ndarray

    @property
    def cycle(self) -> float:
        """E|F(G(a)) - a|."""
        return cycle_loss(ring(TURNS), self.back)


@cache
def kept(weight: float, seed: int, step: int) -> Translated:
    """The stored outputs of the networks at one of STEPS."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))[f"{weight:g}"][str(seed)][str(step)]
    return Translated(np.array(found["forth"]), np.array(found["back"]))


# --- training: torch -------------------------------------------------------------------------------------------------


def train(weight: float, seed: int, steps: int = STEPS[-1]) -> dict[int, Translated]:
    """Trains both directions, deterministically; returns their outputs at STEPS."""
    import torch

    from gan_core.compiler import load_compiler_late

    load_compiler_late()
    torch.manual_seed(seed)
    forth, back, judge_a, judge_b = (_network(outputs) for outputs in (2, 2, 1, 1))
    players = [[forth, back], [judge_a, judge_b]]
    optimisers = [
        torch.optim.Adam([weight for network in side for weight in network.parameters()], RATE, betas=(0.5, 0.999))
        for side in players
    ]
    random = np.random.default_rng(seed)
    found = {}
    for step in range(steps + 1):
        if step in STEPS:
            found[step] = _seen(forth, back)
        a, b = (_batch(domain, random) for domain in (ring, square))
        fake_a, fake_b = back(b), forth(a)
        cycle = (back(fake_b) - a).abs().mean() + (forth(fake_a) - b).abs().mean()
        adversarial = (judge_b(fake_b) - 1).square().mean() + (judge_a(fake_a) - 1).square().mean()
        _update(optimisers[0], adversarial + weight * cycle)
        judged = [(judge_a, a, fake_a), (judge_b, b, fake_b)]
        halves = [(judge(real) - 1).square().mean() + judge(fake.detach()).square().mean()
                  for judge, real, fake in judged]  # fmt: skip
        _update(optimisers[1], 0.5 * (halves[0] + halves[1]))
    return found


def _network(outputs: int) -> nn.Module:
    from torch import nn

    return nn.Sequential(
        nn.Linear(2, UNITS), nn.LeakyReLU(0.2), nn.Linear(UNITS, UNITS), nn.LeakyReLU(0.2), nn.Linear(UNITS, outputs)
    )


def _batch(domain: Callable[[np.ndarray], np.ndarray], random: np.random.Generator) -> torch.Tensor:
    import torch

    points = domain(random.random(BATCH)) + NOISE * random.standard_normal((BATCH, 2))
    return torch.from_numpy(points).float()


def _update(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _seen(forth: nn.Module, back: nn.Module) -> Translated:
    import torch

    with torch.no_grad():
        made = forth(torch.from_numpy(ring(TURNS)).float())
        return Translated(made.numpy().astype(float), back(made).numpy().astype(float))


def main() -> None:
    """Writes the outputs of all networks of the lesson."""
    made = {
        f"{weight:g}": {
            str(seed): {
                str(step): {name: getattr(seen, name).round(2).tolist() for name in ("forth", "back")}
                for step, seen in train(weight, seed).items()
            }
            for seed in SEEDS
        }
        for weight in WEIGHTS
    }
    KEPT.write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
