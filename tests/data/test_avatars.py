"""The drawn faces: determined by their attributes alone, and every attribute is visible."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from gan_core.data.avatars import ATTRIBUTES, COLUMN, SIZES, draw_avatar, draw_avatars, sample_attributes, visible
from gan_core.errors import BadValue

NAMES = [attribute.name for attribute in ATTRIBUTES]


def face(**names: str) -> NDArray[np.int64]:
    """A bare-headed base face with brown eyes wide open, and the given values."""
    chosen = {"hair": "crop", **names}
    return np.array([a.values.index(chosen[a.name]) if a.name in chosen else 0 for a in ATTRIBUTES])


def each_value(row: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """The face once with each value of one attribute."""
    rows = np.tile(row, (len(ATTRIBUTES[COLUMN[name]].values), 1))
    rows[:, COLUMN[name]] = np.arange(len(rows))
    return rows


def test_attribute_names_and_values_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for attribute in ATTRIBUTES:
        assert len(set(attribute.values)) == len(attribute.values) >= 2
        assert len(attribute.weights) in (0, len(attribute.values))
        assert attribute.label


def test_sampled_values_are_reproducible_and_in_range() -> None:
    values = sample_attributes(200, seed=3)
    assert values.shape == (200, len(ATTRIBUTES))
    assert values.dtype == np.int64
    assert (values >= 0).all()
    assert (values < [len(a.values) for a in ATTRIBUTES]).all()
    assert np.array_equal(values, sample_attributes(200, seed=3))
    assert not np.array_equal(values, sample_attributes(200, seed=4))
    assert sample_attributes(0, seed=3).shape == (0, len(ATTRIBUTES))


def test_every_value_is_frequent_enough_to_be_learnt() -> None:
    values = sample_attributes(20_000, seed=0)
    for attribute, column in zip(ATTRIBUTES, values.T, strict=True):
        share = np.bincount(column, minlength=len(attribute.values)) / len(column)
        assert share.min() >= 0.03, attribute.name
        np.testing.assert_allclose(share, attribute.probabilities, atol=0.015)


def test_attributes_are_independent() -> None:
    correlation = np.corrcoef(sample_attributes(20_000, seed=1).T)
    assert np.abs(correlation - np.eye(len(ATTRIBUTES))).max() < 0.04


@pytest.mark.parametrize("size", SIZES)
def test_pictures_of_every_size(size: int) -> None:
    values = sample_attributes(3, seed=5)
    pictures = draw_avatars(values, size)
    assert pictures.shape == (3, 3, size, size)
    assert pictures.dtype == np.uint8
    assert np.array_equal(pictures[1], draw_avatar(values[1], size))
    assert pictures.std() > 20


def test_no_faces_give_no_pictures() -> None:
    assert draw_avatars(sample_attributes(0, seed=0), 32).shape == (0, 3, 32, 32)


def test_a_picture_is_the_same_in_another_process() -> None:
    program = (
        "import sys; from gan_core.data.avatars import draw_avatars, sample_attributes;"
        "sys.stdout.buffer.write(draw_avatars(sample_attributes(20, 7)[::-1], 48).tobytes());"
        "assert 'torch' not in sys.modules"
    )
    drawn = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert drawn == draw_avatars(sample_attributes(20, 7), 48)[::-1].tobytes()


def test_sizes_show_the_same_face() -> None:
    values = sample_attributes(20, seed=6)
    large, small = (draw_avatars(values, size).astype(float) for size in (128, 32))
    reduced = large.reshape(20, 3, 32, 4, 32, 4).mean(axis=(3, 5))  # (N, C, H, 4, W, 4) -> (N, C, H, W)
    assert np.abs(reduced - small).mean() < 2


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("name", NAMES)
def test_each_value_looks_different(name: str, size: int) -> None:
    rows = each_value(face(), name)
    # earrings can't be seen under long hair and so on; the base face hides nothing
    assert visible(rows)[:, COLUMN[name]].all()
    pictures = draw_avatars(rows, size).astype(int)
    for index, picture in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert np.abs(picture - other).sum(axis=0).max() > 40  # of 3 * 255


@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_shows_exactly_where_it_is_visible(name: str) -> None:
    rng = np.random.default_rng(0)
    for row in sample_attributes(30, seed=8):
        rows = each_value(row, name)
        shown = visible(rows)[:, COLUMN[name]]
        pictures = draw_avatars(rows, 64)
        hidden = pictures[~shown]
        assert (hidden == hidden[:1]).all()
        first, second = rng.choice(len(rows), 2, replace=False)
        if shown[first] or shown[second]:
            assert not np.array_equal(pictures[first], pictures[second])


def test_what_hides_what() -> None:
    def hidden(**names: str) -> set[str]:
        return {name for name, seen in zip(NAMES, visible(face(**names)), strict=True) if not seen}

    assert hidden() == set()
    assert hidden(hair="bald") == {"hair_colour"}
    assert hidden(hair="bald", beard="full") == set()
    assert hidden(hat="cap") == {"hair"}
    assert hidden(hat="flowers") == set()
    assert hidden(hat="beanie", hair="long") == {"earrings"}
    assert hidden(glasses="sun") == {"eyes", "eye_colour", "gaze"}
    assert hidden(eyes="happy") == {"eye_colour", "gaze"}
    assert visible(sample_attributes(9, seed=0)).shape == (9, len(ATTRIBUTES))


@pytest.mark.parametrize("size", [0, 16, 50, 144])
def test_a_bad_size_names_the_good_ones(size: int) -> None:
    with pytest.raises(BadValue, match=rf"at {size} pixels\. Valid: 32, 48, 64, 80, 96, 112, 128\."):
        draw_avatar(face(), size)


@pytest.mark.parametrize("index", [-1, 5])
def test_a_bad_value_names_the_attribute_and_its_values(index: int) -> None:
    row = face()
    row[COLUMN["mouth"]] = index if index < 0 else 6
    with pytest.raises(BadValue, match=r"Unknown value .* for mouth\. Valid: 0 to 5 \(smile, laugh"):
        draw_avatar(row, 32)
    with pytest.raises(BadValue, match="mouth"):
        visible(row)


@pytest.mark.parametrize("values", [[0, 1], np.zeros(len(ATTRIBUTES)), np.zeros((2, 3), dtype=int), 4])
def test_bad_rows_are_refused(values: object) -> None:
    with pytest.raises(BadValue, match=f"{len(ATTRIBUTES)} whole numbers"):
        draw_avatars(values, 32)  # type: ignore[arg-type]


def test_one_face_is_one_row() -> None:
    with pytest.raises(BadValue, match="whole numbers"):
        draw_avatar(np.stack([face(), face()]), 32)
