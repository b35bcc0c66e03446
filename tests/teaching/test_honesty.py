"""Base rates, small groups, marks, and the study that the lesson cites."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from gan_core.metrics import density
from gan_core.study.plan import ARMS
from gan_core.teaching import conditioning, honesty
from gan_core.teaching.honesty import AFTER, STUDY, SURE
from serving import answers
from ui.classroom.learn.lessons import harm_and_honesty as lesson
from ui.studio.view import pictures

BENCHMARKS = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def test_bayes_rule_counts_pictures() -> None:
    counts = honesty.of_pictures(100_000, 0.001, 0.99, 0.01)
    assert sum(counts.values()) == pytest.approx(100_000)
    by_rule = honesty.flagged_and_fake(0.001, 0.99, 0.01)
    assert counts["caught"] / (counts["caught"] + counts["wrong"]) == pytest.approx(by_rule)
    assert by_rule == pytest.approx(0.09, abs=5e-4)
    assert honesty.flagged_and_fake(0.5, 0.99, 0.01) == pytest.approx(0.99)
    assert honesty.flagged_and_fake(0.01, 0.99, 0.01) == pytest.approx(0.5)
    assert {0.001, 0.01, 0.5} < set(lesson.SHARES)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_the_cost_of_leaving_a_group_out(share: float) -> None:
    p, q = np.array([1 - share, share]), np.array([1.0, 0.0])
    assert honesty.js_of_dropping(share) == pytest.approx(density.js(p, q))
    random = np.random.default_rng(0).random((20_000, 64))
    assert honesty.batches_without(share, 64) == pytest.approx((random >= share).all(1).mean(), abs=0.01)


def test_the_formula_of_the_lesson() -> None:
    r = 0.01
    known = 0.5 * ((1 - r) * math.log2((1 - r) / (1 - r / 2)) + r - math.log2(1 - r / 2))
    assert honesty.js_of_dropping(r) == pytest.approx(known) == pytest.approx(0.005, abs=5e-5)
    assert honesty.batches_without(r, 64) == pytest.approx(0.53, abs=5e-3)
    assert honesty.js_of_dropping(2 / 40) == pytest.approx(0.025, abs=5e-4)


def picture() -> np.ndarray:
    """The picture that the lesson marks."""
    return lesson.plain_digit()


def test_the_text_is_the_one_that_pictures_have() -> None:
    assert (honesty.KEY, honesty.TEXT) == (pictures.MARK_KEY, pictures.MARK)
    assert answers.MARK == honesty.TEXT
    from PIL import Image

    levels, text = honesty.opened(pictures.marked(Image.fromarray(picture()), least=1))
    assert text == honesty.TEXT
    np.testing.assert_array_equal(levels, picture())


def test_what_happens_to_the_marks() -> None:
    content = honesty.written(honesty.with_pattern(picture(), 3))
    found = {name: honesty.opened(after(content)) for name, after in AFTER.items()}
    assert {name for name, (_levels, text) in found.items() if text} == {"copied"}
    z = {name: honesty.evidence(levels) for name, (levels, _text) in found.items()}
    assert {name for name, value in z.items() if value > SURE} == {"copied", "screenshot", "jpeg", "halved"}
    assert z["jpeg"] == pytest.approx(10.1, abs=0.3)
    assert z["moved"] == pytest.approx(-0.5, abs=0.05)
    back = np.roll(found["moved"][0], -6, axis=1)
    assert honesty.evidence(back) == pytest.approx(z["copied"]) == pytest.approx(10.3, abs=0.05)
    weak = {strength: honesty.with_pattern(picture(), strength) for strength in (1, 2)}
    survived = {strength: honesty.evidence(honesty.opened(AFTER["jpeg"](honesty.written(one)))[0])
                for strength, one in weak.items()}  # fmt: skip
    assert survived[1] < SURE < survived[2]


def test_without_a_pattern_or_its_key_the_evidence_is_normal() -> None:
    marked = honesty.with_pattern(picture(), 3)
    keys = [honesty.evidence(marked, key) for key in range(1, 400)]
    assert np.mean(keys) == pytest.approx(0, abs=0.15)
    assert np.std(keys) == pytest.approx(1, abs=0.15)
    assert honesty.evidence(picture()) < 2
    assert 0.5 * math.erfc(SURE / math.sqrt(2)) == pytest.approx(1 / 30_000, rel=0.1)


def test_the_study_is_that_of_the_benchmarks() -> None:
    rows = re.findall(r"^\| ([^|]+) \| AUC \|((?: [\d.]+ ± [\d.]+ \|){4})$", BENCHMARKS, re.M)
    assert len(rows) == len(STUDY)
    columns = ("real", "classical", "gan", "both")  # of the table
    assert set(columns) == set(ARMS) == set(lesson.ARMS)
    for (name, cells), arms in zip(rows, STUDY.values(), strict=True):
        found = [tuple(map(float, one)) for one in re.findall(r"([\d.]+) ± ([\d.]+)", cells)]
        assert dict(zip(columns, found, strict=True)) == arms, name
    assert [int(re.search(r"\d+", name)[0]) for name, _cells in rows] == [common for common, _rare in STUDY]  # type: ignore[index]
    helped = [arms["classical"][0] - arms["real"][0] for (common, rare), arms in STUDY.items() if common == rare > 20]
    assert (round(min(helped), 3), round(max(helped), 3)) == (0.015, 0.025)
    assert "of ten comparisons by AUC (with or without them, all else equal) none excludes zero" in BENCHMARKS.replace(
        "\n", " "
    )


def test_with_and_without_gan_images_the_intervals_overlap() -> None:
    for arms in STUDY.values():
        for one, other in (("real", "gan"), ("classical", "both")):
            (first, half), (second, other_half) = arms[one], arms[other]
            assert abs(first - second) < half + other_half


def test_the_picture_is_of_the_shelfs_model() -> None:
    assert picture().shape == (28 * lesson.ENLARGED, 28 * lesson.ENLARGED)
    assert conditioning.kept(conditioning.SHELF).samples.shape[-1] == 28
