"""A search: variable knobs, refusals, trials as runs, and the leftovers of a killed process."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna import Study
from optuna.trial import FrozenTrial, create_trial

from gan_core import paths
from gan_core.errors import BadData, BadValue, GanscopeError, StoreError, UnknownName, filled
from gan_core.gans import recipes
from gan_core.knobs import changed, to_dict
from gan_core.runs import background
from gan_core.runs.background import NOTICE, Background
from gan_core.runs.liveness import this_process
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore
from gan_core.search import plan as plans
from gan_core.search import process, results, running, storage
from gan_core.search.judging import recorded
from gan_core.search.plan import SearchPlan, begin, read
from gan_core.search.space import Range, parse
from tests.cli.commands import ok, refused

RECIPE = recipes.get("mlp_gan")
TINY = {"batch_size": 8, "latent_size": 4, "generator_widths": (8,), "discriminator_widths": (8,)}
RATES = (Range("generator_rate", 1e-4, 1e-2, logarithmic=True), Range("loss", choices=("hinge", "non_saturating")))


@pytest.fixture
def store() -> Iterator[RunStore]:
    store = RunStore()
    yield store
    store.close()


def planned(name: str = "tiny", steps: int = 4, **changes: object) -> SearchPlan:
    settings = to_dict(changed(RECIPE.hparams, TINY))
    return replace(SearchPlan(name, RunSpec("mlp_gan", "digits", 8, steps, settings), RATES, samples=100), **changes)


def searched(store: RunStore, plan: SearchPlan, trials: int, asked: list[int] | None = None) -> list[str]:
    reported: list[str] = []
    begin(plan)
    running.search(store, plan, trials, asked or [], lambda number, words: reported.append(f"{number}: {words}"))
    return reported


# --- what can be varied ----------------------------------------------------------------------------------------------


def test_ranges_as_they_are_typed() -> None:
    hparams = recipes.get("dcgan").hparams
    assert parse(hparams, "generator_rate:1e-5:1e-2") == Range("generator_rate", 1e-5, 1e-2, logarithmic=True)
    assert parse(hparams, "beta1:0:0.9") == Range("beta1", 0.0, 0.9)
    assert parse(hparams, "batch_size:16:128:log") == Range("batch_size", 16, 128, logarithmic=True, whole=True)
    assert parse(hparams, "loss:hinge|wasserstein") == Range("loss", choices=("hinge", "wasserstein"))
    assert parse(hparams, "feature_matching") == Range("feature_matching", choices=(False, True))
    for text in ("generator_rate:1e-05:0.01:log", "batch_size:16:128:log", "loss:hinge|wasserstein"):
        assert parse(hparams, text).words == text


def test_values_near_another_one() -> None:
    random = np.random.default_rng(0)
    hparams = recipes.get("dcgan").hparams
    rate, beta1, batch = (
        np.array([parse(hparams, text).near(middle, 1 / 6, random) for _ in range(300)])
        for text, middle in (("generator_rate:1e-4:1e-2", 1e-3), ("beta1:0:0.9", 0.0), ("batch_size:16:128:log", 128))
    )
    for values, low, high in ((rate, 1e-4, 1e-2), (beta1, 0, 0.9), (batch, 16, 128)):
        assert values.min() >= low
        assert values.max() <= high
    assert np.median(rate) == pytest.approx(1e-3, rel=0.2)
    assert np.std(np.log(rate)) == pytest.approx(np.log(100) / 6, rel=0.15)
    assert np.quantile(beta1, 0.68) == pytest.approx(0.15, rel=0.2)  # half of a normal one
    assert batch.dtype == np.int64
    assert np.median(batch) > 90
    assert parse(hparams, "loss:hinge|wasserstein").near("hinge", 1 / 6, random) == "hinge"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("learning_rate:1:2", UnknownName, "no knob named 'learning_rate'"),
        ("seed:0:9", BadValue, "the search's own"),
        ("beta1", BadValue, "beta1:LOW:HIGH"),
        ("beta1:0.9:0.1", BadValue, "must rise"),
        ("beta1:0:0.9:log", BadValue, "must be above 0"),
        ("beta1:0:7", BadValue, "between 0.0 and 0.99"),
        ("batch_size:16:lots", BadValue, "whole number"),
        ("loss:hinge", BadValue, "at least two values"),
        ("loss:hinge|polite", BadValue, "can't be 'polite'"),
        ("generator_widths:8:16", BadValue, "neither a number nor a choice"),
    ],
)
def test_knobs_that_cannot_be_varied(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse(RECIPE.hparams, text)


def test_a_plan_is_kept_and_another_of_its_name_is_refused() -> None:
    begin(planned())
    assert read("tiny") == planned()
    begin(planned())  # the same plan continues
    with pytest.raises(BadValue, match="another search named tiny"):
        begin(planned(samples=200))
    with pytest.raises(UnknownName, match="no search named 'huge'"):
        read("huge")
    (paths.home() / "searches" / "tiny" / plans.PLAN).write_text('{"name": ')
    with pytest.raises(StoreError, match="damaged"):
        read("tiny")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--trials", 0), "The number of trials must be between 1 and 10000, got 0."),
        (("--confirm", -1), "The number of other seeds must be between 0 and 100, got -1."),
    ],
)
def test_a_refused_search_keeps_no_plan(option: tuple[str, int], words: str) -> None:
    asked = ("search", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "4", "--knob", "beta1:0:0.9")
    assert words in refused(2, *asked, "--name", "mine", *map(str, option))
    assert plans.names() == []


def test_a_search_that_goes_on_keeps_its_settings() -> None:
    begin(planned("mine"))
    options = {
        "--data": "mnist", "--knob": "beta1:0:0.5", "--steps": 9, "--samples": 2000, "--size": 16, "--preset": "ring8",
        "--set": "beta1=0.1", "--seed": 0, "--storage": "journal:x",
    }  # fmt: skip
    for option, value in options.items():
        told = refused(2, "search", "--name", "mine", option, str(value))
        assert f"so {option} can't be given without a recipe" in " ".join(told.split())
    told = " ".join(refused(2, "search", "--name", "mine", "--seed", "1", "--steps", "9").split())
    assert "so --steps, --seed can't be given" in told


def test_a_storage_that_can_not_be_used_keeps_no_plan(tmp_path: Path) -> None:
    """The same search then can have another storage; one that was begun stays."""
    asked = ("search", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "4", "--knob", "beta1:0:0.9")
    assert "can't be used" in refused(1, *asked, "--name", "mine", "--storage", "journal:/nowhere/at/all.log")
    assert plans.names() == []
    assert not planned("mine").folder.exists()
    lost = planned("lost", storage=f"journal:{tmp_path / 'there' / 'x.log'}")
    begin(lost)
    with pytest.raises(StoreError, match="can't be used"):
        storage.begin(lost)
    assert plans.names() == ["lost"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../x"}, "letters, digits"),
        ({"ranges": ()}, "at least one knob"),
        ({"ranges": RATES[:1] * 2}, "one range"),
        ({"samples": 3}, "between 100 and 50000"),
    ],
)
def test_plans_that_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        planned(**changes)


def test_settings_that_contradict_are_refused_before_the_first_trial(store: RunStore) -> None:
    """Label smoothing has no meaning under hinge: the recipe reports it, and no trial is made."""
    plan = planned()
    smoothed = replace(plan, base=plan.base.with_hparams({**plan.base.hparams, "label_smoothing": 0.1}))
    with pytest.raises(BadValue, match="Label smoothing"):
        searched(store, smoothed, 1)
    assert store.runs() == []
    with pytest.raises(BadValue, match="between 1 and 10000"):
        searched(store, planned("none"), 0)


@pytest.mark.parametrize("where", ["journal:/nowhere/at/all.log", "sqlite:////nowhere/at/all.db", "nonsense://x"])
def test_an_unreachable_storage(where: str) -> None:
    with pytest.raises(StoreError, match="can't be used"):
        storage.open_study(planned(storage=where))


# --- trials ----------------------------------------------------------------------------------------------------------


def test_trials_are_runs_and_the_first_has_the_settings_it_starts_from(store: RunStore) -> None:
    plan = planned()
    reported = searched(store, plan, 3)
    study = storage.open_study(plan)
    found = results.trials(study)
    assert [one.state for one in found] == ["finished"] * 3
    assert found[0].settings == {"generator_rate": RECIPE.hparams.generator_rate, "loss": RECIPE.hparams.loss}
    for one in found:
        run = store.get(one.run)
        assert run.state is RunState.FINISHED
        assert run.name == f"tiny {one.number}"
        assert run.spec.hparams["generator_rate"] == one.settings["generator_rate"]
        assert one.low <= one.value <= one.high
        assert one.figure == "sliced100_pixels"
        assert f"{one.number}: {one.figure} {one.value:.4g}" in reported[one.number]
    assert results.ranked(found)[0].value == min(one.value for one in found)
    words = results.command(plan, results.ranked(found)[0])
    assert words[:8] == ["train", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "16"]
    assert searched(store, plan, 3) == []  # all exist


def test_a_trial_that_does_not_stay_finite_fails_with_its_reason_and_the_search_ends(store: RunStore) -> None:
    plan = planned(ranges=(Range("generator_rate", 0.05, 0.1),), steps=40)
    wild = {"optimizer": "sgd", "discriminator_rate": 0.1, "loss": "wasserstein", "beta1": 0.9, "rate_ratio": 20.0}
    plan = replace(plan, base=plan.base.with_hparams({**plan.base.hparams, **wild}))
    with pytest.raises(BadData, match="first 5 trials all failed") as caught:
        searched(store, plan, 9)
    assert "became" in str(caught.value)
    found = results.trials(storage.open_study(plan))
    assert {one.state for one in found} == {"failed"}
    assert all("became" in one.reason for one in found)
    # Optuna's samplers ignore failed trials and count pruned ones as poor; a search in such a range has an end
    assert {one.state.name for one in storage.open_study(plan).trials} == {"PRUNED"}
    assert results.ended(found) == 5


def test_a_start_outside_of_the_ranges_is_no_baseline(store: RunStore) -> None:
    """Its trial has other settings, so that the best isn't called better than the start."""
    elsewhere = (Range("generator_rate", 1e-5, 1e-4, logarithmic=True), Range("loss", choices=("hinge", "wasserstein")))
    plan = planned(steps=2, ranges=elsewhere)
    searched(store, plan, 2)
    found = results.trials(storage.open_study(plan))
    assert results.start(found) is None
    assert all(results.against_start(found, one) is None for one in found)


