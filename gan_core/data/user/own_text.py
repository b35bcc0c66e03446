"""A text file of the user's as a data set: `text:PATH`, UTF-8, one text per line.

Lines are split at spaces into pieces of at most LENGTH characters; each character is a token. Duplicates are removed.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.tokens import encode_all, vocabulary_of
from gan_core.data.user.references import TEXT
from gan_core.errors import BadData

LENGTH = 32  # characters of a piece, at most
LEAST = 10  # different pieces
LARGEST = 16 * 2**20  # bytes of a file
MOST_CHARACTERS = 1000  # different ones
LICENCE = "your own"


def is_text(reference: str) -> bool:
    """Whether a data set is a text file."""
    return reference.startswith(TEXT)


def pieces_of(content: str) -> list[str]:
    """The training pieces of a file's content; raises BadData if there are too few pieces or too many characters."""
    if not content.strip():
        raise BadData("The text is empty.")
    found = list(dict.fromkeys(
        piece for line in content.splitlines() for piece in textwrap.wrap(line, LENGTH)
    ))  # fmt: skip
    if len(found) < LEAST:
        raise BadData(
            "A text needs at least {least} different lines or pieces of {length} characters to learn from, not "
            "{count}.",
            least=LEAST, length=LENGTH, count=len(found),
        )  # fmt: skip
    if (count := len(vocabulary_of(found)) - 1) > MOST_CHARACTERS:
        raise BadData(
            "A text can have at most {most} different characters, not {count}.", most=MOST_CHARACTERS, count=count
        )
    return found


def source(reference: str) -> Source:
    """The data set of a reference; raises BadData if the file can't be read or used."""
    path = Path(reference.removeprefix(TEXT)).expanduser()
    try:
        if path.stat().st_size > LARGEST:
            raise BadData("{path} is larger than {most} MiB.", path=path, most=LARGEST // 2**20)
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData("{path} can't be read ({reason}).", path=path, reason=error) from error
    pieces = pieces_of(content)
    vocabulary = vocabulary_of(pieces)

    def load(size: int | None, progress: Progress) -> DataSet:
        order = np.random.default_rng(0).permutation(len(pieces))
        tokens = encode_all([pieces[place] for place in order], vocabulary, LENGTH)
        return DataSet(reference, {"tokens": tokens}, licence=LICENCE, vocabulary=vocabulary)

    return Source(
        name=reference, title=path.name, about="A text of yours, in short pieces.", licence=LICENCE, size=LENGTH,
        channels=1, items=len(pieces), class_names=(), load=load, available=lambda: True, task="sequence",
        shapes={"tokens": (LENGTH,)}, vocabulary=vocabulary,
    )  # fmt: skip
