"""The Study page, without a browser: what it says before, during and after a study."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.study.plan import Cell, Setting, StudyPlan
from gan_core.study.results import Background, Result, StudyFolder
from tests.cli.commands import ok
from tests.study.test_study import TINY

PAGE = Path(__file__).parents[2] / "pages" / "study.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.warm.start", lambda: None)  # its thread would outlive the tests


def page() -> AppTest:
    test = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not test.exception, [error.message for error in test.exception]
    assert not test.error, [error.value for error in test.error]
    return test


def texts(test: AppTest) -> str:
    return "\n".join(element.value for kind in (test.markdown, test.caption, test.info) for element in kind)


def made(differences: tuple[float, ...], seeds: int = 3) -> StudyFolder:
    """A study whose GAN arms are better by these much, one for each number of images."""
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


def test_a_study_that_was_made_is_drawn() -> None:
    ok("augment-study", *TINY)
    test = page()
    assert len(test.get("plotly_chart")) == 2
    assert len(test.get("image")) == 2
    text = texts(test)
    assert "With GAN images against Real only" in text
    assert "179 test images: every tenth" in text


@pytest.mark.parametrize(
    ("differences", "said"),
    [((-0.1, -0.1), "didn't help"), ((0.1, -0.1), "in some comparisons"), ((0.1, 0.1), "in every comparison")],
)
def test_it_says_honestly_what_came_out(differences: tuple[float, ...], said: str) -> None:
    made(differences)
    assert said in page().info[0].value


def test_one_repetition_proves_nothing() -> None:
    made((0.1, 0.1), seeds=1)
    assert "A single repetition" in page().info[0].value


def test_a_study_that_grows_shows_what_is_done() -> None:
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
    [choice] = test.selectbox
    assert sorted(choice.options) == [
        "Handwritten digits (small) · 8 pixels · 400 and 2000 steps",
        "Handwritten digits (small) · 8 pixels · 7 and 2000 steps",
    ]