def test_a_start_that_was_stopped_stays_the_baseline(store: RunStore) -> None:
    """Its trial goes on under another number."""
    plan = planned(steps=2)
    asked: list[int] = []
    begin(plan)
    study = storage.open_study(plan)
    running._begin(plan, study)
    first = study.ask()
    running.values_of(plan, first)
    storage.queue_again(study, study.trials[0])
    running.search(store, plan, 2, asked, lambda number, words: None)
    running.confirm(store, plan, 1, asked, lambda number, words: None)
    found = results.trials(study)
    start = results.start(found)
    assert start is not None
    assert start.number == 1
    assert dict(start.settings) == {one.knob: plan.base.hparams[one.knob] for one in plan.ranges}
    assert {one.confirms for one in found if one.confirms is not None} == {1, 2}
    other = next(one for one in results.settings_tried(found) if not one.is_start)
    ratio = results.against_start(found, other)
    assert ratio is not None
    assert ratio.seeds == 2


def test_a_stopped_trial_continues_its_run(store: RunStore) -> None:
    plan = planned(steps=100_000)
    asked: list[int] = []
    reported: list[str] = []
    begin(plan)
    timer = threading.Timer(1.5, lambda: asked.append(2))
    timer.start()
    running.search(store, plan, 1, asked, lambda number, words: reported.append(words))
    timer.join()
    assert reported == ["stopped: it goes on when the search does"]
    [run] = store.runs()
    assert store.checkpoints(run.id)[-1].step == run.step > 0
    waiting = results.trials(storage.open_study(plan))[1]
    assert waiting.state == "waiting"
    store.set_steps(run.id, run.step + 2)
    running.search(store, plan, 1, [], lambda number, words: reported.append(words))
    assert [one.id for one in store.runs()] == [run.id]
    assert store.get(run.id).state is RunState.FINISHED
    assert reported[-1].startswith("sliced100_pixels")


