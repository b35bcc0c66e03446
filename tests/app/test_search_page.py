"""The page Search, without a browser: a finished search, what a form refuses, and who may start one."""

from __future__ import annotations

import pytest

from gan_core.gans import recipes
from gan_core.knobs import changed, to_dict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from gan_core.search import running
from gan_core.search.plan import SearchPlan, begin, names
from gan_core.search.space import Range
from tests.app.pages import page

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


def test_what_came_out_is_shown_with_its_settings_and_links() -> None:
    searched(2)
    test = page("search")
    assert not test.error
    [best] = [one.value for one in test.success]
    assert best.startswith("Best")
    assert "Beta 1" in best
    assert any("All trials (2)" in one.label for one in test.expander)
    [table] = [one.value for one in test.markdown if one.value.startswith("| Trial")]
    assert table.count("finished") == 2
    assert table.count("/train?run=") == 2


def test_a_form_says_what_is_wrong_and_starts_nothing() -> None:
    test = page("search")
    assert not test.success
    assert not test.button(key="search-start").disabled
    [rate, *_others] = [one for one in test.text_input if one.key.startswith("search-range-")]
    rate.set_value("1:2:3:4").run()
    assert any(":red[" in one.value and "must have the form" in one.value for one in test.markdown)
    assert test.button(key="search-start").disabled
    assert names() == []


def test_a_search_that_was_begun_is_the_one_in_the_box() -> None:
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
