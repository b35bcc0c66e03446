"""Runs a search: chooses settings, trains each trial as an ordinary run, judges it, ends poor ones early.

A trial that is stopped (Ctrl-C) or whose process is killed is queued again and continues its run from the newest
checkpoint. The first trial has the settings that the search starts from, as the baseline; some of the next are near it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import mean
from typing import TYPE_CHECKING, Any

from gan_core.errors import BadData, BadValue, GanscopeError, RunConflict, UnknownName, plain_values
from gan_core.knobs import changed
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.search import by_eye, preferring, results, storage
from gan_core.search.judging import Judged, judge, recorded
from gan_core.search.plan import MOST_SEEDS, MOST_TRIALS, SearchPlan
from gan_core.search.results import ERROR, FIGURE, HIGH, LOW, REASON, TrialResult
from gan_core.search.space import Range

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

LOOK = 0.5  # seconds between checks of a trial
CONFIRMED = 3  # best settings that are trained with another seed; after each seed the worst of them is left out
SPREAD = 1 / 6  # of a range, in its logarithm if it is logarithmic: a factor of 2.2 in one from 1 to 100
HOPELESS = 5  # the search ends if this many first trials all fail

Report = Callable[[int, str], None]  # number of the trial, its outcome


class Stopped(Exception):
    """The search was asked to stop."""


def check(plan: SearchPlan) -> None:
    """Raises BadValue if a trial's settings would be refused; each end of a range and each choice is tested alone."""
    base = _settings(plan, {})
    for one in plan.ranges:
        for value in one.choices or _ends(one):
            changed(base, {one.knob: value})
    if not any(_differs(one) for one in plan.ranges):
        raise BadValue("None of the settings of the search can vary.")


def check_counts(trials: int, seeds: int = 0) -> None:
    """Raises BadValue for an invalid number of trials or of other seeds."""
    if not 1 <= trials <= MOST_TRIALS:
        raise BadValue(
            "The number of trials must be between 1 and {most}, got {count}.", most=MOST_TRIALS, count=trials
        )
    if not 0 <= seeds <= MOST_SEEDS:
        raise BadValue(
            "The number of other seeds must be between 0 and {most}, got {count}.", most=MOST_SEEDS, count=seeds
        )


def _ends(one: Range) -> tuple[Any, Any]:
    return (int(one.low), int(one.high)) if one.whole else (one.low, one.high)


def _differs(one: Range) -> bool:
    return len(one.choices) > 1 or one.low < one.high


def _settings(plan: SearchPlan, values: dict[str, Any]) -> Any:
    from gan_core.gans import recipes

    recipe = recipes.get(plan.base.recipe)
    return changed(recipe.settings(plan.base.hparams), values)


def search(
    store: RunStore, plan: SearchPlan, trials: int, asked: Sequence[int], report: Report, device: str = "cpu"
) -> int:
    """Makes trials until `trials` of them are finished, pruned or failed in all; returns how many are.

    The search stops once `asked` isn't empty. Raises BadValue or StoreError before the first trial, and BadData if the
    first trials all fail.
    """
    check_counts(trials)
    check(plan)
    study = storage.open_study(plan)
    _begin(plan, study)
    while not asked:
        _take_up(study, report)
        if results.ended(results.trials(study)) >= trials:
            break
        _propose(plan, study)
        _make(store, plan, study, asked, report, device)
    return results.ended(results.trials(study))


def until_judged(
    store: RunStore, plan: SearchPlan, asked: Sequence[int], report: Report, device: str = "cpu"
) -> tuple[int, ...]:
    """Makes trials of a search by eye until four wait to be judged, and returns their numbers.

    The first has the settings that the search starts from, others are random until something is preferred. Raises
    BadValue or StoreError before the first trial, and BadData if nothing is left to propose, or all fail.
    """
    check(plan)
    preferring.check(plan)
    study = storage.open_study(plan)
    _begin(plan, study)
    failed = 0
    while not asked:
        _take_up(study, report)
        wait = by_eye.shown(store, study)
        if len(wait) >= by_eye.SHOWN:
            return wait
        found = results.trials(study)
        if not any(one.state == "waiting" for one in found):
            every = {one.number: one.settings for one in found if len(one.settings) == len(plan.ranges)}
            settings = preferring.propose(plan, every, by_eye.pairs(by_eye.choices(study)), len(found))
            study.enqueue_trial(dict(settings))
        _make(store, plan, study, asked, report, device)
        last = results.trials(study)[-1]
        failed = failed + 1 if last.state == "failed" else 0
        if failed >= HOPELESS:
            raise BadData("The last {count} trials all failed. The last: {reason}", count=failed, reason=last.reason)
    return by_eye.shown(store, study)