def test_recorded_distances_of_images_and_of_points() -> None:
    columns = {
        "quality/sliced1k_mnistnet": [np.nan, 0.5, np.nan, 0.4], "quality/sliced1k_mnistnet_low": [np.nan, 0.4, 0, 0.3],
        "generator/loss": [1, 1, 1, 1], "quality/fd1k_mnistnet": [1, 1, 1, 1],
    }  # fmt: skip
    metrics = Metrics(np.array([1, 2, 3, 4]), {name: np.array(values) for name, values in columns.items()})
    assert recorded(metrics) == [(2, 0.5), (4, pytest.approx(0.4))]
    assert recorded(Metrics(np.array([7]), {"sliced_wasserstein": np.array([0.25])})) == [(7, 0.25)]


@pytest.mark.slow
def test_a_killed_search_continues_its_run(store: RunStore) -> None:
    """kill -9 in the middle of a trial: the next search finds it, and its run continues from its checkpoint."""
    plan = planned(steps=1_000_000)
    begin(plan)
    worker = process.start(plan, 1)
    try:
        until = time.monotonic() + 120
        while not (store.runs() and store.checkpoints(store.runs()[0].id) and store.runs()[0].step > 5):
            assert worker.runs, process.last_line(plan.name)
            assert time.monotonic() < until
            time.sleep(0.2)
        assert process.running() == plan.name
        with pytest.raises(BadValue, match="already running"):
            process.start(plan, 1)
    finally:
        os.kill(worker.process.pid, signal.SIGKILL)
    while worker.runs:
        time.sleep(0.05)
    [run] = store.runs()
    assert run.state is RunState.INTERRUPTED
    store.set_steps(run.id, store.checkpoints(run.id)[-1].step + 1)
    reported: list[str] = []
    running.search(store, plan, 1, [], lambda number, words: reported.append(f"{number}: {words}"))
    assert reported[0] == "0: its process is gone: it goes on as another trial"
    assert reported[1].startswith("1: sliced100_pixels")
    assert [one.id for one in store.runs()] == [run.id]


