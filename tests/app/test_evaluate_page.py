"""The page Evaluate, without a browser: stored evaluations are shown before torch is imported."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.evaluation import results
from gan_core.evaluation.paper import paragraph
from gan_core.evaluation.results import Result
from gan_core.metrics.figures import PIXELS, TRAIN, Figure, as_csv
from gan_core.metrics.trust import METRICS, Note, doubts
from gan_core.models import listing
from gan_core.runs.store import RunStore
from ui.classroom.evaluate import chart, page, start
from ui.classroom.evaluate.words import METRICS as WORDS
from ui.classroom.evaluate.words import column_word, kind_word
from ui.languages import using
from ui.texts import titles

PAGE = Path(__file__).parents[2] / "pages" / "evaluate.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def figure(kind: str, value: float, n: int = 1000, **more: object) -> Figure:
    return Figure(kind, n, "mnistnet", value, 0.9 * value, 1.1 * value, **more)  # type: ignore[arg-type]


def result(title: str, fd: float, n: int = 1000) -> Result:
    figures = (
        figure("fd", fd, n, floor=0.3, floor_n=500),
        figure("precision", 0.9, n),
        Figure("copied", 500, PIXELS, 0.02, 0.01, 0.03, 0.01, 500, side=TRAIN),
    )
    matrix = {"asked": ["a", "b"], "seen": ["a", "b"], "shares": [[0.9, 0.1], [0.2, 0.8]]}
    return Result(title, "model", title, "test:mnist", "mnistnet", "model features.mnist", n, n, figures,
                  notes=doubts(("fd",), 64, 300), obedience=matrix)  # fmt: skip


def test_kept_evaluations_are_compared(store: RunStore) -> None:
    results.save(result("one", 1.0))
    results.save(result("other", 2.0))
    results.save(result("few", 3.0, 200))
    test = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not test.exception, [error.message for error in test.exception]
    assert not test.error, [error.value for error in test.error]
    frame = test.dataframe[0].value
    numbers = {name: list(frame[name].fillna(-1)) for name in frame.columns if "Fréchet" in name and "±" not in name}
    assert {name: sorted(values) for name, values in numbers.items()} == {  # 1,000 and 200 apart, and real images
        "Fréchet distance · 1k": [-1, 0.3, 1, 2], "Fréchet distance · 200": [-1, -1, 0.3, 3],
    }  # fmt: skip
    shown = "\n".join(element.value for kind in (test.markdown, test.caption) for element in kind)
    assert "**one**" in shown  # the best, beyond the intervals
    assert "300 images are few" in shown.replace("\\", "")
    assert "Frechet distance" in test.code[0].value
    assert {metric.label for metric in test.metric} == {"Near copies"}


def test_figures_against_other_real_images_are_kept_apart(store: RunStore) -> None:
    """Folders compared with different real images share no table, no floor and no best, and the page names them."""
    for place, (fd, floor) in enumerate(((10.0, 1.0), (30.0, 25.0))):
        figures = (figure("fd", fd, floor=floor, floor_n=500),)
        results.save(replace(result(f"folder {place}", fd), against=f"images:/{place}/real", figures=figures, notes=()))
    test = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not test.exception, [error.message for error in test.exception]
    tables = [list(frame.value.iloc[:, 1]) for frame in test.dataframe]
    assert sorted(tables) == [[10, 1], [30, 25]]  # each with its own real images
    captions = "\n".join(element.value.replace("\\", "") for element in test.caption)
    assert "real images: images:/0/real" in captions  # as both folders are called "real"
    assert "real images: images:/1/real" in captions
    assert not [element for element in test.expander if element.label.startswith("Best")]
    assert len(test.selectbox(key="evaluate-chart-2").options) == 2
    text = paragraph(results.found(), ("fd",))
    assert "against images:/0/real was 10 [9, 11] for folder 0; real images score 1" in text
    assert "against images:/1/real was 30 [27, 33] for folder 1; real images score 25" in text


def test_damaged_files_are_left_out(home: Path) -> None:
    kept = results.save(result("one", 1.0))
    plain = json.loads((results.folder() / f"{kept.key}.json").read_text())
    changes = ({"figures": [[1]]}, {"figures": None}, {"class_shares": []}, {"notes": [3]}, {"made": None}, {"new": 1})
    damages: tuple[Any, ...] = ("{", [], *(plain | change for change in changes))
    for place, damage in enumerate(damages):
        (results.folder() / f"{place}.json").write_text(damage if isinstance(damage, str) else json.dumps(damage))
    assert results.found() == [kept]


def test_figures_that_are_not_recomputed_are_kept(home: Path) -> None:
    first = replace(result("one", 1.0), weights="a")
    results.save(first)
    kept = results.save(replace(first, figures=(figure("fd", 2.0), figure("kid", 0.1)), obedience={}))
    assert results.found() == [kept]
    assert {one.name: one.value for one in kept.figures} == {
        "fd1k_mnistnet": 2, "kid1k_mnistnet": 0.1, "precision1k_mnistnet": 0.9, "copied500_pixels_train": 0.02,
    }  # fmt: skip
    assert kept.notes == result("one", 1.0).notes
    assert kept.obedience["asked"] == ["a", "b"]
    results.save(replace(first, seed=1))
    assert len(results.found()) == 2
    replaced = results.save(replace(first, figures=(figure("fd", 3.0),), weights="b"))
    assert len(replaced.figures) == 1  # other weights under this name: nothing of the former is left


def test_no_row_hides_another() -> None:
    one = result("one", 1.0)
    shown = [one, replace(one, seed=3), replace(one, net_from="run 0123"), result("other", 1.0)]
    names = page._names(shown)
    assert list(names.values()) == shown
    assert list(names)[3] == "other"
    assert list(names)[1].endswith("seed 3")
    assert next(iter(names)).endswith(one.key[:6])


def test_models_and_nets_go_by_their_titles_and_rows_by_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")
    models = titles(listing.survey()[0])
    many, few = (replace(result("x", 1.0, n), subject="dcgan.digits") for n in (1000, 200))
    assert page._net_title(many, models) == "MNIST classifier (feature net)"
    many, few = (replace(one, title=page._called(one, models)) for one in (many, few))
    assert page._in_table([many, few, result("other", 1.0)]) == [
        "Digits (DCGAN) · 1,000",
        "Digits (DCGAN) · 200",
        "other",
    ]


def test_nets_of_one_name_have_their_own_titles_and_the_csv_is_in_english(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")
    files: list[str] = []
    monkeypatch.setattr(page, "as_csv", lambda rows: files.append(as_csv(rows)) or files[-1])
    for origin, seed in (("model features.mnist", 0), ("model features.mnist", 3), ("run 0123", 0)):
        figures = (figure("fd", 1.0, origin=origin),)
        results.save(replace(result("dcgan.digits", 1.0), net_from=origin, seed=seed, figures=figures, notes=()))
    test = AppTest.from_file(str(PAGE), default_timeout=60)
    test.session_state["language"] = "zh"
    test.run()
    assert not test.exception, [error.message for error in test.exception]
    with using("zh"):
        title = titles(listing.survey()[0])["features.mnist"]
    heads = [element.value.replace("\\", "").split(" · ")[0] for element in test.caption]
    assert title in heads
    assert any("run 0123" in head for head in heads)
    subjects = [row["subject"] for row in csv.DictReader(files[-1].splitlines())]
    assert len(set(subjects)) == 3
    assert all(subject.startswith("dcgan.digits") and subject.replace("·", "").isascii() for subject in subjects)


def test_a_paragraph_for_a_paper() -> None:
    text = paragraph([result("one", 1.0), result("other", 2.0)], ("fd",))
    assert text.startswith("All images were rounded to 8 bits.")
    assert (
        "The Frechet distance (arXiv:1706.08500) of 1,000 samples in the features of mnistnet was "
        "1 [0.9, 1.1] for one, 2 [1.8, 2.2] for other; real images score 0.3 (n = 500)." in text
    )
    assert "do not cover the spread over training seeds" in text
    assert paragraph([result("one", 1.0)], ()) == ""


def test_charts_show_intervals_floor_and_matrix() -> None:
    drawn = chart.intervals({"one": figure("fd", 1.0, floor=0.3), "other": figure("fd", 2.0, floor=0.3)})
    marks = drawn.data[0]
    assert list(marks.y) == ["other", "one"]  # the best on top, which plotly draws last
    assert list(marks.error_x.array) == pytest.approx([0.2, 0.1])
    assert drawn.layout.shapes[0].x0 == 0.3
    best = chart.intervals({"one": figure("precision", 0.8), "other": figure("precision", 0.9)})
    assert list(best.data[0].y) == ["one", "other"]
    heat = chart.matrix(["a"], ["a", "b"], [[0.25, None]])
    assert list(heat.data[0].z[0]) == [25, None]


def test_every_metric_and_kind_has_words() -> None:
    assert set(WORDS) == set(METRICS)
    assert {METRICS[name].title for name in METRICS} == set(WORDS.values())  # notes name metrics by their titles
    assert kind_word("back_psnr") == "PSNR, reverse direction"
    assert column_word(figure("fd", 1.0, side=TRAIN)) == "Fréchet distance · 1k · mnistnet · training images"


def test_impossible_requests_are_reported(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="There is no folder"):
        start._folder(str(tmp_path / "missing"))
    assert start._fewer(5000, "digits") is None  # 1,797 in all
    assert start._fewer(500, "digits") == 500
    assert str(Note("{a}", {"a": 1})) == "1"
