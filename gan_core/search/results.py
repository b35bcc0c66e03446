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
        finished = one.state.name == "COMPLETE" and one.value is not None
        found.append(
            TrialResult(
                one.number, STATES[one.state.name], dict(one.params), about.get(RUN, ""),
                float(one.value) if finished else math.nan, float(about.get(LOW, math.nan)),
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
    """The words after `ganscope` that train a trial's settings for `longer` times its steps."""
    words = ["train", plan.base.recipe, "--data", plan.base.data, "--size", str(plan.base.size),
             "--steps", str(longer * plan.base.steps)]  # fmt: skip
    changes = {**dict(plan.base.hparams), **one.settings}
    from gan_core.gans import recipes
    from gan_core.knobs import differences

    recipe = recipes.get(plan.base.recipe)
    for name, value in differences(recipe.hparams, recipe.settings(changes)).items():
        words += ["--set", f"{name}={value}"]
    return words
