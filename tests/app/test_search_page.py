"""The page Search, without a browser: a finished search, what a form refuses, and who may start one."""

from __future__ import annotations

import pytest
import streamlit as st
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from gan_core.errors import BadData
from gan_core.gans import recipes
from gan_core.knobs import changed, to_dict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from gan_core.search import by_eye, process, results, running, storage
from gan_core.search.plan import SearchPlan, begin, names
from gan_core.search.space import Range
from gan_core.training.reasons import N_TERM
from tests.app.pages import figures, page, wait
from ui.classroom.search import start
from ui.classroom.shell.i18n import using
from ui.texts import sentence

TINY = {"batch_size": 8, "latent_size": 4, "generator_widths": (8,), "discriminator_widths": (8,)}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def searched(trials: int) -> SearchPlan:
    settings = to_dict(changed(recipes.get("mlp_gan").hparams, TINY))
    base = RunSpec("mlp_gan", "digits", 8, 2, settings)
    plan = SearchPlan("tiny", base, (Range("beta1", 0.0, 0.9), Range("loss", choices=("hinge", "minimax"))), 100)
    begin(plan)
    store = RunStore()
    try:
        running.search(store, plan, trials, [], lambda number, words: None)
    finally:
        store.close()
    return plan


def test_results_are_shown_with_their_settings_and_links() -> None:
    searched(2)
    test = page("search")
    assert not test.error
    assert figures(test) >= 3  # the course, and a slice for each knob
    [best] = [one.value for one in test.success]
    assert best.startswith("Best")
    assert "Beta 1" in best
    assert any("All trials (2)" in one.label for one in test.expander)
    [table] = [one.value for one in test.markdown if one.value.startswith("| Trial")]
    assert table.count("finished") == 2
    assert table.count("/train?run=") == 2
    assert "| Beta 1 | Loss | Run |" in table
    assert table.count("&lang=en)") == 2
    assert any("Beta 1: 0 to 0.9" in one.value.replace("\\", "") for one in test.caption)


def test_the_table_is_in_the_visitors_language_and_links_know_the_base_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "gan/scope" if name == "server.baseUrlPath" else real(name))
    plan = searched(1)
    store = RunStore()
    [run] = store.runs()
    store.close()
    study = storage.open_study(plan)
    running._fail(study, study.ask(), BadData(N_TERM, term="generator/loss", value="nan", step=3))
    with using("zh"):
        words = sentence(N_TERM, {"term": "generator/loss", "value": "nan", "step": 3})
    assert "损失项“生成器的损失”在第 3 步" in words
    test = page("search", {"language": "zh"})
    [table] = [one.value for one in test.markdown if one.value.startswith("| ") and "finished" not in one.value]
    assert words in table.replace("\\", "")
    assert f"(/gan/scope/train?run={run.id}&lang=zh)" in table


def confirmed(values: dict[tuple[int | None, int], float]) -> SearchPlan:
    """A search without runs: trial 0 is the start, trial 1 another setting; others confirm them with other seeds."""
    base = RunSpec("mlp_gan", "digits", 8, 2, to_dict(changed(recipes.get("mlp_gan").hparams, TINY)))
    plan = SearchPlan("races", base, (Range("beta1", 0.0, 0.9),), 100)
    begin(plan)
    study = storage.open_study(plan)
    for (confirms, seed), value in values.items():
        about = {} if confirms is None else {storage.CONFIRMS: confirms, storage.SEED: seed}
        beta1 = 0.1 * (seed if confirms is None else confirms)
        distributions = {"beta1": FloatDistribution(0.0, 0.9)}
        study.add_trial(
            create_trial(params={"beta1": beta1}, distributions=distributions, value=value, user_attrs=about)
        )
    return plan


def test_the_best_is_compared_with_the_start_over_all_seeds() -> None:
    own = {(None, 0): 1.0, (None, 1): 0.5}
    others = {(1, 1): 0.6, (0, 1): 1.0, (1, 2): 0.6, (0, 2): 1.2}
    plan = confirmed(own | others)
    test = page("search")
    [best] = [one.value.replace("\\", "") for one in test.success]
    assert "trial 1" in best
    assert "This is 53 % of the distance of the settings it started from, over 3 seeds (95 %: 41 % to 69 %)." in best
    assert "luck" not in best
    # confirming trials aren't counted as trials: ten more are ten more
    assert results.ended(results.trials(storage.open_study(plan))) == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [((0.9, 1.1, 0.95), "may be luck"), ((1.3, 1.0, 1.0), "These are the settings it started from")],
)
def test_a_gain_that_may_be_luck(values: tuple[float, ...], words: str) -> None:
    own, one, two = values
    confirmed({(None, 0): 1.0, (None, 1): own, (1, 1): one, (0, 1): 1.15, (1, 2): two, (0, 2): 0.96})
    [best] = [one.value.replace("\\", "") for one in page("search").success]
    assert words in best


def test_a_form_says_what_is_wrong_and_starts_nothing() -> None:
    test = page("search")
    assert not test.success
    assert not test.button(key="search-start").disabled
    [rate, *_others] = [one for one in test.text_input if one.key.startswith("search-range-")]
    rate.set_value("1:2:3:4").run()
    assert any(":red[" in one.value and "must have the form" in one.value for one in test.markdown)
    assert test.button(key="search-start").disabled
    assert names() == []


def test_a_line_of_the_log_is_shown_in_words() -> None:
    line = "trial 3: sliced1797_pixels 0.4368 (0.4235 to 0.4501)"
    assert start._line_words(line) == "trial 3: distance 0.4368 (0.4235 to 0.4501)"
    assert start._line_words("trial 4: ended early at step 20") == "trial 4: ended early at step 20"


