"""The lessons without a browser: every one opens in both languages, and its experiments are valid setups."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from plotly.graph_objects import Figure  # type: ignore[import-untyped]
from streamlit.testing.v1 import AppTest

from gan_core.models.card import read_card
from gan_core.runs.store import RunStore
from gan_core.teaching import conditioning as obedience
from tests.app.pages import figures, page, sound
from tests.made_runs import trained
from ui.classroom.learn import drawing, progress
from ui.classroom.learn.lesson import Formula, Lesson, Setting, in_order, lessons
from ui.classroom.learn.lessons import (
    ORDER,
    conditioning,
    harm_and_honesty,
    how_good,
    lipschitz,
    models_beside,
    nash_and_cycles,
    reading_curves,
    super_resolution,
    translation,
)
from ui.classroom.playground import begin
from ui.classroom.shell.i18n import SWITCH
from ui.classroom.train.setup import from_query, to_query

ROOT = Path(__file__).parents[2]
MOST_STEPS = 6000
CHOICES = {
    "lipschitz-way": lipschitz.WAYS, "dirac-way": nash_and_cycles.WAYS, "curves-loss": reading_curves.NAMES,
    "conditioning-who": [who for who in conditioning.WHO if who != conditioning.OWN], "scores-kind": how_good.KINDS,
    "cycle-terms": translation.TERMS, "blur-factor": super_resolution.FACTORS, "honesty-view": harm_and_honesty.VIEWS,
    "beside-way": models_beside.WAYS,
}  # fmt: skip
SETTINGS = [(lesson.name, setting) for lesson in in_order() for setting in lesson.experiment.settings]


def shown(test: AppTest) -> str:
    """Returns all texts of a page."""
    kinds = ("title", "subheader", "markdown", "latex", "caption", "button")
    return "\n".join(
        str(getattr(element, "value", "") or "") + str(getattr(element, "label", ""))
        for kind in kinds
        for element in getattr(test, kind)
    )


def test_the_list_shows_all_lessons(store: RunStore) -> None:
    test = page("learn")
    words = shown(test)
    assert not test.error
    for lesson in in_order():
        assert lesson.about in words
    assert len(ORDER) == len(lessons)
    assert [lesson.number for lesson in in_order()] == sorted({lesson.number for lesson in lessons})


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", lessons.names())
def test_every_lesson_opens_and_its_figure_moves(store: RunStore, name: str, language: str) -> None:
    test = page("learn", lesson=name, lang=language)
    assert not test.error, [element.value for element in test.error]
    lesson = lessons.get(name)
    if language == "en":
        assert lesson.teacher in shown(test)
    assert len(test.latex) == sum(isinstance(part, Formula) for part in lesson.body)
    assert figures(test)
    if language != "en":  # movement doesn't depend on the language
        return
    _moved(test)
    for key in [str(one.key) for one in test.button_group if one.key != SWITCH]:
        for choice in CHOICES[key]:
            sound(test.button_group(key=key).set_value(choice).run())
            _moved(test)


def _moved(test: AppTest) -> None:
    """Moves each slider of a figure to both ends."""
    for key in [one.key for one in test.slider]:
        for end in ("min", "max"):
            slider = test.slider(key=key)
            sound(slider.set_value(getattr(slider, end)).run())
            assert not test.error, (key, end)
            assert figures(test)
    for key, options in [(one.key, one.options) for one in test.select_slider]:
        for option in (options[0], options[-1]):
            sound(test.select_slider(key=key).set_value(float(option)).run())
            assert not test.error, (key, option)
            assert figures(test)


@pytest.mark.parametrize(("name", "setting"), SETTINGS, ids=[f"{name}-{one.label}" for name, one in SETTINGS])
def test_an_experiment_is_a_valid_setup_and_written_as_the_page_writes_it(name: str, setting: Setting) -> None:
    if setting.page == "train":
        setup, problems = from_query(setting.query)
        assert not problems
        setup.plan()
        assert to_query(setup) == setting.query
        assert 0 < setup.length() <= MOST_STEPS
    elif setting.page == "model":
        assert setting.query == {"model": read_card(ROOT / "pretrained" / setting.query["model"]).name}
    else:
        query = {key: value for key, value in setting.query.items() if key != begin.layers.QUERY}
        assert 0 < int(query["steps"]) <= MOST_STEPS
        setup, problems = from_query({**begin.STANDARD, **query})
        assert not problems
        setup.plan()
        assert begin.link(setup) == {key: value for key, value in query.items() if begin.STANDARD.get(key) != value}
        layers = setting.query.get(begin.layers.QUERY, "d").split(",")
        assert set(layers) <= begin.layers.NAMES


@pytest.mark.parametrize("setting", [setting for _name, setting in SETTINGS if setting.page != "model"])
def test_the_page_of_an_experiment_takes_its_link(store: RunStore, setting: Setting) -> None:
    test = page(setting.page, **setting.query)
    assert not test.error
    assert not test.warning


@pytest.mark.parametrize("name", lessons.names())
def test_a_lesson_is_complete(name: str) -> None:
    lesson = lessons.get(name)
    assert 2 <= len(lesson.questions) <= 3
    assert lesson.experiment.settings
    formulas = [part for part in lesson.body if isinstance(part, Formula)]
    assert formulas
    for formula in formulas:
        assert formula.twins
        for twin in formula.twins:
            assert twin.__module__.startswith("gan_core.teaching"), twin
            assert twin.__doc__
            assert len(inspect.getsource(twin).splitlines()) <= 30
    assert f"{lesson.minutes} minutes" in lesson.teacher


def test_a_visitors_own_run_is_asked_for_its_classes(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obedience, "recognised", lambda images: np.full(len(images), 3))
    run = trained(store, "cgan")
    assert obedience.newest_run(store) == run
    test = page("learn", lesson="conditioning")
    sound(test.button_group(key="conditioning-who").set_value(conditioning.OWN).run())
    assert not test.error, [element.value for element in test.error]
    assert [metric.value for metric in test.metric][:2] == ["10.0 %", "100.0 %"]


def test_answers_are_hidden_until_requested(store: RunStore) -> None:
    lesson = in_order()[0]
    test = page("learn", lesson=lesson.name)
    assert shown(test).count(lesson.questions[0].answer) == 1  # on the handout's last page alone
    test = page("learn", {f"question-{lesson.name}-0": True}, lesson=lesson.name)
    assert shown(test).count(lesson.questions[0].answer) == 2
    assert lesson.question_mark(0) in progress_of(test)


def progress_of(test: AppTest) -> set[str]:
    found: set[str] = set(test.session_state[progress.DONE])
    return found


def test_a_lesson_is_marked_as_read_and_the_list_continues_after_it(store: RunStore) -> None:
    first, second = in_order()[:2]
    test = page("learn", lesson=first.name)
    sound(test.button(key="mark-read").click().run())
    assert progress_of(test) == {first.name}
    assert not [button for button in test.button if button.key == "mark-read"]
    test = page("learn", {progress.DONE: {first.name}})
    assert f"1 of {len(lessons)} lessons read" in str(test.get("progress")[0].proto.text)
    assert f"lesson {second.number}" in "".join(link.proto.label for link in test.get("page_link"))
    sound(test.button(key="forget").click().run())
    assert progress_of(test) == set()


def test_what_a_browser_sends_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {progress.KEY: {"kept": ["a", 3, None, "b"]}}
    monkeypatch.setattr(progress.st, "session_state", state)
    assert progress.done() == {"a", "b"}
    state[progress.KEY] = {"kept": "abc"}
    state[progress.DONE] = set()
    assert progress.done() == set()
    state[progress.KEY] = {"kept": ["a"]}
    progress.forget()
    assert progress.done() == set()  # though the browser still has it
    state[progress.KEY] = {"kept": []}
    assert progress.done() == set()
    assert not state[progress.FORGET]


def test_an_unknown_lesson_is_reported_and_the_list_shown(store: RunStore) -> None:
    test = page("learn", lesson="nothing")
    assert "nothing" in test.error[0].value
    assert in_order()[0].about in shown(test)


def test_two_lessons_of_one_name_are_refused() -> None:
    lesson: Lesson = in_order()[0]
    with pytest.raises(ValueError, match="twice"):
        lessons.register(lesson.name, lesson)
    with pytest.raises(ValueError, match="not on home"):
        Setting("x", "home", {})


def test_properties_unknown_to_plotly_are_found() -> None:
    plot = drawing.chart("across", "upwards")
    drawing.line(plot, "curve", "real", [0, 1], [1, 2], colour="red")
    assert plot.figure().to_dict()["data"][0]["colour"] == "red"  # drawn all the same
    with pytest.raises(ValueError, match="colour"):
        Figure(data=plot.data, layout=plot.layout)


def test_the_script_of_figures_is_where_pages_fetch_it() -> None:
    assert (Path(st.__file__).parent / "static/static/js" / drawing.script()).stat().st_size > 1e6


def test_the_page_needs_no_torch() -> None:
    code = "import sys, ui.classroom.learn.page; print([n for n in ('torch', 'scipy') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
