"""Results of a search, as plain values for a page or a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from gan_core.errors import values_of
from gan_core.search.plan import SearchPlan
from gan_core.search.storage import CONFIRMS, RUN, SEED, START

if TYPE_CHECKING:
    from optuna import Study

LOW, HIGH, FIGURE, REASON, ERROR = "low", "high", "figure", "reason", "error"  # attributes of a trial
IMPORTANT = 4  # finished trials, below which importances mean nothing


@dataclass(frozen=True)
class TrialResult:
    """One trial. `value` is NaN if it wasn't judged; `low` and `high` are the 95 % interval of its samples."""

    number: int
    state: str  # "finished", "ended early", "failed", "running", "waiting"
    settings: Mapping[str, Any]
    run: str
    value: float
    low: float
    high: float
    figure: str
    reason: str
    confirms: int | None = None  # the trial whose settings it repeats with another seed
    seed: int = 0  # its own seed, if it repeats another trial
    error: tuple[str, Mapping[str, Any]] = ("", {})  # template and values of `reason`
    is_start: bool = False  # whether it has the settings that the search starts from


STATES = {"COMPLETE": "finished", "PRUNED": "ended early", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


@dataclass(frozen=True)
class Ratio:
    """A trial's distance as a share of the distance of the settings that the search starts from, over `seeds` seeds.

    `value` is the geometric mean of the ratios seed by seed, `low` and `high` their 95 % interval (Student's t over the
    logarithms; NaN for fewer than two seeds).
    """

    value: float
    low: float
    high: float
    seeds: int


def trials(study: Study) -> list[TrialResult]:
    """All trials, in order."""
    found = []
    for one in study.get_trials(deepcopy=False):
        about = one.user_attrs
        value = one.value if one.state.name == "COMPLETE" else None
        state = "failed" if REASON in about else STATES[one.state.name]
        template, values = about.get(ERROR, ("", {}))
        found.append(
            TrialResult(
                one.number, state, dict(one.params), about.get(RUN, ""),
                math.nan if value is None else value, float(about.get(LOW, math.nan)),
                float(about.get(HIGH, math.nan)), about.get(FIGURE, ""), about.get(REASON, ""),
                about.get(CONFIRMS), about.get(SEED, 0), (template, values_of(values)),
                about.get(START, one.number == 0),  # missing in older searches
            )
        )  # fmt: skip
    return found


def ended(found: Sequence[TrialResult]) -> int:
    """How many trials have ended by themselves, without those that only confirm another one."""
    return sum((one.state in ("finished", "ended early") or bool(one.reason)) and one.confirms is None for one in found)


def settings_tried(found: Sequence[TrialResult]) -> list[TrialResult]:
    """The finished trials, the smallest distance first, without those that only confirm another one."""
    finished = [one for one in found if one.state == "finished" and one.confirms is None]
    return sorted(finished, key=lambda one: one.value)


def ranked(found: Sequence[TrialResult]) -> list[TrialResult]:
    """The finished trials, best first: the more seeds, the earlier; among equally many, by the mean.

    Settings that failed with a seed come last. Trials that only confirm another one aren't listed themselves.
    """
    values = {one.number: over_seeds(found, one) for one in settings_tried(found)}

    def place(one: TrialResult) -> tuple[bool, int, float]:
        average = mean(values[one.number])
        return math.isinf(average), -len(values[one.number]), average

    return sorted(settings_tried(found), key=place)


def over_seeds(found: Sequence[TrialResult], one: TrialResult) -> list[float]:
    """The distances of a trial's settings: its own, and those with other seeds; infinite where such a run failed."""
    return list(_by_seed(found, one).values())


def _by_seed(found: Sequence[TrialResult], one: TrialResult) -> dict[int, float]:
    others = sorted((other for other in found if other.confirms == one.number), key=lambda other: other.seed)
    ended = (other for other in others if other.state == "finished" or other.reason)  # an unfinished one has no reason
    return {one.seed: one.value} | {
        other.seed: other.value if other.state == "finished" else math.inf for other in ended
    }  # fmt: skip


def start(found: Sequence[TrialResult]) -> TrialResult | None:
    """The finished trial with the settings that the search starts from; None if there is none."""
    return next((one for one in settings_tried(found) if one.is_start), None)


def against_start(found: Sequence[TrialResult], one: TrialResult) -> Ratio | None:
    """How much closer a trial is than the settings that the search starts from, over the seeds that both have.

    None if it is that trial itself, if a run of either failed, or if the ranges leave those settings out.
    """
    first = start(found)
    if first is None or one.is_start:
        return None
    import numpy as np

    from gan_core.metrics.bootstrap import of_mean

    ours, theirs = _by_seed(found, one), _by_seed(found, first)
    pairs = np.array([(ours[seed], theirs[seed]) for seed in ours.keys() & theirs.keys()])  # (seeds, 2)
    if not (np.isfinite(pairs) & (pairs > 0)).all():
        return None
    logarithms = np.log(pairs[:, 0] / pairs[:, 1])
    value, low, high = map(float, np.exp([logarithms.mean(), *of_mean(logarithms)]))
    return Ratio(value, low, high, len(pairs))


def importances(study: Study) -> dict[str, float]:
    """The share of the variance that each knob explains (fANOVA, Hutter et al. 2014); empty below IMPORTANT trials."""
    finished = [one for one in trials(study) if one.state == "finished"]
    if len(finished) < IMPORTANT or len({one.value for one in finished}) < 2:
        return {}
    from optuna.importance import get_param_importances

    return dict(get_param_importances(study))


def command(plan: SearchPlan, one: TrialResult, longer: int = 4) -> list[str]:
    """The words after `ganscope` that train a trial's settings for `longer` times its steps.

    The length of a preset's schedule of the learning rates follows the steps, unless the search has varied it.
    """
    from gan_core.gans import recipes
    from gan_core.knobs import differences
    from gan_core.training import schedule

    base = plan.base
    recipe = recipes.get(base.recipe)
    words = ["train", base.recipe, "--data", base.data, "--size", str(base.size), "--steps", str(longer * base.steps)]
    start = recipe.hparams
    fixed: frozenset[str] = frozenset()
    if base.preset:
        words += ["--preset", base.preset]
        start = recipe.settings(recipe.preset(base.preset).hparams)
        fixed = schedule.KNOBS - one.settings.keys()
    for name, value in differences(start, recipe.settings({**base.hparams, **one.settings})).items():
        if name not in fixed:
            words += ["--set", f"{name}={value}"]
    return words