def test_a_search_that_is_not_started_keeps_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StoreError, match="can't be started"):
        process.start(planned("new"), 1)
    begin(planned("there"))
    (planned("there").folder / NOTICE).write_text(json.dumps(asdict(Background({}, this_process(), time.time()))))
    with pytest.raises(BadValue, match="there is already running"):
        process.start(planned("new"), 1)
    assert plans.names() == ["there"]


def test_two_that_start_at_once_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits until the first one's process is noted, and then is told of it."""
    begin(planned("one"))
    begin(planned("two"))
    began: list[str] = []

    def start(folder: Path, words: list[str], asked: object) -> Background:
        time.sleep(0.2)
        began.append(folder.name)
        mine = Background({}, this_process(), time.time())
        (folder / NOTICE).write_text(json.dumps(asdict(mine)))
        return mine

    monkeypatch.setattr(background, "start", start)
    refusals: list[str] = []

    def ask(name: str) -> None:
        try:
            process.start(planned(name), 1)
        except BadValue as error:
            refusals.append(str(error))

    both = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(began) == 1
    assert refusals == [f"The search {began[0]} is already running. Wait for it to finish, or stop it first."]


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command(store: RunStore) -> None:
    settings = [word for name, value in TINY.items() for word in ("--set", f"{name}={str(value).strip('(),')}")]
    words = ["search", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "2", "--samples", "100", *settings,
             "--knob", "beta1:0:0.9", "--trials", "2", "--confirm", "0"]  # fmt: skip
    answer = json.loads(ok(*words, "--json"))
    assert [one["state"] for one in answer["trials"]] == ["finished"] * 2
    assert answer["best"] in (0, 1)
    assert "Train the best for longer" not in refused(2, "search", "mlp_gan", "--knob", "beta1")
    assert "Searches: mlp_gan-digits" in refused(2, "search")
    assert json.loads(ok("search", "--name", "mlp_gan-digits", "--trials", "2", "--confirm", "0", "--json")) == answer


