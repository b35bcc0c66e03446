"""The study of GAN images for a classifier: what is compared, refused, resumed and reported."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data.base import DataSet
from gan_core.errors import BadData
from gan_core.study import results, subsets
from gan_core.study.plan import ARMS, Cell, Setting, StudyPlan
from gan_core.study.results import Result, StudyFolder
from gan_core.study.summary import estimate, summarise
from tests.cli.commands import ganscope, ok, refused
from tests.conftest import images

ROOT = Path(__file__).parents[2]
TINY = ("--data", "digits", "--k", "4", "--unbalanced", "0", "--seeds", "2", "--steps", "3", "--gan-steps", "3")


def study(*more: str) -> dict:
    return json.loads(ok("augment-study", *TINY, *more, "--json"))


def measured(summary: dict) -> list[tuple]:
    return [(row["setting"], row["arm"], row["measure"], row["mean"]) for row in summary["results"]]


def test_the_interval_is_students() -> None:
    found = estimate([1.0, 2.0, 3.0])
    assert found.mean == pytest.approx(2.0)
    assert found.half == pytest.approx(4.302652729911275 / math.sqrt(3))  # t(0.975, 2) from tables, s = 1
    assert found.verdict == "unclear"
    assert estimate([1.0, 1.1, 0.9]).verdict == "better"
    assert estimate([-1.0, -1.1, -0.9]).verdict == "worse"
    assert math.isnan(estimate([1.0]).half)
    assert estimate([1.0]).verdict == "unclear"


def test_smaller_sets_are_parts_of_larger_ones_and_classes_are_shown_equally_often() -> None:
    train = DataSet("random", {"real": images(200), "label": np.arange(200) % 2}, ("a", "b"))
    few, many = subsets.chosen(train, Setting(5, 5), 1), subsets.chosen(train, Setting(40, 40), 1)
    assert _set(few) < _set(many)
    assert len(_set(few)) == 10
    assert _set(few) != _set(subsets.chosen(train, Setting(5, 5), 2))
    uneven = subsets.chosen(train, Setting(40, 2), 1)
    assert np.bincount(uneven.arrays["label"]).tolist() == [40, 40]
    rare = uneven.arrays["real"][uneven.arrays["label"] == 1]
    assert len(np.unique(rare, axis=0)) == 2


def _set(data: DataSet) -> set[bytes]:
    return {image.tobytes() for image in data.arrays["real"]}


def test_arms_are_compared_in_the_same_seeds(home: Path) -> None:
    plan = StudyPlan("digits", 8, k=(4,), unbalanced=0, seeds=2)
    folder = StudyFolder.of(plan)
    (folder.path / "cells").mkdir(parents=True)
    for arm, auc in (("real", (0.5, 0.6)), ("gan", (0.7, 0.8, 0.0))):
        for seed, value in enumerate(auc):
            folder.keep(Cell(Setting(4, 4), seed, arm), Result(0.5, value, 1.0))
    summary = summarise(folder, plan)
    assert (summary.done, summary.planned) == (4, 8)  # the third seed isn't requested
    [one] = [one for one in summary.comparisons if one.measure == "auc"]
    assert (one.arm, one.against) == ("gan", "real")
    assert one.difference.mean == pytest.approx(0.2)
    assert {folder.result(cell).pictures for cell in plan.cells() if folder.result(cell)} == {"8 bits"}
    folder.keep(Cell(Setting(4, 4), 1, "real"), Result(0.5, 0.6, 1.0, "float"))
    with pytest.raises(BadData, match="some are for images of 8 bits, others for images of float"):
        summarise(folder, plan)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--k", "500"), "has only 16"),
        (("--k", "1"), "between 2 and"),
        (("--k", "many"), "integers"),
        (("--k", ""), "at least one number"),
        (("--seeds", "0"), "between 1 and"),
        (("--steps", "0"), "between 1 and"),
        (("--unbalanced", "5"), "between 40 and 100000"),
        (("--unbalanced", "100001"), "between 40 and 100000"),
        (("--arms", "magic"), "'magic'"),
        (("--size", "9"), "got 9"),
        (("--data", "nothing"), "'nothing'"),
        (("--data", "ring8"), "at least two classes"),
    ],
)
def test_bad_input_is_refused(options: tuple[str, ...], said: str, home: Path) -> None:
    assert said in refused(2, "augment-study", *TINY, *options)
    assert not results.studies().exists()


def test_arms_are_listed_once_and_in_their_order() -> None:
    plan = StudyPlan("digits", 8, arms=("gan", "real", "real"))
    assert plan.arms == ("real", "gan")
    assert StudyPlan.from_state(plan.to_state()) == plan


def test_images_without_classes_are_refused(tmp_path: Path) -> None:
    for number in range(12):
        Image.fromarray(images(12)[number, 0]).resize((32, 32)).save(tmp_path / f"{number}.png")
    assert "at least two classes" in refused(2, "augment-study", *TINY, "--data", str(tmp_path))


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_damaged_images_of_a_gan_are_drawn_again(tmp_path: Path, part: float) -> None:
    folder, setting = StudyFolder(tmp_path), Setting(2, 2)
    images = np.random.default_rng(0).integers(0, 256, (4, 1, 8, 8), np.uint8)
    folder.keep_generated(setting, 0, images, np.array([0, 1, 0, 1]))
    kept = folder.generated(setting, 0)
    assert kept is not None
    assert np.array_equal(kept[0], images)
    file = tmp_path / "k2.0.npz"
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 255
    file.write_bytes(content[: round(part * len(content))])
    assert folder.generated(setting, 0) is None


def test_a_study_is_extended_and_a_damaged_result_is_measured_again() -> None:
    first = study("--seeds", "1", "--arms", "real,gan")
    assert (first["done"], first["test_part"], first["test_images"]) == (2, "held_out", 179)
    result = ganscope("augment-study", *TINY, "--seeds", "1", "--arms", "real,gan")  # as just measured
    assert "nan" not in result.output
    assert "Confidence intervals need at least 2 seeds" in result.output
    whole = study()
    assert whole["folder"] == first["folder"]
    assert (whole["done"], whole["planned"]) == (8, 8)
    assert {row["arm"] for row in whole["results"]} == set(ARMS)
    assert all(0 <= row["mean"] <= 1 for row in whole["results"])
    damaged = Path(whole["folder"]) / "cells" / "k4.both.1.json"
    damaged.write_text("{")
    (Path(whole["folder"]) / "k4.1.npz").write_bytes(b"PK")
    assert measured(study()) == measured(whole)
    assert json.loads(damaged.read_text())["seconds"] > 0


@pytest.mark.slow
def test_a_killed_study_resumes_where_it_stopped(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("--steps", "10")
    command = [sys.executable, "-m", "gan_core", "augment-study", *TINY, *more]
    environment = {**os.environ, "GANSCOPE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any(line.startswith("2 of 8") for line in process.stderr)
        finally:
            os.kill(process.pid, signal.SIGKILL)
    [folder] = results.found()
    kept = {path: path.stat().st_mtime_ns for path in (folder.path / "cells").glob("*.json")}
    assert 2 <= len(kept) < 8
    resumed = study(*more)
    assert resumed["done"] == 8
    assert all(path.stat().st_mtime_ns == before for path, before in kept.items())
    monkeypatch.setenv("GANSCOPE_HOME", str(home.with_name("other")))
    assert measured(study(*more)) == measured(resumed)


def test_a_study_whose_classes_have_changed_is_refused(tmp_path: Path) -> None:
    """Images were generated with the numbers of the old names."""
    for place in range(40):
        folder = tmp_path / "set" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images(1, 8, 1, place)[0, 0]).save(folder / f"{place}.png")
    words = ("augment-study", "--data", f"folder:{tmp_path / 'set'}", "--size", "8", *TINY[2:], "--seeds", "1")
    ok(*words, "--arms", "real")
    (tmp_path / "set" / "a").rename(tmp_path / "set" / "c")
    message = refused(2, *words, "--arms", "real")
    assert "are for the classes a, b, but" in message
    assert "now has b, c" in message
