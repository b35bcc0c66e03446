"""Curves in bounded memory, and the bytes that are sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core.gans import recipes
from gan_core.runs.records import Metrics
from gan_core.runs.store import RunStore
from tests.made_runs import make_run
from ui.classroom.live import board, curves, figures
from ui.classroom.live.advice import advice
from ui.classroom.live.downloads import csv_of
from ui.classroom.live.feed import Feed
from ui.classroom.live.history import POINTS, History, moving_average


def rows(start: int, count: int, **columns: np.ndarray) -> Metrics:
    return Metrics(np.arange(start, start + count), columns)


def test_the_moving_average_is_that_of_the_last_hundred() -> None:
    values = np.arange(300, dtype=float)[None]
    means = moving_average(values)[0]
    assert means[0] == 0
    assert means[99] == np.mean(np.arange(100))
    assert means[250] == np.mean(np.arange(151, 251))


def test_a_moving_average_skips_nan() -> None:
    values = np.array([[1.0, np.nan, 3.0, np.inf, 5.0]])
    np.testing.assert_allclose(moving_average(values)[0], [1, 1, 2, 2, 3])


def test_space_is_bounded_and_the_last_step_shown() -> None:
    history = History()
    random = np.random.default_rng(0)
    for start in range(0, 20_000, 37):
        history.append(rows(start, 37, a=random.normal(size=37).astype(np.float32)))
    assert len(history.steps) <= POINTS + 1
    assert history.steps[-1] == 20_016
    assert (np.diff(history.steps) > 0).all()
    assert abs(history.mean("a")).max() < 0.6


def test_many_small_flushes_give_the_same_means_as_one() -> None:
    values = np.random.default_rng(1).normal(size=350).astype(np.float32)
    one, many = History(), History()
    one.append(rows(0, 350, a=values))
    for start in range(0, 350, 7):
        many.append(rows(start, 7, a=values[start : start + 7]))
    np.testing.assert_allclose(one.mean("a"), many.mean("a"), rtol=1e-5, atol=1e-7)


def test_a_lazy_term_is_kept_when_rows_are_dropped() -> None:
    history = History()
    column = np.full(5000, np.nan, np.float32)
    column[::8] = 1.0
    history.append(rows(0, 5000, lazy=column))
    assert np.isfinite(history.raw("lazy")).mean() > 0.9


def test_a_broken_value_is_shown_and_a_missing_one_is_not() -> None:
    history = History()
    loss = np.array([1, np.nan, np.nan, 2, np.nan], np.float32)
    history.append(Metrics(np.arange(1, 6), {"a/loss": loss}, {"a/loss": [False, False, True, False, False]}))
    np.testing.assert_array_equal(history.raw("a/loss"), [1, np.nan, np.inf, 2, np.nan])
    np.testing.assert_array_equal(history.mean("a/loss"), [1, 1, np.inf, 1.5, 1.5])
    assert history.latest == {"a/loss": 2}
    lines = csv_of(history.recent).decode().splitlines()
    assert lines == ["step,a/loss", "1,1", "2,", "3,nan", "4,2", "5,"]


def test_what_was_last_measured_is_kept_however_long_ago() -> None:
    history = History()
    history.append(rows(0, 1, variety=np.array([0.7]), a=np.ones(1)))
    for start in range(1, 3000, 100):
        history.append(rows(start, 100, a=np.ones(100)))
    assert history.latest["variety"] == pytest.approx(0.7)


def test_a_column_may_come_later() -> None:
    history = History()
    history.append(rows(0, 5, a=np.ones(5)))
    history.append(rows(5, 5, a=np.ones(5), b=np.full(5, 2.0)))
    assert np.isnan(history.raw("b")[:5]).all()
    assert (history.raw("b")[5:] == 2).all()


def test_what_is_sent_can_be_read_back() -> None:
    history = History()
    columns = {name: np.linspace(0.1, 1, 50) for name in ("generator/loss", "discriminator/loss", "accuracy")}
    history.append(rows(1, 50, **columns))
    panels = figures.panels(history, True)
    encoded = curves.encode(panels, [curves.Mark(3, "edited: <b>")])
    length = int.from_bytes(encoded[:4], "little")
    header = json.loads(encoded[4 : 4 + length])
    floats = np.frombuffer(encoded[4 + length :], "<f4")
    assert len(floats) == header["floats"]
    series = header["panels"][0]["series"][0]
    offset, count = series["x"]
    np.testing.assert_array_equal(floats[offset : offset + count], np.arange(1, 51))
    assert all(panel["unit"] for panel in header["panels"])


def test_terms_of_a_loss_are_shown_separately() -> None:
    terms = {"generator/adversarial": np.ones(9), "generator/l1": np.full(9, 20.0)}
    history = History()
    history.append(rows(1, 9, **terms, **{"generator/loss": np.full(9, 21.0)}))
    losses, apart = figures.panels(history, True)[:2]
    assert [series.name for series in losses.series] == ["Generator"]
    assert [series.name for series in apart.series] == ["Adversarial", "L1"]
    assert apart.log
    assert len({series.colour for series in apart.series}) == 2
    history.append(rows(10, 9, **{name: -values for name, values in terms.items()}))
    assert not figures.panels(history, True)[1].log


def test_occasional_measurements_are_not_averaged() -> None:
    history = History()
    history.append(rows(1, 200, psnr=np.where(np.arange(200) % 50 == 0, np.linspace(20, 30, 200), np.nan)))
    (panel,) = figures.panels(history, True)
    values = np.asarray(panel.series[0].values)
    assert values[np.isfinite(values)].max() > 27


@pytest.mark.parametrize(
    ("recipe", "data", "says"),
    [
        ("cyclegan", "digits_coloured_unpaired", "the outputs come from random weights"),
        ("srgan", "digits", "above the bicubic curve"),
        ("dcgan", "digits", "noise from random weights"),
        ("feature_net", "digits", "to one class"),
    ],
)
def test_advice_fits_the_kind_of_run(home: Path, recipe: str, data: str, says: str) -> None:
    chosen = recipes.get(recipe)
    run = RunStore().create(chosen.plan(data, chosen.fit_size(8), 2, {}))
    assert says in advice(run, "")[0]


def test_a_sparkline_is_one_line() -> None:
    assert curves.sparkline([1.0]) == ""
    assert curves.sparkline([1.0, np.nan, 2.0, 3.0]).count("polyline") == 1


def test_runs_are_compared_by_the_metrics_they_have() -> None:
    with_marks, without = History(), History()
    losses = {"generator/loss": np.arange(5.0)}
    with_marks.append(rows(1, 5, psnr=np.array([20, np.nan, np.nan, np.nan, 22.5]), **losses))
    without.append(rows(1, 5, **losses))
    compared = {panel.file: panel for panel in figures.comparisons({"one": with_marks, "other": without})}
    assert set(compared) == {"generator-loss", "psnr"}
    assert [series.name for series in compared["psnr"].series] == ["one"]
    assert [series.name for series in compared["generator-loss"].series] == ["one", "other"]


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ({}, None),
        ({"precision": "bf16"}, "bf16"),
        ({"precision": "bf16", "bf16_speedup": 1.63}, "bf16 (bf16: 1.63x)"),
        ({"bf16_speedup": 0.9}, "fp32 (bf16: 0.90x)"),
    ],
)
def test_a_board_shows_the_precision_of_the_run(store: RunStore, recorded: dict[str, Any], shown: str | None) -> None:
    id = make_run(store, steps=())
    token = store.claim(id)
    store.add_event(id, token, 0, "started", {"device": "cpu", **recorded})
    store.release(id, token)
    feed = Feed(store, id)
    assert dict(board._facts(feed, feed.run())).get("Numeric precision") == shown


def test_a_board_says_how_many_processes_train_the_run(store: RunStore) -> None:
    id = make_run(store, steps=())
    feed = Feed(store, id)
    assert "Processes" not in dict(board._facts(feed, feed.run()))
    token = store.claim(id)
    store.add_event(id, token, 0, "started", {"device": "cpu", "ranks": ["one", "other"]})
    measured = Metrics(np.arange(1, 3), {"share/communication": np.array([0.5, 0.083])})
    store.log(id, token, measured, images_seen=8, seconds=1, images_per_second=8)
    store.release(id, token)
    feed = Feed(store, id)
    assert dict(board._facts(feed, feed.run()))["Processes"] == "2 (8 % communication)"
