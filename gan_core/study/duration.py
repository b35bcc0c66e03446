"""The duration of a study: an estimate beforehand, and the remaining time from its results so far. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gan_core.study.plan import ARMS, GENERATED, Cell, StudyPlan
from gan_core.study.results import Result, StudyFolder

# seconds of a step on one core of the reference machine (2 cores, no GPU): for any image, and for each of its pixels;
# linear fits through 16, 28 and 32 pixels
CLASSIFIER = (3.5e-3, 5.7e-6)
GAN = (5.6e-3, 1.5e-5)
START = 20.0  # seconds until PyTorch and the data are loaded


def expected(plan: StudyPlan) -> float:
    """Expected seconds of the whole study on the reference machine."""
    return START + sum(_cost(plan, cell) for cell in plan.cells())


def left(plan: StudyPlan, folder: StudyFolder) -> float:
    """Seconds until a study is done, at the pace of its results so far; without results, the estimate."""
    done, missing, taken = 0.0, 0.0, 0.0
    for cell, result in _results(plan, folder):
        if result is None:
            missing += _cost(plan, cell)
        else:
            done += _cost(plan, cell)
            taken += result.seconds
    return missing * (taken / done if done else 1.0) + (0.0 if done else START)


def _results(plan: StudyPlan, folder: StudyFolder) -> Iterator[tuple[Cell, Result | None]]:
    for cell in plan.cells():
        yield cell, folder.result(cell)


def _cost(plan: StudyPlan, cell: Cell) -> float:
    """Seconds of a classifier, and of the GAN if it is the first that needs it."""
    seconds = plan.steps * _step(CLASSIFIER, plan.size)
    first = next(_generating(plan.arms), "")
    return seconds + (plan.gan_steps * _step(GAN, plan.size) if cell.arm == first else 0.0)


def _generating(arms: Iterable[str]) -> Iterator[str]:
    """The arms with generated images, in the order in which they are measured."""
    wanted = set(arms)
    return (arm for arm in ARMS if arm in wanted and arm in GENERATED)


def _step(cost: tuple[float, float], size: int) -> float:
    return cost[0] + cost[1] * size**2
