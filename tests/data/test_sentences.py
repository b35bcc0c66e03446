"""Sentences about faces: composed sentences are read back correctly; unknown words are reported."""

from __future__ import annotations

import numpy as np
import pytest

from gan_core.data.avatars import sentences
from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN, sample_attributes, visible
from gan_core.data.sets import avatars_captions
from gan_core.errors import BadValue

ROWS = sample_attributes(300, 7)
SEEN = visible(ROWS)


@pytest.mark.parametrize("chinese", [False, True])
def test_composed_sentences_are_true_visible_and_known(chinese: bool) -> None:
    random = np.random.default_rng(0)
    named, texts = set(), set()
    for row, seen in zip(ROWS, SEEN, strict=True):
        text = sentences.compose(row, seen, random, chinese)
        words = sentences.split(text)
        assert all(word.known for word in words), text
        assert len(words) <= sentences.LENGTH
        meaning = sentences.read(text)
        assert 1 <= len(meaning) <= sentences.MOST_NAMED, text
        assert sentences.read_tokens(sentences.tokens(text)) == meaning
        for name, values in meaning.items():
            assert seen[COLUMN[name]]
            assert ATTRIBUTES[COLUMN[name]].values[row[COLUMN[name]]] in values, text
        named |= meaning.keys()
        texts.add(text)
    assert named == set(sentences.NAMEABLE)
    assert len(texts) > 0.9 * len(ROWS)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a woman with red hair and glasses", {"hair_colour": ("copper",), "glasses": ("round", "square")}),
        ("A man, no hat and no beard!", {"hat": ("none",), "beard": ("none",)}),
        ("without glasses or a hat, long hair", {"glasses": ("none",), "hat": ("none",), "hair": ("long",)}),
        ("dark brown hair, blue eyes", {"hair_colour": ("dark brown",), "eye_colour": ("blue",)}),
        ("a blue shirt on a blue background", {"shirt": ("denim",), "background": ("sky",)}),
        ("一个红色长发的女人，没有眼镜", {"hair": ("long",), "hair_colour": ("copper",), "glasses": ("none",)}),
        ("穿白色T恤的男孩", {"clothes": ("t-shirt",), "shirt": ("cream",)}),
        ("戴着圆框眼镜、微笑的人", {"glasses": ("round",), "mouth": ("smile",)}),
    ],
)
def test_sentences_are_read(text: str, meaning: sentences.Meaning) -> None:
    assert sentences.read(text) == meaning


def test_unknown_words_are_marked_and_the_others_kept() -> None:
    words = sentences.split("a wizard with red hair 和魔杖")
    assert [word.text for word in words if not word.known] == ["wizard", "魔", "杖"]
    row = sentences.tokens("a wizard with red hair")
    assert row[1] == sentences.UNKNOWN
    assert sentences.read_tokens(row) == {"hair_colour": ("copper",)}


@pytest.mark.parametrize("text", ["", "   \n", "。"])
def test_empty_sentences_are_refused(text: str) -> None:
    with pytest.raises(BadValue, match=r"Write a sentence|None of these words"):
        sentences.tokens(text)


def test_ten_thousand_characters_are_refused() -> None:
    with pytest.raises(BadValue, match="up to 400 characters, not 10,000"):
        sentences.tokens("red hair, " * 1000)


@pytest.mark.parametrize(
    "text", ["qwertz asdf", "рыжая женщина", "امرأة بشعر أحمر", "赤い髪の女性です", "12345 !?", "<b>&amp;</b>"]
)
def test_unknown_words_alone_and_other_scripts_are_refused_with_examples(text: str) -> None:
    if text == "赤い髪の女性です":  # no word of it is one of ours either
        assert not [word for word in sentences.split(text) if word.known]
    with pytest.raises(BadValue, match=r"None of these words is known: .*red, blonde, hair"):
        sentences.tokens(text)


def test_an_unknown_script_is_named_by_its_words() -> None:
    with pytest.raises(BadValue, match=r"known: рыжая, женщина\. Known are"):
        sentences.tokens("рыжая женщина")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Рыжая женщина в очках.", ["рыжая", "женщина", "в", "очках", "。"]),
        ("une femme à lunettes, décoiffée", ["une", "femme", "à", "lunettes", "，", "décoiffée"]),
        ("めがねの女性", ["めがねの", "女", "性"]),
        ("लाल बाल", ["लाल", "बाल"]),
        ("빨간 머리 red hair", ["빨간", "머리", "red", "hair"]),
        ("红色hat", ["红色", "hat"]),
    ],
)
def test_words_of_other_scripts_stay_whole(text: str, words: list[str]) -> None:
    assert [word.text for word in sentences.split(text)] == words


def test_a_long_sentence_is_cut() -> None:
    row = sentences.tokens("red hair and " * 20)
    assert row.shape == (sentences.LENGTH,)
    assert (row > sentences.END).all()


def test_rare_pairs_are_in_the_test_part_alone_and_named_there() -> None:
    rows, wanted = avatars_captions.for_testing(60)
    assert not sentences.seen_in(rows[:30]).any()
    assert sentences.seen_in(rows[30:]).all()
    captions = avatars_captions.captions(rows, 1, wanted)
    assert captions.shape == (60, avatars_captions.SENTENCES, sentences.LENGTH)
    for place in range(30, 60):
        for row in captions[place]:
            assert set(wanted[place]) <= sentences.read_tokens(row).keys()
    training = sample_attributes(4000, 0)
    assert 0.05 < sentences.seen_in(training).mean() < 0.15
