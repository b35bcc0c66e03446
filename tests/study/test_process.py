"""A study as a process of its own: one at a time, found by others, ended with its results."""

from __future__ import annotations

import json
import os
import time

import pytest

from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.runs.background import NOTICE
from gan_core.runs.liveness import Owner, exists, this_process
from gan_core.study import duration, process
from gan_core.study.plan import SIZES, StudyPlan
from gan_core.study.results import Background, Result, StudyFolder, studies

PLAN = StudyPlan("digits", 8, k=(4, 8), unbalanced=0, seeds=2, steps=100, gan_steps=200)


@pytest.mark.release
def test_one_study_at_a_time_and_its_results_are_kept() -> None:
    endless = StudyPlan("digits", 8, k=(4,), unbalanced=0, seeds=1, steps=1, gan_steps=1_000_000)
    started = process.start(endless)
    try:
        assert started.runs
        assert process.last() == started
        with pytest.raises(BadValue, match="already running"):
            process.start(endless)
        folder = StudyFolder.of(endless)
        first = next(iter(endless.cells()))
        end = time.monotonic() + 120
        while folder.result(first) is None:
            assert time.monotonic() < end, process.last_line()
            assert started.runs, process.last_line()
            time.sleep(0.1)
    finally:
        process.stop()
    assert not started.runs
    assert folder.result(first) is not None


@pytest.mark.slow
def test_the_last_line_says_why_it_failed() -> None:
    started = process.start(StudyPlan("digits", 8, k=(100_000,), unbalanced=0, seeds=1, steps=1, gan_steps=1))
    end = time.monotonic() + 120
    while started.runs:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "100000" in process.last_line().replace(",", "")


def test_a_pid_that_another_process_has_by_now_is_no_study() -> None:
    studies().mkdir(parents=True)
    mine = this_process()
    assert exists(mine)
    stranger = {"host": mine.host, "pid": mine.pid, "born": mine.born - 1000}
    (studies() / NOTICE).write_text(json.dumps({"asked": PLAN.to_state(), "process": stranger, "since": 0}))
    started = process.last()
    assert started
    assert not started.runs
    process.stop()  # and isn't touched
    assert not exists(Owner("elsewhere", os.getpid(), mine.born))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"asked": {}, "process": {"host": "a", "pid": 1, "born": 0}, "since": 0}']
)
def test_a_damaged_notice_is_none(content: str) -> None:
    studies().mkdir(parents=True)
    (studies() / NOTICE).write_text(content)
    assert process.last() is None


def test_the_time_left_follows_from_the_time_of_previous_results() -> None:
    folder = StudyFolder.of(PLAN)
    assert duration.left(PLAN, folder) == duration.expected(PLAN)
    folder.begin(PLAN, Background(("a",), 1, "held_out"))
    cells = list(PLAN.cells())
    for cell in cells[: len(cells) // 2]:  # one whole repetition, at 3 s for each classifier
        folder.keep(cell, Result(0.5, 0.5, 3.0))
    assert duration.left(PLAN, folder) == pytest.approx(3.0 * len(cells) / 2)
    for cell in cells:
        folder.keep(cell, Result(0.5, 0.5, 3.0))
    assert duration.left(PLAN, folder) == 0


def test_a_gan_is_counted_once_for_all_arms_that_show_its_images() -> None:
    one, two = (
        StudyPlan("digits", 16, k=(20,), unbalanced=0, seeds=1, arms=arms) for arms in (("gan",), ("gan", "both"))
    )
    classifier = duration.expected(StudyPlan("digits", 16, k=(20,), unbalanced=0, seeds=1, arms=("real",)))
    assert duration.expected(two) - duration.expected(one) == pytest.approx(classifier - duration.START)


def test_sizes_are_those_that_the_gan_can_make() -> None:
    assert set(SIZES) <= set(recipes.get("cgan").sizes)
