"""What came out of a search, as plain values for a page or a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_core.search.plan import SearchPlan
from gan_core.search.running import FIGURE, HIGH, LOW, REASON
from gan_core.search.storage import RUN

if TYPE_CHECKING:
    from optuna import Study

IMPORTANT = 4  # finished trials, below which importances say nothing


@dataclass(frozen=True)
class TrialResult:
    """One trial. `value` is NaN where it wasn't judged; `low` and `high` are the 95 % interval of its samples."""

    number: int
    state: str  # "finished", "ended early", "failed", "running", "waiting"
    settings: Mapping[str, Any]
    run: str
    value: float
    low: float
    high: float
    figure: str
    reason: str


STATES = {"COMPLETE": "finished", "PRUNED": "ended early", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


def trials(study: Study) -> list[TrialResult]:
    """All trials, in order."""
    found = []
    for one in study.get_trials(deepcopy=False):
        about = one.user_attrs
        value = one.value if one.state.name == "COMPLETE" else None
        found.append(
            TrialResult(
                one.number, STATES[one.state.name], dict(one.params), about.get(RUN, ""),
                math.nan if value is None else value, float(about.get(LOW, math.nan)),
                float(about.get(HIGH, math.nan)), about.get(FIGURE, ""), about.get(REASON, ""),
            )
        )  # fmt: skip
    return found


def ranked(found: list[TrialResult]) -> list[TrialResult]:
    """The finished ones, best first."""
    return sorted((one for one in found if one.state == "finished"), key=lambda one: one.value)


def importances(study: Study) -> dict[str, float]:
    """How much of the differences each knob explains (fANOVA, Hutter et al. 2014); empty below IMPORTANT trials."""
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
