"""`ganscope sample` and `ganscope export-history`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gan_core.cli.output import data_name
from gan_core.runs.store import RunStore
from tests.cli.commands import TINY, make_run, ok, refused

BIGGAN = ("latent_size=8", "embedding=3", "channels=4", "max_channels=8", "batch_size=4", "attention_size=0")


def test_classes_are_drawn_and_blended_and_samples_truncated(store: RunStore, tmp_path: Path) -> None:
    settings = [word for knob in BIGGAN for word in ("--set", knob)]
    ok("train", "biggan", "--data", "digits", "--size", "8", "--steps", "2", *settings, "--json")

    def drawn(*options: str) -> bytes:
        picture = tmp_path / "grid.png"
        ok("sample", "latest", "-n", "8", "-o", picture, *options)
        return picture.read_bytes()

    three, seven = drawn("--class", "3"), drawn("--class", "7")
    assert three == drawn("--class", "3:2")  # all of it
    assert drawn("--class", "3:0.5,7:0.5") == drawn("--class", "7:3,3:3")
    assert len({three, seven, drawn(), drawn("--class", "3:0.5,7:0.5")}) == 4
    assert drawn("--truncation", "0.2") != drawn()
    summary = json.loads(
        ok("sample", "latest", "-o", tmp_path / "x.png", "--class", "1:1", "--truncation", "1", "--json")
    )
    assert (summary["class"], summary["truncation"]) == ("1:1", 1.0)

    for options, message in (
        (["--class", "10"], "There is no class '10'. Valid: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."),
        (["--class", "3:1,11:1"], "There is no class '11'. Valid: 0, 1"),
        (["--class", "three"], "There is no class 'three'. Valid: 0, 1"),
        (["--class", "3,7"], "There is no class '3,7'. Valid: 0, 1"),
        (["--class", ""], "There is no class ''. Valid: 0, 1"),
        (["--class", "-1"], "There is no class '-1'. Valid: 0, 1"),
        (["--class", "3:1:1"], "There is no class '3:1'. Valid: 0, 1"),
        (["--class", ":1"], "There is no class ''. Valid: 0, 1"),
        (["--class", "3:half"], "'3:half' is neither a class, such as 0, nor a blend of classes, such as 0:0.5,9:0.5."),
        (["--class", "3:1,3:2"], "'3:1,3:2' is neither a class, such as 0, nor a blend of classes"),
        (["--class", "3:-1,4:2"], "must be non-negative numbers"),
        (["--class", "3:nan"], "must be non-negative numbers"),
        (["--class", "3:0"], "not all 0"),
        (["--truncation", "1.6"], "between 0 and 1.5, got 1.6"),
        (["--truncation", "nan"], "between 0 and 1.5, got nan"),
    ):
        assert message in refused(2, "sample", "latest", "-o", tmp_path / "y.png", *options)
    assert not (tmp_path / "y.png").exists()


def test_what_a_model_lacks_is_reported(store: RunStore, tmp_path: Path) -> None:
    ok("train", "mlp_gan", "--steps", "1", *TINY, "--json")
    assert "doesn't support truncation" in refused(
        2, "sample", "latest", "--truncation", "0.5", "-o", tmp_path / "x.png"
    )
    assert "is unconditional" in refused(2, "sample", "latest", "--class", "3:1,4:1", "-o", tmp_path / "x.png")
    assert "The seed must be" in refused(2, "sample", "latest", "--seed", str(2**70), "-o", tmp_path / "x.png")


def test_export_says_what_is_missing(store: RunStore, tmp_path: Path) -> None:
    make_run(store, "bare")
    assert "bare has no previews yet" in refused(2, "export-history", "bare", "-o", tmp_path / "out.gif")
    assert ".gif, .mp4" in refused(2, "export-history", "bare", "-o", tmp_path / "out.avi")
    assert not list(tmp_path.glob("*.gif"))


def test_a_file_that_can_not_be_written_is_refused_before_anything_is_drawn(store: RunStore, tmp_path: Path) -> None:
    make_run(store, "mine")
    nowhere = tmp_path / "new"
    for words, file in (
        (("sample", "mine"), "x.png"), (("attribute", "mine"), "x.png"), (("interpolate", "mine"), "x.mp4"),
        (("export-history", "mine"), "x.gif"), (("export", "mine"), "x.py"),
    ):  # fmt: skip
        message = refused(2, *words, "-o", nowhere / file)
        assert f"{file} can't be written: there is no folder {nowhere}." in message
    [valid] = re.findall(r"extensions: (.*)\.$", refused(2, "sample", "mine", "-o", "x.bmp"))
    assert sorted(valid.split(", ")) == sorted(set(valid.split(", ")))


def test_a_text_file_is_kept_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = f"text:{tmp_path / 'poems.txt'}"
    assert data_name(whole) == data_name("text:poems.txt") == data_name("text:./poems.txt") == whole
    assert data_name("half:text:poems.txt", "sequence") == f"half:{whole}"
    message = refused(2, "train", "text_mle", "--data", "text:poems.txt")
    assert str(tmp_path / "poems.txt") in message
    assert "zip" not in message


def test_a_picture_too_large_for_its_format_is_refused(store: RunStore, tmp_path: Path) -> None:
    ok("train", "mlp_gan", "--data", "digits", "--size", "8", "--steps", "1", "--name", "drawn", *TINY)
    message = refused(2, "sample", "drawn", "-n", "160", "--width", "8192", "-o", tmp_path / "x.webp")
    assert "A WebP image has at most 16,383 pixels a side" in message
    assert not list(tmp_path.glob("x.webp*"))


def test_what_looks_like_a_path_is_refused_as_one(store: RunStore, tmp_path: Path) -> None:
    missing = tmp_path / "photos"
    assert f"There is no folder or zip at {missing}." in refused(2, "train", "dcgan", "--data", missing)
    assert "The file 4x-other.pth doesn't exist." in refused(2, "sample", "4x-other.pth", "-o", "x.png")
    make_run(store, "mine")
    assert "Valid: latest," in refused(2, "sample", "latst", "-o", "x.png")
