"""A search by eye: of four waiting trials one is the worst, and the next is proposed; refusals, and that it learns."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from gan_core.errors import BadData, BadValue, StoreError
from gan_core.gans import recipes
from gan_core.knobs import changed, to_dict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunState, RunStore
from gan_core.search import by_eye, preferring, process, results, running, storage
from gan_core.search import plan as plans
from gan_core.search.by_eye import Choice
from gan_core.search.plan import SearchPlan, begin, read
from gan_core.search.space import Range
from tests.cli.commands import ok, refused

RECIPE = recipes.get("mlp_gan")
TINY = {"batch_size": 8, "latent_size": 4, "generator_widths": (8,), "discriminator_widths": (8,)}
RANGES = (Range("generator_rate", 1e-5, 1e-1, logarithmic=True), Range("beta1", 0.0, 0.9))


@pytest.fixture
def store() -> Iterator[RunStore]:
    store = RunStore()
    yield store
    store.close()


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are runs of the store, but they aren't trained: their figure is invented."""

    def train(store: RunStore, plan: SearchPlan, study: object, trial: object, asked: object, device: str) -> str:
        running._run(store, plan, trial)
        study.tell(trial.number, 0.5)
        return "stubbed"

    monkeypatch.setattr(running, "_train", train)


def planned(name: str = "eye", **changes: object) -> SearchPlan:
    base = RunSpec("mlp_gan", "digits", 8, 2, to_dict(changed(RECIPE.hparams, TINY)))
    return replace(SearchPlan(name, base, RANGES, samples=100, by_eye=True), **changes)


def go_on(store: RunStore, plan: SearchPlan) -> tuple[int, ...]:
    begin(plan)
    return running.until_judged(store, plan, [], lambda number, words: None)


# --- choices ---------------------------------------------------------------------------------------------------------


def test_the_worst_is_replaced_by_the_next_and_a_choice_can_be_undone(store: RunStore, stubbed: None) -> None:
    plan = planned()
    assert go_on(store, plan) == (0, 1, 2, 3)
    study = storage.open_study(plan)
    assert results.trials(study)[0].settings == {"generator_rate": RECIPE.hparams.generator_rate, "beta1": 0.5}
    choice = by_eye.judge(store, study, (0, 1, 2, 3), 2)
    assert choice.pairs == [(0, 2), (1, 2), (3, 2)]
    assert by_eye.shown(store, study) == (0, 1, 3)
    assert go_on(store, plan) == (0, 1, 3, 4)
    study = storage.open_study(plan)  # as seen by another process
    assert by_eye.choices(study) == [choice]
    by_eye.undo(study, 1)
    assert by_eye.choices(study) == []
    assert by_eye.shown(store, study) == (0, 1, 2, 3)  # the same four again, though five wait
    assert read("eye").by_eye
    assert process.arguments(plan, 9) == ["search", "--name", "eye"]


def test_an_undecided_choice_prefers_nothing_and_the_weakest_is_replaced(store: RunStore, stubbed: None) -> None:
    plan = planned()
    study = storage.open_study(plan) if go_on(store, plan) else None
    assert by_eye.judge(store, study, (0, 1, 2, 3), None).left == 3  # none is stronger: the newest
    assert by_eye.pairs(by_eye.choices(study)) == []
    assert go_on(store, plan) == (0, 1, 2, 4)
    by_eye.judge(store, study, (0, 1, 2, 4), 0)
    assert go_on(store, plan) == (1, 2, 4, 5)
    assert by_eye.judge(store, study, (1, 2, 4, 5), None).left == 5  # never preferred, unlike the others
    assert [one.number for one in by_eye.ranked(results.trials(study), by_eye.choices(study))] == [1, 2, 4, 0]


