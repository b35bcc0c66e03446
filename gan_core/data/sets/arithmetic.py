"""Sums and differences as texts, such as 17+25=42: made by code, and checked exactly.

All a+b and a-b of whole numbers from 0 to MOST whose result isn't negative, in a fixed order; every tenth is the test
part, so that a generator that has learnt to calculate gets those right which it has never seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.tokens import decode, encode_all

MOST = 29
LENGTH = 8  # tokens
VOCABULARY = ("", *"0123456789+-=")
LICENCE = "made by GANscope; free to use"
FORM = re.compile(r"(0|[1-9]\d*)([+-])(0|[1-9]\d*)=(0|[1-9]\d*)")


def texts() -> list[str]:
    """All of them, shuffled with a fixed seed."""
    numbers = range(MOST + 1)
    made = [f"{a}+{b}={a + b}" for a in numbers for b in numbers]
    made += [f"{a}-{b}={a - b}" for a in numbers for b in range(a + 1)]
    return [made[place] for place in np.random.default_rng(0).permutation(len(made))]


def is_formed(text: str) -> bool:
    """Whether a text reads as an equation, right or wrong."""
    return FORM.fullmatch(text) is not None


def is_right(text: str) -> bool:
    """Whether a text is an equation whose result is right."""
    found = FORM.fullmatch(text)
    if found is None:
        return False
    one, sign, other, result = found.groups()
    return (int(one) + int(other) if sign == "+" else int(one) - int(other)) == int(result)


def judge(tokens: np.ndarray, vocabulary: Sequence[str] = VOCABULARY) -> dict[str, float]:
    """The shares of texts (N, T) that are equations, and that are right."""
    read = [decode(one, vocabulary) for one in tokens]
    return {"formed": float(np.mean([*map(is_formed, read)])), "right": float(np.mean([*map(is_right, read)]))}


def _load(size: int | None, progress: Progress) -> DataSet:
    tokens = encode_all(texts(), VOCABULARY, LENGTH)
    return DataSet("arithmetic", {"tokens": tokens}, licence=LICENCE, vocabulary=VOCABULARY)


register(
    Source(
        name="arithmetic",
        title="Arithmetic",
        about=f"Every sum and difference of whole numbers up to {MOST} whose result isn't negative, such as 17+25=42. "
        "Each character is a token. Whether a generated text is right can be checked exactly.",
        licence=LICENCE,
        size=LENGTH,
        channels=1,
        items=(MOST + 1) ** 2 + (MOST + 1) * (MOST + 2) // 2,
        class_names=(),
        load=_load,
        available=lambda: True,
        task="sequence",
        shapes={"tokens": (LENGTH,)},
        vocabulary=VOCABULARY,
        judge=judge,
    )
)
