"""The Study page, without a browser: its state before, during and after a study."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.study import process
from gan_core.study.plan import Cell, Setting, StudyPlan
from gan_core.study.results import Background, Result, StudyFolder
from gan_core.study.summary import Estimate
from tests.cli.commands import ok
from tests.study.test_study import TINY
from ui.classroom.study.page import difference_words, setting_name

PAGE = Path(__file__).parents[2] / "pages" / "study.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def page() -> AppTest:
    test = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not test.exception, [error.message for error in test.exception]
    assert not test.error, [error.value for error in test.error]
    return test


def texts(test: AppTest) -> str:
    return "\n".join(element.value for kind in (test.markdown, test.caption, test.info) for element in kind)


def made(differences: tuple[float, ...], seeds: int = 3) -> StudyFolder:
    """A study whose GAN arms are better by these amounts, one for each number of images."""
    plan = StudyPlan("digits", 8, k=(4, 8), unbalanced=0, seeds=seeds)
    folder = StudyFolder.of(plan)
    folder.begin(plan, Background(tuple("0123456789"), 179, "held_out"))
    for cell in plan.cells():
        gain = differences[plan.settings.index(cell.setting)] if cell.arm in ("gan", "both") else 0
        folder.keep(cell, Result(0.5, 0.6 + gain + cell.seed * 0.01, 1.0))
    return folder


def test_without_a_study_it_says_how_to_make_one() -> None:
    test = page()
    assert "no study yet" in test.info[0].value
    assert "ganscope augment-study" in test.code[0].value
    assert any("24 classifiers" in caption.value for caption in test.caption)  # 3 seeds x 2 numbers x 4 arms


def tiny_form(test: AppTest) -> AppTest:
    for key, value in {"study-seeds": 1, "study-steps": 3, "study-gan_steps": 3}.items():
        test.text_input(key=key).set_value(str(value))
    test.selectbox(key="study-size-digits").set_value(8)
    test.get("button_group")[0].set_value([20])
    return test.run()


@pytest.mark.slow
def test_a_study_is_started_watched_and_finished_from_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.runs.background.YIELDS", 0)  # no run is training, which would have priority
    test = tiny_form(page())
    assert any("4 classifiers" in caption.value for caption in test.caption)
    test.button(key="study-start").click().run()
    assert not test.error
    assert test.get("progress")
    started = process.last()
    assert started
    assert started.runs
    assert started.plan.k == (20,)
    wait(lambda: not started.runs)
    test.run()
    assert not test.warning, process.last_line()
    assert len(test.get("plotly_chart")) == 2


def test_a_study_is_stopped_and_resumed() -> None:
    process.start(StudyPlan("digits", 8, k=(20,), unbalanced=0, seeds=1, steps=3, gan_steps=100_000))
    page().button(key="study-stop").click().run()
    assert not process.last().runs
    test = page()
    assert "ended early" in test.warning[0].value
    test.button(key="study-resume").click().run()
    assert process.last().runs
    process.stop()


def test_viewers_cannot_start_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "secret")
    button = page().button(key="study-start")
    assert button.disabled
    assert "passphrase" in button.help


@pytest.mark.parametrize("typed", ["1e12", "0", "many", "-3"])
def test_a_number_that_is_not_valid_starts_nothing(typed: str) -> None:
    test = page()
    test.text_input(key="study-steps").set_value(typed)
    test.run()
    assert test.button(key="study-start").disabled
    assert "Steps per classifier" in texts(test)
    assert not any("classifiers and their GANs take" in caption.value for caption in test.caption)


def test_a_form_without_an_arm_says_what_is_valid() -> None:
    test = page()
    test.get("button_group")[1].set_value([])
    test.run()
    assert "at least one arm" in test.error[0].value
    assert test.button(key="study-start").disabled


def wait(until: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, process.last_line()
        time.sleep(0.1)


def test_a_finished_study_is_drawn() -> None:
    ok("augment-study", *TINY)
    test = page()
    assert len(test.get("plotly_chart")) == 2
    assert len(test.get("image")) == 2
    text = texts(test)
    assert "With GAN images vs. Real only" in text
    assert "179 test images: every tenth" in text


@pytest.mark.parametrize(
    ("differences", "said"),
    [((-0.1, -0.1), "didn't help"), ((0.1, -0.1), "in some comparisons"), ((0.1, 0.1), "in every comparison")],
)
def test_the_result_is_reported_whatever_it_is(differences: tuple[float, ...], said: str) -> None:
    made(differences)
    assert said in page().info[0].value


def test_one_repetition_proves_nothing() -> None:
    made((0.1, 0.1), seeds=1)
    assert "A single repetition" in page().info[0].value


def test_an_unfinished_study_shows_its_results_so_far() -> None:
    folder = made((0.1, 0.1))
    (folder.path / "cells" / f"{Cell(Setting(8, 8), 2, 'both').name}.json").unlink()
    assert "23 of 24" in page().get("progress")[0].proto.text


def test_a_damaged_plan_is_named() -> None:
    (made((0.1, 0.1)).path / "plan.json").write_text("{")
    test = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert "can't be read" in test.error[0].value.replace("\\", "")


def test_one_of_several_studies_is_chosen() -> None:
    made((0.1, 0.1))
    other = StudyPlan("digits", 8, k=(4,), unbalanced=0, seeds=2, steps=7)
    StudyFolder.of(other).begin(other, Background(("a", "b"), 179, "held_out"))
    test = page()
    choice = test.selectbox(key="study")
    assert sorted(choice.options) == [
        "Handwritten digits (small) · 8 pixels · 400 classifier steps, 2,000 GAN steps",
        "Handwritten digits (small) · 8 pixels · 7 classifier steps, 2,000 GAN steps",
    ]


def test_training_sets_and_differences_are_read_without_the_method() -> None:
    assert setting_name(Setting(20, 20)) == "20 per class"
    assert setting_name(Setting(40, 2)) == "40 per class, 2 of the last"
    assert difference_words(Estimate(-0.0083, 0.024, 2)) == "−0.008 ± 0.024"
    assert difference_words(Estimate(0.005, float("nan"), 1)) == "+0.005"
