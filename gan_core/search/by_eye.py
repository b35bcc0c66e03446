"""Choices by eye: of four trials shown side by side, which is the worst?

Each choice is kept with the trials, as an attribute of Optuna's study under its own number, so that machines that share
a storage share the choices, and two viewers who judge the same four at once leave one choice and not two. The worst
trial is replaced by the next proposal (`preferring.py`). Trials are ranked by the Bradley-Terry model of all pairs: P(a
is preferred to b) = sigmoid(s_a - s_b), with a ridge on the strengths s, since most trials meet few others.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gan_core.errors import BadValue, UnknownName
from gan_core.runs.store import RunStore
from gan_core.search import results
from gan_core.search.results import TrialResult

if TYPE_CHECKING:
    from optuna import Study

SHOWN = 4  # trials side by side
CHOICE = "choice "  # an attribute of the study, with the choice's number
N_CHANGED = "These trials were judged before, or one of them was deleted. Judge those that are shown now."

_judging = threading.Lock()  # held by the viewers of one server


@dataclass(frozen=True)
class Choice:
    """One comparison of some trials, by their numbers: the `worst`, or None if undecided; `left` is taken out."""

    number: int
    shown: tuple[int, ...]
    worst: int | None
    left: int

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Preferences as (better, worse)."""
        return [] if self.worst is None else [(one, self.worst) for one in self.shown if one != self.worst]


def choices(study: Study) -> list[Choice]:
    """All choices that were made and not undone, in order."""
    kept = ((name, facts) for name, facts in study.user_attrs.items() if name.startswith(CHOICE) and facts)
    found = [Choice(**{**facts, "shown": tuple(facts["shown"])}) for name, facts in kept]
    return sorted(found, key=lambda one: one.number)


def pairs(made: Sequence[Choice]) -> list[tuple[int, int]]:
    """All preferences, (better, worse)."""
    return [pair for one in made for pair in one.pairs]


def waiting(store: RunStore, study: Study) -> list[TrialResult]:
    """Finished trials that haven't been taken out, in order, without those whose run was deleted."""
    left = {one.left for one in choices(study)}
    found = []
    for one in results.trials(study):
        if one.state == "finished" and one.number not in left:
            with suppress(UnknownName):
                store.get(one.run)
                found.append(one)
    return found


def shown(store: RunStore, study: Study) -> tuple[int, ...]:
    """The trials that are judged next; fewer than SHOWN where more must be trained first."""
    return tuple(one.number for one in waiting(store, study)[:SHOWN])


def judge(store: RunStore, study: Study, seen: Sequence[int], worst: int | None) -> Choice:
    """Records that `worst` is the worst of the trials that were `seen`; None if undecided.

    If undecided, the trial that wins least is taken out, of equal ones the newest. Raises BadValue if there are fewer
    than four, if `worst` isn't one of them, or if they have been judged before or have changed.
    """
    with _judging:
        now = shown(store, study)
        if len(now) < SHOWN:
            raise BadValue(
                "{least} finished trials are judged together; there are {count}. Train more first.",
                least=SHOWN, count=len(now),
            )  # fmt: skip
        if tuple(seen) != now:
            raise BadValue(N_CHANGED)
        if worst is not None and worst not in now:
            valid = ", ".join(map(str, now))
            raise BadValue("Trial {number} isn't shown. Valid: {valid}.", number=worst, valid=valid)
        made = choices(study)
        strong = strengths(made)
        left = worst if worst is not None else min(now, key=lambda number: (strong.get(number, 0.0), -number))
        choice = Choice(made[-1].number + 1 if made else 1, now, worst, left)
        study.set_user_attr(f"{CHOICE}{choice.number}", asdict(choice))
        return choice


def undo(study: Study, number: int) -> Choice:
    """Undoes the last choice, so that its trials are shown again; raises BadValue if it isn't the last one."""
    with _judging:
        made = choices(study)
        if not made:
            raise BadValue("There is no choice to undo.")
        if made[-1].number != number:
            raise BadValue(
                "Choice {number} isn't the last one: it was undone before, or another followed.", number=number
            )
        study.set_user_attr(f"{CHOICE}{number}", None)
        return made[-1]


def strengths(made: Sequence[Choice]) -> dict[int, float]:
    """The strength of each trial that was compared: the logarithm of its odds against a trial of average strength."""
    known = pairs(made)
    if not known:
        return {}
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    numbers = sorted({number for pair in known for number in pair})
    place = {number: column for column, number in enumerate(numbers)}
    sides = np.zeros((len(known), len(numbers)))  # (pairs, trials), +1 for the better and -1 for the worse
    for row, (better, worse) in enumerate(known):
        sides[row, place[better]], sides[row, place[worse]] = 1, -1
    fitted = LogisticRegression(fit_intercept=False).fit(
        np.concatenate([sides, -sides]), np.repeat([1, 0], len(known)), np.full(2 * len(known), 0.5)
    )
    return dict(zip(numbers, map(float, fitted.coef_[0]), strict=True))


def ranked(found: Sequence[TrialResult], made: Sequence[Choice]) -> list[TrialResult]:
    """The finished trials that were compared, the most preferred first; ties are in order of age."""
    strong = strengths(made)
    compared = [one for one in found if one.state == "finished" and one.number in strong]
    return sorted(compared, key=lambda one: (-strong[one.number], one.number))


def record(made: Sequence[Choice], number: int) -> tuple[int, int]:
    """The number of comparisons in which a trial was preferred, and the number of all its comparisons."""
    known = [pair for pair in pairs(made) if number in pair]
    return sum(better == number for better, _ in known), len(known)


def agreement(found: Sequence[TrialResult], made: Sequence[Choice]) -> tuple[int, int]:
    """The number of comparisons in which the distance agrees with the viewer, and the number of all."""
    values: Mapping[int, float] = {one.number: one.value for one in found if one.state == "finished"}
    known = [(better, worse) for better, worse in pairs(made) if better in values and worse in values]
    return sum(values[better] < values[worse] for better, worse in known), len(known)