def test_strengths_order_what_was_never_shown_together() -> None:
    """0 beats 1 to 3, and 1 beats 4 to 6: 0 is stronger than 4, although they never met."""
    made = [Choice(1, (0, 1, 2, 3), 3, 3), Choice(2, (0, 1, 2, 4), 1, 1), Choice(3, (1, 4, 5, 6), 6, 6)]
    strong = by_eye.strengths(made)
    assert strong[0] > strong[1] > strong[3]
    assert strong[0] > strong[6]
    assert sum(strong.values()) == pytest.approx(0, abs=1e-5)
    # two trials, one comparison: maximises log sigmoid(d) - d^2 / 4, so that d = 2 sigmoid(-d)
    apart = by_eye.strengths([Choice(1, (0, 1), 1, 1)])
    difference = apart[0] - apart[1]
    assert difference == pytest.approx(2 / (1 + math.exp(difference)), abs=1e-3)
    assert by_eye.record(made, 1) == (2, 5)
    assert by_eye.strengths([]) == {}


def test_how_far_the_distance_agrees_on_the_same_pairs() -> None:
    def trial(number: int, value: float) -> results.TrialResult:
        return results.TrialResult(number, "finished", {}, "", value, value, value, "", "")

    found = [trial(0, 0.1), trial(1, 0.3), trial(2, 0.2)]
    assert by_eye.agreement(found, [Choice(1, (0, 1, 2), 2, 2)]) == (1, 2)


# --- refusals -------------------------------------------------------------------------------------------------------


def test_fewer_than_four_are_not_judged(store: RunStore, stubbed: None) -> None:
    plan = planned()
    go_on(store, plan)
    study = storage.open_study(plan)
    by_eye.judge(store, study, (0, 1, 2, 3), 3)
    with pytest.raises(BadValue, match="4 finished trials are judged together; there are 3"):
        by_eye.judge(store, study, (0, 1, 2), 1)
    with pytest.raises(BadValue, match="Choice 7 isn't the last one"):
        by_eye.undo(study, 7)
    by_eye.undo(study, 1)
    with pytest.raises(BadValue, match="no choice to undo"):
        by_eye.undo(study, 1)
    with pytest.raises(BadValue, match=r"Trial 9 isn't shown\. Valid: 0, 1, 2, 3"):
        by_eye.judge(store, study, (0, 1, 2, 3), 9)


def test_a_trial_whose_run_was_deleted_is_replaced(store: RunStore, stubbed: None) -> None:
    plan = planned()
    go_on(store, plan)
    study = storage.open_study(plan)
    store.delete(results.trials(study)[1].run)
    with pytest.raises(BadValue, match="there are 3"):
        by_eye.judge(store, study, (0, 1, 2, 3), 0)
    assert go_on(store, plan) == (0, 2, 3, 4)
    with pytest.raises(BadValue, match="or one of them was deleted"):  # a page opened earlier
        by_eye.judge(store, study, (0, 1, 2, 3), 0)


def test_two_viewers_at_once_make_one_choice(store: RunStore, stubbed: None) -> None:
    """Also a double click: the second choice is refused with a message, whichever trial it named."""
    plan = planned()
    go_on(store, plan)
    said: list[str] = []
    ready = threading.Barrier(4)

    def viewer(worst: int) -> None:
        own = RunStore()
        study = storage.open_study(plan)
        ready.wait()
        try:
            by_eye.judge(own, study, (0, 1, 2, 3), worst)
            said.append("judged")
        except BadValue as error:
            said.append(str(error))
        own.close()

    viewers = [threading.Thread(target=viewer, args=(worst,)) for worst in (0, 1, 1, 3)]
    for one in viewers:
        one.start()
    for one in viewers:
        one.join()
    assert said.count("judged") == 1
    assert len(by_eye.choices(storage.open_study(plan))) == 1
    assert len(by_eye.shown(store, storage.open_study(plan))) == 3


def test_a_missing_storage(store: RunStore) -> None:
    with pytest.raises(StoreError, match="can't be used"):
        go_on(store, planned(storage="journal:/nowhere/at/all.log"))
    assert store.runs() == []


def test_too_little_to_choose_from_is_refused_before_the_first_trial(store: RunStore) -> None:
    plan = planned(
        ranges=(Range("loss", choices=("hinge", "minimax", "wasserstein")), Range("pixels", choices=(False, True)))
    )
    plan = replace(plan, ranges=plan.ranges[:1])
    with pytest.raises(BadValue, match="only 3 combinations"):
        go_on(store, plan)
    assert store.runs() == []


