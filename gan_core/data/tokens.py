"""Texts as tokens: indices of characters or words in a vocabulary, whose first entry "" ends a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gan_core.errors import BadValue

END = 0  # the token after which nothing follows


def vocabulary_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The end, then the sorted characters of texts."""
    return ("", *sorted(set().union(*texts)))


def encode(text: str, vocabulary: Sequence[str], length: int) -> np.ndarray:
    """A text as tokens (length,) int64, padded with the end; raises BadValue for text outside the vocabulary.

    If all tokens are single characters, each character is a token, else each word between spaces.
    """
    parts = list(text) if is_of_characters(vocabulary) else text.split()
    if not parts:
        raise BadValue("The text is empty.")
    if len(parts) > length:
        raise BadValue("The text has {count} tokens; at most {most} are possible.", count=len(parts), most=length)
    places = {token: place for place, token in enumerate(vocabulary)}
    tokens = np.zeros(length, np.int64)
    for place, part in enumerate(parts):
        if part not in places:
            raise BadValue("Unknown token '{token}'. Valid: {valid}.", token=part[:20], valid=_some(vocabulary[1:]))
        tokens[place] = places[part]
    return tokens


def encode_all(texts: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Texts as tokens (N, length); raises like `encode`."""
    return np.stack([encode(text, vocabulary, length) for text in texts])


def decode(tokens: np.ndarray, vocabulary: Sequence[str]) -> str:
    """Tokens (T,) as text, up to the first end."""
    ends = np.flatnonzero(tokens == END)
    kept = [vocabulary[int(token)] for token in (tokens[: ends[0]] if len(ends) else tokens)]
    return ("" if is_of_characters(vocabulary) else " ").join(kept)


def is_of_characters(vocabulary: Sequence[str]) -> bool:
    """Whether each token is one character."""
    return all(len(token) < 2 for token in vocabulary)


def _some(tokens: Sequence[str], most: int = 80) -> str:
    shown = ["space" if token == " " else token for token in tokens[:most]]
    return " ".join(shown) + (" …" if len(tokens) > most else "")