def test_what_trains_the_best_for_longer_keeps_the_presets_schedule() -> None:
    """Its length follows the steps, so it isn't named; the changed knob is."""
    recipe = recipes.get("dcgan")
    preset = next(one for one in recipe.presets if one.hparams.get("schedule", "constant") != "constant")
    base = recipe.plan("digits", 16, 100, {**preset.hparams, "decay_steps": 100}, preset.name)
    plan = SearchPlan("x", base, (parse(recipe.hparams, "beta1:0:0.9"),))
    found = results.TrialResult(3, "finished", {"beta1": 0.25}, "", 1.0, 0.9, 1.1, "", "")
    words = results.command(plan, found)
    assert words[-4:] == ["--preset", preset.name, "--set", "beta1=0.25"]
    assert words[words.index("--steps") + 1] == "400"


def test_the_best_race_over_other_seeds_against_the_start(store: RunStore) -> None:
    """After each seed the worst of them is left out; the start and the winner have all seeds."""
    plan = planned(steps=8)
    searched(store, plan, 5)
    study = storage.open_study(plan)
    begun = results.trials(study)
    assert [one.number for one in begun if one.settings == running._near(plan, one.number)] == [1, 3]
    reported: list[str] = []

    def confirm() -> None:
        running.confirm(store, plan, 3, [], lambda number, words: reported.append(words))

    confirm()
    found = results.trials(study)
    confirming = [one for one in found if one.confirms is not None]
    for one in confirming:
        assert one.settings == found[one.confirms or 0].settings
        assert store.get(one.run).spec.hparams["seed"] == one.seed
    rounds = [{one.confirms for one in confirming if one.seed == seed} for seed in (1, 2, 3)]
    assert rounds[0] >= rounds[1] >= rounds[2]
    assert [len(each - {0}) for each in rounds[:2]] in ([3, 2], [2, 2], [2, 1])
    assert rounds[0] - {0} <= {one.number for one in results.settings_tried(found)[:3]}
    assert all(0 in each for each in rounds if each)
    for before, after, seed in zip(rounds, rounds[1:], (1, 2), strict=False):
        upto = [one for one in found if one.seed <= seed]
        gone = [float(np.mean(results.over_seeds(upto, found[number or 0]))) for number in before - after]
        left = [float(np.mean(results.over_seeds(upto, found[number or 0]))) for number in after - {0}]
        assert all(worse >= better for worse in gone for better in left)
    ranked = results.ranked(found)
    assert {one.confirms for one in ranked} == {None}
    counts = [len(results.over_seeds(found, one)) for one in ranked]
    assert counts == sorted(counts, reverse=True)
    assert results.ended(found) == 5
    made = len(reported)
    confirm()
    searched(store, plan, 5)
    assert len(reported) == made  # all exist
    # the better of later trials are confirmed, too
    best = ranked[0]
    study.add_trial(_trial(best.settings, 0.5 * best.value, study))
    confirm()
    assert {one.seed for one in results.trials(study) if one.confirms == len(found)} >= {1, 2}