def test_missing_data_are_reported_before_the_first_trial(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(BadValue, match=r"pip install 'ganscope\[by-eye\]'"):
        go_on(store, planned())
    assert store.runs() == []


def test_trials_that_all_fail_end_it(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(store: RunStore, plan: SearchPlan, study: object, trial: object, asked: object, device: str) -> str:
        running.values_of(plan, trial)
        raise BadData("the loss became infinite")

    monkeypatch.setattr(running, "_train", train)
    with pytest.raises(BadData, match=r"trials all failed.*infinite"):
        go_on(store, planned())


# --- proposals -------------------------------------------------------------------------------------------------------


def test_every_setting_is_proposed_also_the_last() -> None:
    """Whole numbers up to the upper end, and all choices, uniformly if nothing is known."""
    ranges = (Range("batch_size", 1, 4, whole=True), Range("loss", choices=("hinge", "minimax")))
    plan = planned(ranges=(*ranges, Range("beta1", 0.0, 0.9)))
    seen = [preferring.propose(plan, {}, [], seed) for seed in range(200)]
    counts = [sum(one["batch_size"] == size for one in seen) for size in (1, 2, 3, 4)]
    assert min(counts) > 30
    assert {one["loss"] for one in seen} == {"hinge", "minimax"}
    for one in seen[:20]:
        coordinates = preferring.encoded(plan, one)
        assert len(coordinates) == 4
        again = preferring._decoded(plan, coordinates)
        assert again == {**one, "beta1": pytest.approx(one["beta1"])}


def test_nothing_is_proposed_twice() -> None:
    plan = planned(ranges=(Range("batch_size", 1, 8, whole=True),))
    tried: dict[int, preferring.Settings] = {}
    for number in range(8):
        tried[number] = preferring.propose(plan, tried, [], number)
    assert sorted(one["batch_size"] for one in tried.values()) == list(range(1, 9))
    with pytest.raises(BadData, match="Every combination"):
        preferring.propose(plan, tried, [], 8)


@pytest.mark.slow
def test_preferences_are_learnt(store: RunStore, stubbed: None) -> None:
    """A judge who likes a rate of 3e-3 and a beta1 of 0.2: after 10 choices the last four proposals are less than a
    third as far from that as random settings are (0.47 in the unit square).
    """
    plan = planned(seed=1)
    liked = preferring.encoded(plan, {"generator_rate": 3e-3, "beta1": 0.2})

    def away(settings: preferring.Settings) -> float:
        return float(np.linalg.norm(preferring.encoded(plan, settings) - liked))

    for _ in range(10):
        wait = go_on(store, plan)
        study = storage.open_study(plan)
        settings = {one.number: one.settings for one in results.trials(study)}
        by_eye.judge(store, study, wait, max(wait, key=lambda number: away(settings[number])))
    found = results.trials(study)
    drawn = np.random.default_rng(0).random((4000, 2))
    random = float(np.linalg.norm(drawn - liked, axis=1).mean())
    last = mean(away(one.settings) for one in found[-4:])
    assert random == pytest.approx(0.47, abs=0.03)
    assert last < random / 3
    best = by_eye.ranked(found, by_eye.choices(study))[0]
    assert away(best.settings) < random / 3


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_to_do_next(store: RunStore) -> None:
    """Four real runs of two steps."""
    settings = [word for name, value in TINY.items() for word in ("--set", f"{name}={str(value).strip('(),')}")]
    words = ["search", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "2", "--samples", "100", *settings,
             "--knob", "beta1:0:0.9", "--by-eye", "--name", "mine"]  # fmt: skip
    assert "leave out --trials" in refused(2, *words, "--trials", "3")
    assert plans.names() == []
    answer = json.loads(ok(*words, "--json"))
    assert answer["waiting"] == [0, 1, 2, 3]
    assert {store.get(one["run"]).state for one in answer["trials"]} == {RunState.FINISHED}
    study = storage.open_study(read("mine"))
    by_eye.judge(store, study, (0, 1, 2, 3), 1)
    begin(planned("other", by_eye=False))
    assert "needs another name" in refused(2, "search", "--name", "other", "--by-eye")
