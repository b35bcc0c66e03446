"""Evaluations started on the page Evaluate: in their own process, watched, stopped, and refused before they start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from gan_core.errors import BadValue
from gan_core.evaluation import process, results
from gan_core.evaluation.process import Course, Item
from gan_core.evaluation.subjects import Subject
from gan_core.evaluation.work import Asked
from gan_core.metrics.trust import Note
from gan_core.runs.store import RunStore
from tests.app.pages import page, wait
from tests.made_runs import trained

MANY = 400_000  # samples, which take long enough to be stopped


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def asked_for(store: RunStore, run: str, samples: int = 60) -> Asked:
    return Asked(Subject(run=store.get(run)), run, samples=samples, metrics=("kid",))


def test_a_request_is_the_same_when_read_from_its_file(store: RunStore) -> None:
    run = trained(store, "mlp_gan")
    for asked in (asked_for(store, run), Asked(Subject(model="cgan.mnist"), "a", "test:mnist", "imagenet", size=64)):
        assert Asked.from_state(store, asked.to_state()) == asked


def test_one_that_fails_does_not_stop_the_others(store: RunStore) -> None:
    """A run that was deleted after the start is reported, and the following ones are evaluated."""
    net, gone, good = (trained(store, name) for name in ("feature_net", "mlp_gan", "mlp_gan"))
    asked = [asked_for(store, gone), asked_for(store, good)]
    process.check(store, asked)
    process.start(asked)
    process.stop()
    assert [one.state for one in process.course().items] == ["stopped"] * 2
    store.delete(gone)
    assert [one.state for one in process.perform(store).items] == ["failed", "done"]
    course = process.course()
    assert gone in course.items[0].message.format(**course.items[0].values)
    assert [one.subject for one in results.found()] == [good]
    assert net in results.found()[0].net_from
    [error] = page("evaluate").error
    assert gone in error.value.replace("\\", "")
    page("evaluate").button(key="evaluate-dismiss").click().run()
    assert process.course() is None
    assert not page("evaluate").error


def test_bad_input_starts_nothing(store: RunStore, tmp_path: Path) -> None:
    """No net, no folder, images of another size, no images, a deleted run: each is reported, and no process starts."""
    run = trained(store, "mlp_gan")
    test = choose(page("evaluate"), f"run:{run}")
    store.delete(run)
    test.button(key="evaluate-start").click().run()
    assert test.error or test.button(key="evaluate-start").disabled
    (tmp_path / "none").mkdir()
    for size, name in ((8, "small"), (9, "odd")):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((size, size), np.uint8)).save(tmp_path / name / "one.png")
    trained(store, "feature_net")
    for own, real, words in (
        (tmp_path / "missing", tmp_path / "small", "There is no folder"),
        (tmp_path / "small", "", "needs --against"),
        (tmp_path / "small", tmp_path / "none", "There is no image in"),
    ):
        test = page("evaluate")
        test.text_input(key="evaluate-own").set_value(str(own))
        test.text_input(key="evaluate-folder").set_value(str(real))
        test.run()
        test.button(key="evaluate-start").click().run()
        assert any(words in one.value.replace("\\", "") for one in test.error), [one.value for one in test.error]
    assert process.last() is None
    assert process.course() is None


def test_a_second_one_is_refused_and_the_first_can_be_stopped(store: RunStore) -> None:
    run = trained(store, "mlp_gan")
    trained(store, "feature_net")
    process.start([asked_for(store, run, MANY)])
    with pytest.raises(BadValue, match="already running"):
        process.start([asked_for(store, run)])
    other = page("evaluate")  # another viewer
    assert other.get("progress")
    assert other.button(key="evaluate-start").disabled
    other.button(key="evaluate-stop").click().run()
    assert not process.runs()
    assert any("Stopped before" in one.value for one in page("evaluate").info)
    assert results.found() == []


def test_a_killed_process_is_named_with_its_last_words(store: RunStore) -> None:
    run = trained(store, "mlp_gan")
    started = process.start([asked_for(store, run)])
    os.kill(started.process.pid, signal.SIGKILL)
    wait(lambda: not process.runs())
    [error] = page("evaluate").error
    assert "ended before" in error.value
    assert not page("evaluate").get("progress")


def test_viewers_start_and_stop_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(store, "mlp_gan")
    process.start([asked_for(store, run, MANY)])
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "secret")
    try:
        test = page("evaluate")
        assert test.get("progress")
        assert test.button(key="evaluate-stop").disabled
        assert test.button(key="evaluate-start").disabled
    finally:
        process.stop()
    assert page("evaluate").button(key="evaluate-dismiss").disabled


def test_progress_is_numbered_and_notes_are_shown_once(store: RunStore) -> None:
    note = Note("{count} files of {data} can't be used.", {"count": 2, "data": "x"})
    items = (Item("one", "done", notes=(note,)), Item("two", "done", notes=(note,)))
    process._folder().mkdir(parents=True)
    process._keep(Course(items, 0.5, "embedding"))
    test = page("evaluate")
    assert [one.value.replace("\\", "") for one in test.success] == ["Evaluated: one, two."]
    assert sum("2 files of x" in one.value for one in test.info) == 1


@pytest.mark.slow
def test_it_continues_when_the_page_is_left_and_is_shown_when_it_is_reopened(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_core.runs.background.YIELDS", 0)  # no run is training, which would have priority
    run = trained(store, "mlp_gan")
    trained(store, "feature_net")
    test = choose(page("evaluate"), f"run:{run}")
    test.button(key="evaluate-start").click().run()
    assert not test.error, [one.value for one in test.error]
    assert test.get("progress")
    page("runs")  # left
    assert process.runs()
    wait(lambda: not process.runs(), 280)
    again = page("evaluate")  # a new session, as after a reload
    assert any("Evaluated" in one.value for one in again.success), process.last_line()
    assert [one.subject for one in results.found()] == [run]
    assert again.dataframe
    assert not again.button(key="evaluate-delete").disabled


def choose(test: AppTest, key: str) -> AppTest:
    test.multiselect(key="evaluate-subjects").set_value([key])
    test.selectbox(key="evaluate-against").set_value("training")
    test.select_slider(key="evaluate-count").set_value(200)
    return test.run()