def test_a_search_that_was_started_is_selected() -> None:
    base = RunSpec("mlp_gan", "digits", 8, 2, to_dict(changed(recipes.get("mlp_gan").hparams, TINY)))
    for name in ("first", "second"):
        begin(SearchPlan(name, base, (Range("beta1", 0.0, 0.9),), 100))
    test = page("search")
    former = test.selectbox(key="search-chosen").value
    other = next(name for name in names() if name != former)
    test.session_state["search"] = other  # as the form does
    test.run()
    assert test.selectbox(key="search-chosen").value == other
    assert other in [one.value for one in test.subheader]
    test.selectbox(key="search-chosen").set_value(former).run()
    assert former in [one.value for one in test.subheader]


# --- by eye ----------------------------------------------------------------------------------------------------------


def begun(store: RunStore, trials: int = 4) -> SearchPlan:
    """A search by eye, some of whose trials are trained."""
    base = RunSpec("mlp_gan", "digits", 8, 2, to_dict(changed(recipes.get("mlp_gan").hparams, TINY)))
    plan = SearchPlan(
        "eye", base, (Range("beta1", 0.0, 0.9), Range("generator_rate", 1e-4, 1e-2, True)), 100, by_eye=True
    )
    begin(plan)
    asked: list[int] = []

    def tell(number: int, words: str) -> None:
        if number + 1 == trials:
            asked.append(2)

    running.until_judged(store, plan, asked, tell)
    return plan


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No process is started: the names of the searches that would be."""
    started: list[str] = []
    monkeypatch.setattr(process, "start", lambda plan, trials: started.append(plan.name))
    return started


def worst(number: int, *shown: int) -> str:
    return f"eye-{number}-{'-'.join(map(str, shown))}"


def test_four_are_shown_and_the_worst_is_replaced(store: RunStore, idle: list[str]) -> None:
    plan = begun(store)
    test = page("search")
    assert not test.error, [one.value for one in test.error]
    assert len(test.get("image")) == 4
    buttons = [one for one in test.button if one.label == "This is the worst"]
    assert len(buttons) == 4
    test.button(key=worst(2, 0, 1, 2, 3)).click().run()
    assert not test.error
    assert idle == ["eye"]
    study = storage.open_study(plan)
    assert by_eye.pairs(by_eye.choices(study)) == [(0, 2), (1, 2), (3, 2)]
    assert any("3 of 4 trials are ready" in one.value for one in test.info)
    assert any("Preferred so far" in one.value for one in test.success)
    assert not any(one.label == "This is the worst" for one in test.button)
    test.button(key="eye-undo-1").click().run()
    assert by_eye.choices(storage.open_study(plan)) == []
    test.button(key="eye-unsure-0-1-2-3").click().run()
    assert by_eye.choices(storage.open_study(plan))[0].worst is None
    assert idle == ["eye", "eye"]


def test_trials_judged_by_another_viewer_are_not_judged_again(store: RunStore, idle: list[str]) -> None:
    plan = begun(store)
    mine = page("search")
    by_eye.judge(store, storage.open_study(plan), (0, 1, 2, 3), 1)
    mine.button(key=worst(1, 0, 1, 2, 3)).click().run()
    assert not mine.exception
    assert len(by_eye.choices(storage.open_study(plan))) == 1
    assert not any(one.label == "This is the worst" for one in mine.button)


def test_fewer_than_four_and_a_deleted_run_can_be_trained_again(store: RunStore, idle: list[str]) -> None:
    plan = begun(store, 3)
    test = page("search")
    assert any("3 of 4" in one.value for one in test.info)
    test.button(key="eye-train").click().run()
    assert idle == ["eye"]
    store.delete(results.trials(storage.open_study(plan))[0].run)
    test = page("search")
    assert not test.error
    assert any("2 of 4" in one.value for one in test.info)


def test_a_missing_storage_is_reported(store: RunStore) -> None:
    base = RunSpec("mlp_gan", "digits", 8, 2, to_dict(changed(recipes.get("mlp_gan").hparams, TINY)))
    begin(SearchPlan("eye", base, (Range("beta1", 0.0, 0.9),), 100, 0, "journal:/nowhere/at/all.log", by_eye=True))
    test = page("search")
    assert any("can't be used" in one.value for one in test.error)


def test_viewers_judge_nothing(store: RunStore, idle: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    begun(store)
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "secret")
    test = page("search")
    assert len(test.get("image")) == 4
    assert test.button(key=worst(2, 0, 1, 2, 3)).disabled
    assert test.button(key="eye-unsure-0-1-2-3").disabled


def test_the_form_begins_a_search_by_eye(store: RunStore, idle: list[str]) -> None:
    test = page("search")
    test.get("button_group")[0].set_value("eye")
    test.run()
    assert not any(one.key == "search-trials" for one in test.number_input)
    test.button(key="search-start").click().run()
    assert not test.error, [one.value for one in test.error]
    assert len(idle) == 1
    assert idle[0].endswith("-by-eye")


@pytest.mark.release  # a minute; the choice and the process are tested apart
def test_after_a_click_the_next_trial_is_trained_by_a_process(store: RunStore) -> None:
    plan = begun(store)
    page("search").button(key=worst(2, 0, 1, 2, 3)).click().run()
    assert process.running() == "eye"
    watched = page("search")
    assert any("for you to judge" in one.value for one in watched.info)
    wait(lambda: not process.running(), 280)
    assert by_eye.shown(store, storage.open_study(plan)) == (0, 1, 3, 4), process.last_line("eye")
    assert any(one.label == "This is the worst" for one in page("search").button)
