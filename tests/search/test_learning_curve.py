"""Whether more images help: shares of a data set, their runs, the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core import data
from gan_core.data.parts import held_out, whole
from gan_core.runs.store import RunState, RunStore
from gan_core.search.learning_curve import Point, training_part, verdict
from tests.cli.commands import ok, refused

WORDS = "learning-curve mlp_gan --data digits --steps 12 --samples 100 --set generator_widths=8 --set batch_size=8"


def test_shares_are_every_second_and_fourth_item() -> None:
    whole_set = data.load("train:digits").arrays["real"]
    np.testing.assert_array_equal(data.load("half:train:digits").arrays["real"], whole_set[::2])
    np.testing.assert_array_equal(data.load("quarter:train:digits").arrays["real"], whole_set[::4])
    assert data.source("quarter:digits").items == len(data.load("quarter:digits")) == 450
    assert whole("half:train:digits") == "digits"
    assert held_out("quarter:avatars") == "test:avatars"
    assert training_part("digits") == ("train:digits", "test:digits")
    assert training_part("avatars") == ("avatars", "test:avatars")


def test_a_share_of_ones_own_images(tmp_path: Path) -> None:
    for number in range(20):
        Image.fromarray(np.full((16, 16, 3), 10 * number, np.uint8)).save(tmp_path / f"{number:02}.png")
    kept = data.load(f"half:train:folder:{tmp_path}", 16)
    assert len(kept) == 9  # every second of 20 without every tenth
    assert kept.name.startswith("half:")


def points(*ranges: tuple[float, float]) -> list[Point]:
    return [Point("", 10, "sliced", (low + high) / 2, low, high, "") for low, high in ranges]


def test_a_verdict_needs_intervals_that_do_not_touch() -> None:
    assert verdict(points((4, 5), (2, 3), (1, 1.5))) == "helps"
    assert verdict(points((4, 5), (1, 3), (1, 1.5))) == "no difference"
    assert verdict(points((4, 5), (1, 2), (3, 4))) == "worse"


def test_the_command_trains_three_shares_and_uses_them_again() -> None:
    result = json.loads(ok(*WORDS.split(), "--json"))
    assert [point["share"] for point in result["points"]] == ["quarter", "half", "all"]
    assert [point["images"] for point in result["points"]] == [405, 809, 1618]
    assert all(point["low"] <= point["value"] <= point["high"] for point in result["points"])
    assert result["verdict"] in ("helps", "no difference", "worse")
    runs = RunStore().runs()
    assert {run.state for run in runs} == {RunState.FINISHED}
    assert "1,618" in ok(*WORDS.split())
    assert len(RunStore().runs()) == len(runs)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("learning-curve points --data ring8", "needs a recipe that generates images"),
        ("learning-curve mlp_gan --data digits --samples 3", "between 50 and 100000"),
        ("learning-curve mlp_gan --data nowhere", "nowhere"),
        ("learning-curve mlp_gan --data digits --steps 0", "steps must be at least 1, got 0"),
    ],
)
def test_recipes_without_a_learning_curve_are_refused(words: str, reason: str) -> None:
    assert reason in refused(2, *words.split())
    assert not RunStore().runs()


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    for number in range(30):
        Image.fromarray(np.full((8, 8), 8 * number, np.uint8)).save(tmp_path / f"{number:02}.png")
    words = f"learning-curve mlp_gan --data folder:{tmp_path} --size 8 --steps 2"
    assert "Only 3 images are kept aside" in refused(2, *words.split())
