"""Short lines of Shakespeare's plays, one token per character, in lower case."""

from __future__ import annotations

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.files import files_of, how_to_get
from gan_core.data.tokens import encode_all
from gan_core.errors import BadData

PATTERNS = ("text/tinyshakespeare.txt",)
LENGTH = 24  # characters, at most
LEAST = 8  # characters: shorter lines are mostly names and exclamations
VOCABULARY = ("", *" !',-.:;?abcdefghijklmnopqrstuvwxyz")
ITEMS = 2581  # number of lines
LICENCE = "public domain (Shakespeare); the file is from karpathy/char-rnn, MIT"


def lines_of(text: str) -> list[str]:
    """The distinct lines of at most LENGTH characters except speakers' names, in the order of the plays."""
    lines = (line.strip().lower() for line in text.splitlines() if not line.strip().endswith(":"))
    kept = (line for line in lines if LEAST <= len(line) <= LENGTH and set(line) <= set(VOCABULARY[1:]))
    return list(dict.fromkeys(kept))


def _load(size: int | None, progress: Progress) -> DataSet:
    files = files_of(*PATTERNS)
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name="shakespeare", needs=how_to_get(PATTERNS))
    try:
        lines = lines_of(files[0].read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadData("{path} can't be read ({reason}).", path=files[0], reason=error) from error
    if not lines:
        raise BadData("{path} has no lines of {least} to {most} characters.", path=files[0], least=LEAST, most=LENGTH)
    order = np.random.default_rng(0).permutation(len(lines))
    tokens = encode_all([lines[place] for place in order], VOCABULARY, LENGTH)
    return DataSet("shakespeare", {"tokens": tokens}, licence=LICENCE, vocabulary=VOCABULARY)


register(
    Source(
        name="shakespeare",
        title="Lines of Shakespeare",
        about=f"Different lines of the plays with {LEAST} to {LENGTH} characters, in small letters. Each character is "
        "a token.",
        licence=LICENCE,
        size=LENGTH,
        channels=1,
        items=ITEMS,
        class_names=(),
        load=_load,
        available=lambda: bool(files_of(*PATTERNS)),
        needs=how_to_get(PATTERNS),
        task="sequence",
        shapes={"tokens": (LENGTH,)},
        vocabulary=VOCABULARY,
    )
)
