"""Texts as data: tokens and back, sets that are made by code, the oracle, chorales, and the user's text file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_core import data
from gan_core.data import voices
from gan_core.data.sets import arithmetic, oracle, shakespeare
from gan_core.data.tokens import decode, encode
from gan_core.data.user import own_text
from gan_core.data.voices import REST
from gan_core.errors import BadData, BadValue

LETTERS = ("", *"abc ")


def test_a_text_is_its_tokens_and_back() -> None:
    tokens = encode("ab ca", LETTERS, 7)
    assert tokens.tolist() == [1, 2, 4, 3, 1, 0, 0]
    assert decode(tokens, LETTERS) == "ab ca"
    words = ("", "red", "hat")
    assert decode(encode("hat  red", words, 3), words) == "hat red"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "The text is empty"), ("abx", r"Unknown token 'x'\. Valid: a b c space"),
        ("a" * 10_000, "has 10000 tokens; at most 7"),
    ],
)  # fmt: skip
def test_texts_that_cannot_be_encoded_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadValue, match=complaint):
        encode(text, LETTERS, 7)


def test_equations_are_checked_exactly() -> None:
    assert all(map(arithmetic.is_right, arithmetic.texts()))
    assert len(set(arithmetic.texts())) == data.source("arithmetic").items == len(data.load("arithmetic"))
    for wrong in ("3+4=8", "3+4=07", "03+4=7", "3+4", "3++4=7", "", "3+4=7=", "4-5=-1", "3*4=12"):
        assert not arithmetic.is_right(wrong)
    assert arithmetic.is_formed("3+4=8")
    assert not arithmetic.is_formed("3+4=")
    tokens = np.stack([encode(text, arithmetic.VOCABULARY, 8) for text in ("3+4=7", "3+4=8", "==", "9-9=0")])
    assert arithmetic.judge(tokens) == {"formed": 0.75, "right": 0.5}
    train, test = data.load("train:arithmetic"), data.load("test:arithmetic")
    both = [{tuple(row) for row in one.arrays["tokens"].tolist()} for one in (train, test)]
    assert not both[0] & both[1]
    assert sum(map(len, both)) == data.source("arithmetic").items


def test_the_oracle_finds_its_own_sequences_the_likeliest() -> None:
    small = oracle.Oracle(20, seed=1)
    drawn = small.draw(1500)
    assert drawn.min() >= 1
    assert drawn.max() <= 20
    assert np.array_equal(drawn, small.draw(1500))
    other = oracle.Oracle(20, seed=2).draw(300)
    own, others = small.surprise(drawn).mean(), small.surprise(other).mean()
    assert own < others - 1
    # the first token's frequencies are those of the first step, and so is its mean surprise (the entropy)
    logs, _state, _cell = small._step(*oracle._beginning(1))
    counted = np.bincount(drawn[:, 0], minlength=21)[1:] / len(drawn)
    np.testing.assert_allclose(counted, np.exp(logs[0]), atol=0.05)
    np.testing.assert_allclose(np.exp(logs).sum(), 1, atol=1e-5)
    ended = drawn[:5].copy()
    ended[:, 3] = 0
    assert (small.surprise(ended) > small.surprise(drawn[:5])).all()


def test_lines_of_shakespeare_are_short_and_different() -> None:
    text = "ROMEO:\nO, she doth teach!\nO, she doth teach!\nay\n" + 30 * "long " + "\nWith 3 numbers\n"
    assert shakespeare.lines_of(text) == ["o, she doth teach!"]
    source = data.source("shakespeare")
    if source.available():
        loaded = data.load("shakespeare")
        assert len(loaded) == source.items
        assert loaded.spec == source.spec(source.size)


SCALE = np.array([60, 62, 64, 65, 67, 69, 71, 72])


def test_notes_keys_and_mistakes_are_counted_by_hand() -> None:
    assert voices.notes(np.array([60, 60, REST, 62])) == [(0, 2, 60), (3, 1, 62)]
    chord = np.repeat(np.array([[67], [64], [60], [48]]), 32, 1)
    tune = np.stack([np.repeat(SCALE, 4), *chord[1:]])
    assert voices.key_of(tune + 2) == (2, True)
    assert np.array_equal(voices.in_c(tune + 2), tune)
    assert np.array_equal(voices.in_c(tune - 5), tune)
    sharp = tune.copy()
    sharp[0, :8] = 61  # 8 of 128 sixteenths
    assert voices.in_key(sharp[None]) == pytest.approx(1 - 8 / 128)
    crossed = chord.copy()
    crossed[1, :8] = 70  # the alto above the soprano in 8 of 32
    assert voices.crossings(crossed[None]) == 0.25
    fifths = chord.copy()
    fifths[0], fifths[1] = 67, 60
    fifths[:2, 16:] += 2  # C-G to D-A
    assert voices.parallels(fifths[None]) == 1
    assert voices.parallels(chord[None]) == 0
    assert voices.parallels(fifths[None, [1, 0, 2, 3]]) == 1  # the same two voices, crossed
    fourths = chord.copy()
    fourths[0], fourths[1] = 60, 65
    fourths[:2, 16:] += 2
    assert voices.parallels(fourths[None]) == voices.parallels(fourths[None, [1, 0, 2, 3]]) == 0
    assert voices.attacks(chord[None]) == 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "The text is empty"), (b" \n\n", "The text is empty"), (b"one line", "at least 10 different lines"),
        (b"same\n" * 50, "not 1"), (b"\xff\xfe\x00", "can't be read"),
        ("".join(chr(0x4E00 + n) for n in range(1100)).encode(), "at most 1000 different characters"),
    ],
)  # fmt: skip
def test_unusable_texts_are_refused_with_a_reason(content: bytes, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(BadData, match=complaint):
        data.load(f"text:{tmp_path / 'mine.txt'}")


def test_a_users_text_is_a_data_set(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(
        "a line of 10,000 characters\n" + "word " * 2000 + "x" * 100 + "\n" + "\n".join(map(str, range(20)))
    )
    name = f"text:{path}"
    assert (data.task_of(name), data.size_of(name)) == ("sequence", own_text.LENGTH)
    loaded = data.load(name)
    assert loaded.arrays["tokens"].shape == (len(loaded), own_text.LENGTH)
    assert loaded.spec == data.source(name).spec(own_text.LENGTH)
    texts = {decode(one, loaded.vocabulary) for one in loaded.arrays["tokens"]}
    assert {"a line of 10,000 characters", "x" * 32, "7"} <= texts
    assert len(data.load(f"test:{name}")) + len(data.load(f"train:{name}")) == len(loaded)
    with pytest.raises(BadData, match="can't be read"):
        data.load("text:/nowhere/at/all.txt")
