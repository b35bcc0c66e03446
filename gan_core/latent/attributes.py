"""Directions of known attributes, learnt with a judge and measured by it.

Random points are drawn, and the judge gives each picture's log-odds of every value (hair: bob). Ridge regression finds
how they depend on the white coordinates x of w (or z),

    B = argmin |Y - X B|^2 + ridge |B|^2,     Y standardised, column b_j for value j

and the direction of j moves its log-odds most while those of other attributes' values stay (conditional manipulation of
1907.10786, section 2.3, softened because there are more values than dimensions):

    d_j = argmin sum_{k of other attributes} (b_k . d)^2 + kappa |d|^2   so that  b_j . d = 1,   hence
    d_j ~ (sum_k b_k b_k^T + kappa I)^-1 b_j

One unit is a standard deviation of w. `measure` then moves fresh points and asks the judge again: the leakage matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_core.data.base import Progress, silent
from gan_core.errors import BadValue
from gan_core.latent.directions import Direction, Layers, cloud, vector_space
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.judge import Judge
from gan_core.latent.points import Points

RIDGE = 0.02  # times the number of samples
KAPPA = 0.5  # times the mean eigenvalue of what is kept still
LEAST_SHARE = 0.002  # of the samples that must show a value, for a direction to be learnt
REPORT = 256  # samples between two reports


@dataclass(frozen=True)
class Leakage:
    """How many standard deviations each value's log-odds move for one unit of each direction, (directions, values)."""

    directions: tuple[str, ...]
    values: tuple[str, ...]  # "hair: bob"
    moves: Tensor

    def own(self, name: str) -> float:
        """The move of the value that a direction is named after."""
        return float(self.moves[self.directions.index(name), self.values.index(name)])

    def worst(self, name: str) -> tuple[str, float]:
        """What moves most of all other attributes' values, and by how much."""
        row = self.moves[self.directions.index(name)].clone()
        attribute = name.split(": ")[0]
        for place, value in enumerate(self.values):
            if value.split(": ")[0] == attribute:
                row[place] = 0
        place = int(row.abs().argmax())
        return self.values[place], float(row[place])


def observed(
    explorer: Explorer, judge: Judge, count: int, seed: int, progress: Progress = silent
) -> tuple[Points, Tensor]:
    """Random points and the log-odds of all values in their pictures, (count, values)."""
    points = explorer.sample(count, seed)
    found = []
    for place, part in enumerate(points.parts(REPORT)):
        progress(place * REPORT / count, "Judging samples")
        found.append(judge.log_odds(explorer.draw(part)))
    return points, torch.cat(found).double()


def learn(
    explorer: Explorer, judge: Judge, count: int = 4_000, seed: int = 0, progress: Progress = silent
) -> list[Direction]:
    """A direction for every value that occurs; `explained` is the share of its log-odds' variance that is linear.

    Raises BadValue for too few samples.
    """
    size = explorer.space(vector_space(explorer)).shape[0]
    if count < 2 * size:
        raise BadValue("{least} samples at least are needed, not {count}.", least=2 * size, count=count)
    points, odds = observed(explorer, judge, count, seed, progress)
    around = cloud(explorer)
    white = (explorer.read(points, vector_space(explorer)).double().cpu() - around.mean) @ around.whitening
    slopes, explained = regression(white, odds)
    shown = (odds > 0).double().mean(0)
    attribute_of = [name.split(": ")[0] for name in judge.names]
    found = []
    for place, name in enumerate(judge.names):
        if not LEAST_SHARE <= float(shown[place]) <= 1 - LEAST_SHARE:
            continue
        others = [other for other, attribute in enumerate(attribute_of) if attribute != attribute_of[place]]
        chosen = still(slopes[:, place], slopes[:, others])
        found.append(
            Direction(
                name, vector_space(explorer), (around.root @ chosen).float(), "attribute",
                facts={"explained": float(explained[place]), "share": float(shown[place])},
            )
        )  # fmt: skip
    return found


def regression(white: Tensor, odds: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes (d, V) of standardised log-odds (N, V) over white coordinates (N, d), and the share that they explain."""
    inputs = white - white.mean(0)
    targets = (odds - odds.mean(0)) / odds.std(0).clamp(min=1e-9)
    products = inputs.T @ inputs + RIDGE * len(white) * torch.eye(white.shape[1], dtype=white.dtype)
    slopes: Tensor = torch.linalg.solve(products, inputs.T @ targets)
    left = (targets - inputs @ slopes).var(0) / targets.var(0).clamp(min=1e-9)
    return slopes, 1 - left


def still(slope: Tensor, others: Tensor) -> Tensor:
    """The unit vector (d,) that follows `slope` (d,) while the `others` (d, K) move little."""
    if not others.shape[1]:
        alone: Tensor = slope / slope.norm()
        return alone
    products = others @ others.T
    products = products + KAPPA * products.trace() / len(products) * torch.eye(len(products), dtype=products.dtype)
    solved = torch.linalg.solve(products, slope)
    chosen: Tensor = solved / solved.norm()
    return chosen


def measure(
    explorer: Explorer, directions: Sequence[Direction], judge: Judge, count: int = 64, seed: int = 1,
    progress: Progress = silent, layers: Layers | None = None,
) -> Leakage:  # fmt: skip
    """The leakage matrix, on fresh points moved half a unit to either side: the move of log-odds over their deviation.

    `layers` restricts all directions; None: where each acts by itself.
    """
    if not directions:
        raise BadValue("There are no directions to measure.")
    points, odds = observed(explorer, judge, max(count, 256), seed)
    deviations = odds.std(0).clamp(min=1e-9)
    chosen = points.mapped(lambda values: values[:count])
    rows = []
    for place, direction in enumerate(directions):
        progress(place / len(directions), "Measuring directions")
        ends = [
            judge.log_odds(explorer.draw(edited(explorer, chosen, [Edit(direction, half, layers)]))).double()
            for half in (-0.5, 0.5)
        ]
        rows.append((ends[1] - ends[0]).mean(0) / deviations)
    progress(1.0, "Measuring directions")
    return Leakage(tuple(one.name for one in directions), tuple(judge.names), torch.stack(rows).float())


def described(direction: Direction, leakage: Leakage) -> Direction:
    """With what was measured of it: `moves` (its own value) and `leaks` (the most moved value of another attribute)."""
    _, leaks = leakage.worst(direction.name)
    facts = {**direction.facts, "moves": leakage.own(direction.name), "leaks": leaks}
    return replace(direction, facts=facts)
