"""Invalid inputs by seed: damaged bytes, swapped JSON values, garbled links."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

# a few in the quick tests; before a release 1,500 for each of seven kinds of input, 10,575 in all
CASES = [
    pytest.param(40, id="few"),
    pytest.param(1500, id="many", marks=[pytest.mark.release, pytest.mark.timeout(900)]),
]
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, -1e308, 1e-320, "", " ", "0", "-1",
    "nan", "inf", "1e999", "x" * 300, "\u0000", "\ud7ff", "ä中", "../../etc/passwd", "<script>", "%s{}", [], {}, [[]],
    [None], {"": None}, [0] * 300,
]  # fmt: skip
PIECES = (
    "", "&", "=", "%", "%zz", "%00", ",", "*", "@", ":", "-", "+", "1e9", "nan", "9" * 40, "PCA 1*2", "@0-99",
    "A" * 500, "中", "é", "\\", "'", '"', "..", "/", ";", "seed", "model", "edits",
)  # fmt: skip


def damaged(content: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """`count` damaged copies: bytes changed, cut out, doubled or added, or the end missing."""
    for case in range(count):
        chance = random.Random(seed * 1_000_003 + case)
        made = bytearray(content)
        for _ in range(chance.choice((1, 1, 2, 8))):
            place, length = chance.randrange(len(made) + 1), chance.choice((1, 2, 8, 64))
            kind = chance.randrange(5)
            if kind == 0:
                made[place : place + length] = bytes(chance.randrange(256) for _ in made[place : place + length])
            elif kind == 1:
                del made[place : place + length]
            elif kind == 2:
                made[place:place] = made[place : place + length]
            elif kind == 3:
                made[place:place] = bytes(chance.randrange(256) for _ in range(length))
            else:
                del made[place:]
        yield bytes(made)


def swapped(value: Any, count: int, seed: int = 0) -> Iterator[Any]:
    """`count` copies of a JSON value in which one to three values are missing, odd, or in another's place."""
    for case in range(count):
        chance = random.Random(seed * 1_000_003 + case)
        made = copy.deepcopy(value)
        for _ in range(chance.choice((1, 1, 2, 3))):
            holder, key = chance.choice(list(_places(made)) or [(None, None)])
            if holder is None:
                made = chance.choice(ODD)
                break
            kind = chance.randrange(4)
            if kind == 0:
                del holder[key]
            elif kind == 1 and isinstance(holder, dict):
                holder[str(chance.choice(ODD))[:40]] = copy.deepcopy(holder[key])
            elif kind == 2:
                other, name = chance.choice(list(_places(made)))
                holder[key] = copy.deepcopy(other[name])
            else:
                holder[key] = copy.deepcopy(chance.choice(ODD))
        yield made


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value, as its container and its key."""
    pairs = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def garbled(texts: list[str], count: int, seed: int = 0) -> Iterator[str]:
    """`count` texts made of parts of the given ones and odd pieces."""
    for case in range(count):
        chance = random.Random(seed * 1_000_003 + case)
        made = chance.choice(texts)
        for _ in range(chance.choice((1, 2, 4, 10))):
            place = chance.randrange(len(made) + 1)
            other = chance.choice(texts)
            start = chance.randrange(len(other) + 1)
            piece = chance.choice((chance.choice(PIECES), other[start : start + chance.randrange(20)]))
            made = made[:place] + piece + made[place + chance.choice((0, 0, 1, 5)) :]
        yield made


def as_json(value: Any) -> bytes:
    """JSON of any value of ODD."""
    return json.dumps(value).encode()
