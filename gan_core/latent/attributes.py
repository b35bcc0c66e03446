"""Directions of known attributes, learnt with an attribute classifier and measured by it.

The classifier gives each picture's log-odds y_k of every value k (hair: bob), and a picture is a function of the white
coordinates x of w+ (or z). At random points, their slopes g_k = dy_k / dx, over the deviation of y_k, give the effect
of a small step on all values. The direction of j raises its log-odds while those of other attributes' values stay
constant, at every point and not just on average (what 1907.10786, section 2.3, does with planes):

    d_j = argmin  sum_{k of other attributes} E[(g_k . d)^2] + kappa |d|^2   so that  E[g_j] . d = 1,   hence
    d_j ~ (sum_k E[g_k g_k^T] + kappa I)^-1 E[g_j]

With a w for each layer a direction acts in the layers that control its attribute. One unit is a standard deviation of
w, in the mean over the layers. `measure` then moves new points and applies the classifier again, which gives the
leakage matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_core.data.base import Progress, silent
from gan_core.errors import BadValue
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.directions import Direction, Layers, gaussian
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points

KAPPA = 0.1  # times the mean eigenvalue of the products that are held constant
LEAST_SHARE = 0.002  # least share of samples with a value, for learning its direction
LEAST_SAMPLES = 8
SURVEYED = 1_000  # samples for the frequencies of values and the spread of their log-odds
AT_ONCE = 32  # samples whose slopes are computed together
REPORT = 256  # samples between two reports


@dataclass(frozen=True)
class Leakage:
    """The leakage matrix: the change of each value's log-odds, in standard deviations, per unit of each direction,
    (directions, values).
    """

    directions: tuple[str, ...]
    values: tuple[str, ...]  # "hair: bob"
    moves: Tensor

    def moved(self, name: str) -> float:
        """How far a direction moves its own value."""
        return float(self.moves[self.directions.index(name), self.values.index(name)])

    def worst(self, name: str) -> tuple[str, float]:
        """The value of another attribute that moves most, and by how much."""
        row = self.moves[self.directions.index(name)].clone()
        attribute = name.split(": ")[0]
        for place, value in enumerate(self.values):
            if value.split(": ")[0] == attribute:
                row[place] = 0
        place = int(row.abs().argmax())
        return self.values[place], float(row[place])


def observed(
    explorer: Explorer, classifier: AttributeClassifier, count: int, seed: int, progress: Progress = silent
) -> tuple[Points, Tensor]:
    """Random points and the log-odds of all values for their images, (count, values)."""
    points = explorer.sample(count, seed)
    found = []
    for place, part in enumerate(points.parts(REPORT)):
        progress(place * REPORT / count, "Evaluating samples")
        found.append(classifier.log_odds(explorer.draw(part)))
    return points, torch.cat(found).double()


def learn(
    explorer: Explorer, classifier: AttributeClassifier, count: int = 96, seed: int = 0, progress: Progress = silent
) -> list[Direction]:
    """A direction for every value that occurs, from the slopes at `count` points.

    Its facts: `share`, the share of random samples with the value. Raises BadValue for too few samples.
    """
    if count < LEAST_SAMPLES:
        raise BadValue("At least {least} samples are needed, got {count}.", least=LEAST_SAMPLES, count=count)
    _, odds = observed(explorer, classifier, SURVEYED, seed, progress)
    shown = (odds > 0).double().mean(0)
    around = gaussian(explorer)
    mean, products = slopes(explorer, classifier, explorer.sample(count, seed + 1), around.root, odds.std(0), progress)
    everything, layers = torch.stack(list(products.values())).sum(0), max(1, explorer.layers)
    found = []
    for place, name in enumerate(classifier.names):
        if not LEAST_SHARE <= float(shown[place]) <= 1 - LEAST_SHARE:
            continue
        chosen = still(mean[place], everything - products[name.split(": ")[0]])
        moved = layers**0.5 * chosen.reshape(layers, -1) @ around.root  # (D,) -> (layers, d)
        vector = moved if explorer.styled else moved[0]
        facts = {"share": float(shown[place])}
        found.append(Direction(name, explorer.home, vector.float(), "attribute", facts=facts))
    return found


def slopes(
    explorer: Explorer,
    classifier: AttributeClassifier,
    points: Points,
    root: Tensor,
    deviations: Tensor,
    progress: Progress = silent,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Slopes of log-odds, over their `deviations` (V,), in white coordinates: E[g_k] (V, D), and for each attribute the
    sum of E[g g^T] over its values, (D, D). D counts all layers; `root` (d, d) is the cloud's.
    """
    names = [name.split(": ")[0] for name in classifier.names]
    size = max(1, explorer.layers) * len(root)
    mean = torch.zeros(len(names), size, dtype=torch.float64)
    products = {name: torch.zeros(size, size, dtype=torch.float64) for name in classifier.attributes}
    for place, part in enumerate(points.parts(AT_ONCE)):
        progress(place * AT_ONCE / len(points), "Finding directions")
        for value, slope in enumerate(_slopes_at(explorer, classifier, part)):
            white = slope.double().cpu().reshape(len(part), -1, len(root)) @ root  # (B, D) -> (B, layers, d)
            white = white.flatten(1) / deviations[value].clamp(min=1e-9)
            mean[value] += white.sum(0) / len(points)
            products[names[value]] += white.T @ white / len(points)
    return mean, products


