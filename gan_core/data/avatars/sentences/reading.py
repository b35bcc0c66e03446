"""Sentences as tokens, and what they mean.

`read` finds what a sentence names by its nouns: words before a noun describe it, and a word such as "without" negates
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gan_core.data.avatars.sentences.words import ALONE, BREAKS, DENIED, NOT, NOUNS, VOCABULARY, Meaning
from gan_core.errors import BadValue

LENGTH = 32  # tokens of a sentence
END, UNKNOWN = 0, 1  # tokens
MOST_CHARACTERS = 400  # longest sentence that is parsed

# letters of every script but Chinese; vowel signs from Devanagari to Burmese among them, which \w leaves out
_LETTERS = r"(?:[^\W\d_\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]|[\u0300-\u036f\u0900-\u109f])+"
_RUNS = re.compile(rf"t恤|v领衫|{_LETTERS}(?:-{_LETTERS})*|(?:(?!{_LETTERS})\S)+")
_WORD = re.compile(_LETTERS)
_STOPS = {
    ",": "，",
    ".": "。",
    ";": "，",
    ":": "，",
    "!": "。",
    "?": "。",
    "；": "，",
    "：": "，",
    "！": "。",
    "？": "。",
}


@dataclass(frozen=True)
class Word:
    """A word of a sentence as written, and its index in the vocabulary."""

    text: str
    token: int

    @property
    def known(self) -> bool:
        return self.token != UNKNOWN


def split(text: str, vocabulary: Sequence[str] = VOCABULARY) -> list[Word]:
    """Splits a sentence into words; Chinese into the longest known words, else single characters.

    Raises BadValue for a sentence that is empty or longer than MOST_CHARACTERS.
    """
    if not text.strip():
        raise BadValue("Write a sentence, such as 'a woman with red hair and glasses'.")
    if len(text) > MOST_CHARACTERS:
        raise BadValue(
            "A sentence can have up to {most} characters, not {count}.", most=MOST_CHARACTERS, count=f"{len(text):,}"
        )
    places, longest = _places(tuple(vocabulary))
    found: list[Word] = []
    for run in _RUNS.findall(text.lower()):
        if run in places:
            found.append(Word(run, places[run]))
        elif _WORD.match(run):
            parts = run.split("-")
            known = len(parts) > 1 and all(part in places for part in parts)
            found += [Word(part, places[part]) for part in parts] if known else [Word(run, UNKNOWN)]
        else:
            found += _segmented(run, places, longest)
    return _joined(found, places)


@lru_cache(maxsize=8)
def _places(vocabulary: tuple[str, ...]) -> tuple[Mapping[str, int], int]:
    """The index of each word, and the length of the longest word."""
    places = {word.lower(): place for place, word in enumerate(vocabulary) if place > UNKNOWN}
    return places, max((len(word) for word in places), default=1)


def _segmented(run: str, places: Mapping[str, int], longest: int) -> list[Word]:
    found, start = [], 0
    while start < len(run):
        for stop in range(min(len(run), start + longest), start, -1):
            piece = run[start:stop]
            piece = _STOPS.get(piece, piece)
            if piece in places or stop == start + 1:
                if piece in places or piece.isalnum():
                    found.append(Word(piece, places.get(piece, UNKNOWN)))
                start = stop
                break
    return found


def _joined(found: Sequence[Word], places: Mapping[str, int]) -> list[Word]:
    """Joins two words that are known with a hyphen: "dark brown"."""
    made: list[Word] = []
    for word in found:
        whole = f"{made[-1].text}-{word.text}" if made else ""
        if whole in places:
            made[-1] = Word(whole, places[whole])
        else:
            made.append(word)
    return made


def tokens(text: str, vocabulary: Sequence[str] = VOCABULARY, length: int = LENGTH) -> np.ndarray:
    """A sentence as int64 (length,), truncated if too long; raises BadValue if no word is known."""
    words = split(text, vocabulary)
    if not any(word.known and word.text not in _STOPS.values() for word in words):
        raise BadValue(
            "None of these words is known: {words}. Known are words such as {some}.",
            words=", ".join(word.text for word in words[:8])[:80] or text.strip()[:20],
            some=", ".join(_some(vocabulary)),
        )
    return row_of(words, length)


def _some(vocabulary: Sequence[str]) -> Sequence[str]:
    """Some known words, for a message."""
    faces = (
        "woman",
        "man",
        "red",
        "blonde",
        "hair",
        "glasses",
        "hat",
        "beard",
        "smiling",
        "女人",
        "红色",
        "头发",
        "眼镜",
    )
    if set(faces) <= set(vocabulary):
        return faces
    words = [word for word in vocabulary[UNKNOWN + 1 :] if len(word) > 3]
    return words[:: max(1, len(words) // 12)][:12]


def row_of(words: Sequence[Word], length: int = LENGTH) -> np.ndarray:
    """Words as tokens, int64 (length,), truncated if too long."""
    row = np.zeros(length, np.int64)
    kept = [word.token for word in words][:length]
    row[: len(kept)] = kept
    return row


def read(text: str) -> Meaning:
    """The attributes that a sentence names, each with the values that it allows."""
    return _meaning([word.text if word.known else "" for word in split(text)])


def read_tokens(row: np.ndarray) -> Meaning:
    """The same for a row of tokens."""
    return _meaning([VOCABULARY[token] for token in row if token > UNKNOWN])


def _meaning(words: Iterable[str]) -> Meaning:
    found: Meaning = {}
    before: list[str] = []
    denied = False
    for word in words:
        if word in NOT:
            before, denied = [], True
        elif word in BREAKS:
            before = []
            denied = denied and word in ("and", "、")  # "no glasses and no hat" and "without glasses and hat"
        elif word in ALONE and word not in NOUNS:
            found |= ALONE[word]
        elif word in NOUNS:
            found |= _of_noun(NOUNS[word], before, denied)
            before = []
        else:
            before.append(word)
    return found


def _of_noun(noun: Mapping[str, Meaning], before: Sequence[str], denied: bool) -> Meaning:
    meaning = dict(noun[""])
    for word in before:
        meaning |= noun.get(word, {}) if word else {}
    if denied:
        return {name: (DENIED[name],) for name in meaning if name in DENIED}
    return meaning
