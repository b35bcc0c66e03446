"""Sentences about faces, in English and Chinese: composed from attributes, and parsed.

A sentence names some of the visible attributes: "a smiling woman with red hair and no glasses". It is a row of LENGTH
tokens, indices into VOCABULARY; END follows the last word, UNKNOWN replaces a word that isn't in the vocabulary.

In a folder, because `data/sets/avatars.py` versions the cached drawings by the `*.py` files of the folder above.
"""

from gan_core.data.avatars.sentences.composing import MOST_NAMED, NAMEABLE, compose
from gan_core.data.avatars.sentences.reading import (
    END,
    LENGTH,
    MOST_CHARACTERS,
    UNKNOWN,
    Word,
    read,
    read_tokens,
    row_of,
    split,
    tokens,
)
from gan_core.data.avatars.sentences.words import UNSEEN, VOCABULARY, Meaning, seen_in

__all__ = [
    "END",
    "LENGTH",
    "MOST_CHARACTERS",
    "MOST_NAMED",
    "NAMEABLE",
    "UNKNOWN",
    "UNSEEN",
    "VOCABULARY",
    "Meaning",
    "Word",
    "compose",
    "read",
    "read_tokens",
    "row_of",
    "seen_in",
    "split",
    "tokens",
]
