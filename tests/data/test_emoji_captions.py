"""Emoji with sentences: what the sentences say, which words are known, parts that share no emoji, and bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_core.data import load, source
from gan_core.data.avatars import sentences
from gan_core.data.sets import emoji_captions
from gan_core.data.sets.emoji import places_of
from gan_core.data.sets.emoji_captions import LENGTH, NAME, SENTENCES, VOCABULARY, captions, known_words
from gan_core.errors import BadData, BadValue


def words_of(row: np.ndarray) -> str:
    return " ".join(VOCABULARY[token] for token in row if token)


def test_sentences_are_the_name_the_keywords_and_some_of_both() -> None:
    rows = captions(["red heart", "yo-yo"], ["emotion, heart, love", "toy"], seed=1)
    assert rows.shape == (2, SENTENCES, LENGTH)
    assert words_of(rows[0, 0]) == "red heart"
    assert words_of(rows[0, 1]) == "red heart emotion heart love"
    assert set(words_of(rows[1, 1]).split()) == {"?", "toy"}  # too rare to be known
    others = {words_of(row) for row in rows[0, 2:]}
    assert all(set(text.split()) <= {"red", "heart", "emotion", "love"} for text in others)
    assert np.array_equal(rows, captions(["red heart", "yo-yo"], ["emotion, heart, love", "toy"], seed=1))


def test_the_vocabulary_is_that_of_words_which_are_not_rare() -> None:
    assert known_words(["a b b", "b c", "c 10"]) == ("b", "c")
    assert VOCABULARY[:2] == ("", "?")
    assert list(VOCABULARY[2:]) == sorted(set(VOCABULARY[2:]))
    with pytest.raises(BadValue, match=r"is known: qwertz\. Known are words such as abcd,"):
        sentences.tokens("qwertz", VOCABULARY, LENGTH)


def test_no_emoji_of_the_test_part_is_learnt_from(real_data: Path) -> None:
    train, test = load(NAME, 16), load(f"test:{NAME}", 16)
    declared = source(NAME)
    assert (len(train), len(test)) == (declared.items, 306)
    assert train.spec == declared.spec(16)
    assert train.arrays["real"].shape == (2770, 3, 16, 16)
    half = len(test) // 2
    assert np.array_equal(test.arrays["caption"][:half], test.arrays["caption"][half:])  # as two makers draw them
    assert not np.array_equal(test.arrays["real"][:half], test.arrays["real"][half:])
    with np.load(real_data / emoji_captions.PATTERNS[0]) as packed:  # which reads an array anew each time
        file = {name: packed[name] for name in ("codes", "names", "tags", "tones")}
    plain = np.flatnonzero(file["tones"] == 0)
    places = plain[places_of(file["codes"][plain].tolist(), "train")]
    texts = [f"{file['names'][place]} {file['tags'][place]}" for place in places]
    assert known_words(texts) == VOCABULARY[2:]
    shown = {file["codes"][place] for place in places}
    hidden = plain[places_of(file["codes"][plain].tolist(), "test")]
    assert shown.isdisjoint(file["codes"][hidden])


def test_a_missing_or_damaged_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadData, match=r"'emoji_captions' isn't here\. Run `ganscope data get emoji`"):
        load(NAME)
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path))
    place = tmp_path / emoji_captions.PATTERNS[0]
    place.parent.mkdir()
    place.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(BadData, match="can't be read"):
        load(NAME)
    np.savez(place, noto=np.zeros((2, 64, 64, 3), np.uint8))
    with pytest.raises(BadData, match="can't be read"):
        load(NAME)