def _trial(settings: Mapping[str, Any], value: float, study: Study) -> FrozenTrial:
    """A finished trial of a search."""
    return create_trial(params=dict(settings), distributions=study.trials[0].distributions, value=value)


def test_a_trial_that_waits_does_not_take_the_place_of_one_that_confirms(store: RunStore) -> None:
    """Such as a stopped one, if the next search asks for fewer trials."""
    plan = planned(steps=2)
    searched(store, plan, 1)
    study = storage.open_study(plan)
    study.enqueue_trial(dict(results.trials(study)[0].settings))
    running.confirm(store, plan, 1, [], lambda number, words: None)
    assert [(one.state, one.confirms) for one in results.trials(study)[1:]] == [("finished", None), ("finished", 0)]


def test_a_failure_within_another_error_is_kept(store: RunStore) -> None:
    begin(planned())
    study = storage.open_study(planned())
    inner = BadValue("a rate of {rate:g}", rate=0.5)
    running._fail(study, study.ask(), BadData("The trial failed: {reason}", reason=inner))
    [one] = results.trials(study)
    template, values = one.error
    assert filled(template, values) == one.reason == "The trial failed: a rate of 0.5"
    assert isinstance(values["reason"], GanscopeError)
    assert asdict(one)["state"] == "failed"  # as --json does it


def test_settings_that_fail_with_another_seed_come_last() -> None:
    def trial(number: int, value: float, **more: object) -> results.TrialResult:
        whole = results.TrialResult(number, "finished", {"beta1": 0.1}, "", value, value, value, "", "")
        return replace(whole, **more)

    lucky, sound, unconfirmed = trial(0, 0.1), trial(1, 0.3), trial(2, 0.2)
    others = [
        trial(3, float("nan"), confirms=0, seed=1, state="failed", reason="NaN"),
        trial(4, 0.4, confirms=1, seed=1),
    ]
    assert [one.number for one in results.ranked([lucky, sound, unconfirmed, *others])] == [1, 2, 0]


def test_how_much_closer_the_best_is_than_the_start() -> None:
    def trial(number: int, value: float, confirms: int | None = None, seed: int = 0) -> results.TrialResult:
        return results.TrialResult(
            number, "finished", {"beta1": 0.1}, "", value, value, value, "", "", confirms=confirms, seed=seed,
            is_start=number == 0,
        )  # fmt: skip

    start, best = trial(0, 1.0), trial(1, 0.5)
    ratio = results.against_start([start, best], best)
    assert ratio is not None
    assert (ratio.value, ratio.seeds) == (pytest.approx(0.5), 1)
    assert np.isnan(ratio.high)
    # in any order of the machines, seed by seed; a seed that only one of them has is left out
    more = [trial(2, 4.0, 0, 2), trial(3, 2.0, 0, 1), trial(4, 1.0, 1, 1), trial(5, 3.0, 1, 3), trial(6, 6.0, 0, 3)]
    ratio = results.against_start([start, best, *more], best)
    assert ratio is not None
    assert ratio.seeds == 3
    assert ratio.value == ratio.low == ratio.high == pytest.approx(0.5)
    more.append(trial(7, 3.0, 1, 2))
    ratio = results.against_start([start, best, *more], best)
    assert ratio is not None
    assert ratio.value == pytest.approx((0.5**3 * 0.75) ** (1 / 4))
    assert 0.4 < ratio.low < ratio.value < ratio.high < 0.8
    assert results.against_start([start, best], start) is None
    failed = replace(trial(8, float("nan"), 1, 1), state="failed", reason="NaN")
    assert results.against_start([start, best, trial(9, 1.0, 0, 1), failed], best) is None