def _slopes_at(explorer: Explorer, classifier: AttributeClassifier, points: Points) -> list[Tensor]:
    """The slopes of each value's log-odds, (B, D)."""
    with explorer.lock, torch.enable_grad():
        values = explorer.read(points, explorer.home).detach().clone().requires_grad_(True)
        moved = replace(points, ws=values) if explorer.styled else replace(points, latents=values)
        columns = classifier.log_odds_of(explorer.images(moved)).unbind(1)
        return [torch.autograd.grad(column.sum(), values, retain_graph=True)[0].flatten(1) for column in columns]


def still(slope: Tensor, others: Tensor) -> Tensor:
    """The unit vector (D,) along `slope` (D,) that changes the values of the products `others` (D, D) little."""
    size = len(slope)
    weight = KAPPA * others.trace() / size
    if not weight:
        alone: Tensor = slope / slope.norm()
        return alone
    solved = torch.linalg.solve(others + weight * torch.eye(size, dtype=others.dtype), slope)
    chosen: Tensor = solved / solved.norm()
    return chosen


def measure(
    explorer: Explorer, directions: Sequence[Direction], classifier: AttributeClassifier, count: int = 64,
    seed: int = 1, progress: Progress = silent, layers: Layers | None = None,
) -> Leakage:  # fmt: skip
    """Measures the leakage matrix on new points moved half a unit to either side: the change of log-odds over their
    deviation.

    `layers` restricts all directions; None: each one's own layers.
    """
    if not directions:
        raise BadValue("There are no directions to measure.")
    points, odds = observed(explorer, classifier, max(count, 256), seed)
    deviations = odds.std(0).clamp(min=1e-9)
    chosen = points.mapped(lambda values: values[:count])
    rows = []
    for place, direction in enumerate(directions):
        progress(place / len(directions), "Measuring directions")
        ends = [
            classifier.log_odds(explorer.draw(edited(explorer, chosen, [Edit(direction, half, layers)]))).double()
            for half in (-0.5, 0.5)
        ]
        rows.append((ends[1] - ends[0]).mean(0) / deviations)
    progress(1.0, "Measuring directions")
    return Leakage(tuple(one.name for one in directions), tuple(classifier.names), torch.stack(rows).float())


def described(direction: Direction, leakage: Leakage) -> Direction:
    """The direction with its measurements: `moves` (its own value) and `leaks` (largest move of another)."""
    _, leaks = leakage.worst(direction.name)
    facts = {**direction.facts, "moves": leakage.moved(direction.name), "leaks": leaks}
    return replace(direction, facts=facts)