def _begin(plan: SearchPlan, study: Study) -> None:
    """Queues the settings that the search starts from, as the first trial; those outside of their range are random."""
    if not study.get_trials(deepcopy=False):
        base = _settings(plan, {})
        here = {one.knob: getattr(base, one.knob) for one in plan.ranges if one.holds(getattr(base, one.knob))}
        study.enqueue_trial(here, user_attrs={storage.START: len(here) == len(plan.ranges)})


def _propose(plan: SearchPlan, study: Study) -> None:
    """Queues every other one of the random trials near the start; the sampler draws the rest from the whole ranges.

    The start is often a preset that somebody has tuned: of settings far from it, few are better.
    """
    made = study.get_trials(deepcopy=False)
    if len(made) < storage.STARTUP and len(made) % 2 and not any(one.state.name == "WAITING" for one in made):
        study.enqueue_trial(_near(plan, len(made)))


def _near(plan: SearchPlan, number: int) -> dict[str, Any]:
    """Settings near the start: numbers are normal about it, with SPREAD of their range as deviation; choices stay."""
    import numpy as np

    random = np.random.default_rng((plan.seed, number))
    base = _settings(plan, {})
    return {
        one.knob: one.near(getattr(base, one.knob), SPREAD, random)
        for one in plan.ranges if one.holds(getattr(base, one.knob))
    }  # fmt: skip


def _take_up(study: Study, report: Report) -> None:
    for number in storage.retry(study):
        report(number, "its process is gone: it goes on as another trial")


def confirm(
    store: RunStore, plan: SearchPlan, seeds: int, asked: Sequence[int], report: Report, device: str = "cpu"
) -> None:
    """Trains the best settings, and those that the search starts from, with `seeds` other seeds, as further trials.

    The best of many trials of one seed is partly lucky, and may not even train with another one. After each seed the
    worst of the best by its mean is left out, until one is left: most seeds go to the settings that are worth it.
    """
    study = storage.open_study(plan)
    tried = {one.number: one for one in results.settings_tried(results.trials(study))}
    best = list(tried)[:CONFIRMED]
    start = [number for number, one in tried.items() if one.is_start]
    for seed in range(plan.seed + 1, plan.seed + 1 + seeds):
        for number in dict.fromkeys([*best, *start]):
            _repeat(store, plan, study, tried[number], seed, asked, report, device)
        if asked:
            return
        best = _left(results.trials(study), best, seed)
        if best in ([], start):
            return


def _repeat(
    store: RunStore, plan: SearchPlan, study: Study, one: TrialResult, seed: int, asked: Sequence[int], report: Report,
    device: str,
) -> None:  # fmt: skip
    """Trains a trial's settings with another seed, unless it has been done."""

    def state() -> str | None:
        # of a trial that was queued again, the last one counts
        there = {(other.confirms, other.seed): other.state for other in results.trials(study)}
        return there.get((one.number, seed))

    if state() is None and not asked:
        study.enqueue_trial(dict(one.settings), user_attrs={storage.CONFIRMS: one.number, storage.SEED: seed})
    while state() == "waiting" and not asked:  # others may wait before it, such as a stopped trial of the search
        _make(store, plan, study, asked, report, device)


def _left(found: Sequence[TrialResult], best: Sequence[int], last: int) -> list[int]:
    """The trials of `best` without those that failed with a seed up to the last, and without the worst of several."""
    means = {
        one.number: mean(results.over_seeds([other for other in found if other.seed <= last], one))
        for one in found if one.number in best
    }  # fmt: skip
    sound = sorted((number for number in best if math.isfinite(means[number])), key=lambda number: means[number])
    return sound[: max(1, len(best) - 1)]


def _make(store: RunStore, plan: SearchPlan, study: Study, asked: Sequence[int], report: Report, device: str) -> None:
    trial = study.ask()
    storage.claim(trial)
    try:
        report(trial.number, _train(store, plan, study, trial, asked, device))
    except Stopped:
        storage.queue_again(study, study.trials[trial.number])
        report(trial.number, "stopped: it goes on when the search does")
    except (BadData, BadValue) as error:
        _fail(study, trial, error)
        report(trial.number, f"failed: {error}")
        _check_hope(study)


