"""Results of a search, as plain values for a page or a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from gan_core.errors import values_of
from gan_core.search.plan import SearchPlan
from gan_core.search.storage import CONFIRMS, RUN, SEED

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


STATES = {"COMPLETE": "finished", "PRUNED": "ended early", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


def trials(study: Study) -> list[TrialResult]:
    """All trials, in order."""
    found = []
    for one in study.get_trials(deepcopy=False):
        about = one.user_attrs
        value = one.value if one.state.name == "COMPLETE" else None
        template, values = about.get(ERROR, ("", {}))
        found.append(
            TrialResult(
                one.number, STATES[one.state.name], dict(one.params), about.get(RUN, ""),
                math.nan if value is None else value, float(about.get(LOW, math.nan)),
                float(about.get(HIGH, math.nan)), about.get(FIGURE, ""), about.get(REASON, ""),
                about.get(CONFIRMS), about.get(SEED, 0), (template, values_of(values)),
            )
        )  # fmt: skip
    return found


def ranked(found: Sequence[TrialResult]) -> list[TrialResult]:
    """The finished trials, best first: those also trained with other seeds by their mean, then all others.

    Trials that only confirm another one aren't listed themselves.
    """
    finished = [one for one in found if one.state == "finished" and one.confirms is None]
    values = {one.number: over_seeds(found, one) for one in finished}
    return sorted(finished, key=lambda one: (len(values[one.number]) == 1, mean(values[one.number])))


def over_seeds(found: Sequence[TrialResult], one: TrialResult) -> list[float]:
    """The distances of a trial's settings: its own, and those with other seeds; infinite where such a run failed."""
    others = [other for other in found if other.confirms == one.number]
    ended = [other for other in others if other.state == "finished" or other.reason]  # an unfinished one has no reason
    return [one.value, *(other.value if other.state == "finished" else math.inf for other in ended)]


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