def _fail(study: Study, trial: Trial, error: GanscopeError) -> None:
    from optuna.trial import TrialState

    trial.set_user_attr(REASON, str(error))
    trial.set_user_attr(ERROR, [error.message, plain_values(error.values)])
    # samplers ignore failed trials, and would propose such settings again; pruned ones count as poor
    study.tell(trial.number, state=TrialState.PRUNED)


def _check_hope(study: Study) -> None:
    from optuna.trial import TrialState

    seen = [one for one in study.get_trials(deepcopy=False) if one.state is not TrialState.WAITING]
    failed = [one for one in seen if REASON in one.user_attrs]
    if len(failed) == len(seen) >= HOPELESS:
        raise BadData(
            "The first {count} trials all failed, so that there is nothing to compare. The last: {reason}",
            count=len(seen), reason=failed[-1].user_attrs[REASON],
        )  # fmt: skip


def values_of(plan: SearchPlan, trial: Trial) -> dict[str, Any]:
    """The sampler's value for each knob."""
    return {one.knob: _suggested(trial, one) for one in plan.ranges}


def _suggested(trial: Trial, one: Range) -> Any:
    if one.choices:
        return trial.suggest_categorical(one.knob, list(one.choices))
    if one.whole:
        return trial.suggest_int(one.knob, int(one.low), int(one.high), log=one.logarithmic)
    return trial.suggest_float(one.knob, one.low, one.high, log=one.logarithmic)


def _train(store: RunStore, plan: SearchPlan, study: Study, trial: Trial, asked: Sequence[int], device: str) -> str:
    from optuna.trial import TrialState

    from gan_core.training.session import Session

    run = _run(store, plan, trial)
    session = Session(store, run.id, device=device)
    session.start()
    seen, stopping, pruned = -1, False, False
    while not session.join(LOOK):
        now = store.get(run.id)
        if now.state is RunState.PAUSED and now.message:  # by itself, e.g. of a loss that isn't finite
            with suppress(RunConflict):
                session.stop()
            session.join()
            raise BadData(now.message, **now.message_values)
        for step, value in recorded(store.metrics(run.id, seen)):
            trial.report(value, step)
            seen = max(seen, step)
        pruned = pruned or (storage.CONFIRMS not in trial.user_attrs and trial.should_prune())
        if (asked or pruned) and not stopping:
            stopping = True
            with suppress(RunConflict):
                session.stop()
    if pruned:
        study.tell(trial.number, state=TrialState.PRUNED)
        return f"ended early at step {store.get(run.id).step}"
    if asked and store.get(run.id).state is not RunState.FINISHED:
        raise Stopped
    if (end := store.get(run.id)).state is not RunState.FINISHED:
        values = end.message_values if end.message else {"reason": f"the run {run.id} is {end.state.value}"}
        raise BadData(end.message or "{reason}", **values)
    judged = judge(session.trainer, plan.base.data, plan.samples)
    _note(trial, judged)
    study.tell(trial.number, judged.value)
    return f"{judged.name} {judged.value:.4g} ({judged.low:.4g} to {judged.high:.4g})"


def _note(trial: Trial, judged: Judged) -> None:
    for name, value in ((FIGURE, judged.name), (LOW, judged.low), (HIGH, judged.high)):
        trial.set_user_attr(name, value)


def _run(store: RunStore, plan: SearchPlan, trial: Trial) -> Run:
    """The run of a trial: a new one, or that of the unfinished trial that it continues."""
    values = values_of(plan, trial)
    before = trial.user_attrs.get(storage.GOES_ON)
    if before:
        with suppress(UnknownName):  # of another machine, or deleted
            run = store.get(before)
            trial.set_user_attr(storage.RUN, run.id)
            return run
    from gan_core.knobs import to_dict

    seed = trial.user_attrs.get(storage.SEED, plan.seed)
    spec = plan.base.with_hparams(to_dict(_settings(plan, {**values, "seed": seed})))
    run = store.create(spec, name=f"{plan.name} {trial.number}")
    trial.set_user_attr(storage.RUN, run.id)
    return run
