"""The quality and variety of generated texts, from their n-grams.

    BLEU-4       of each text against all references, the mean (Papineni 2002); zero counts are 0.1, as NLTK's method 1
    self-BLEU-4  of each text against all other generated ones (1802.01886): high if texts are alike
    seen         the share of texts that are in the training set word for word

BLEU rewards likely texts and self-BLEU measures their variety, so only the two together are meaningful: the temperature
moves a model along a curve of both (1811.02549), and a better model has a better curve.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

N = 4
SMALL = 0.1  # replaces a count of 0

Text = Sequence[int]
_Highest = dict[tuple[int, ...], tuple[int, int, int]]


def bleu(text: Text, best: Sequence[Counter[tuple[int, ...]]], lengths: Sequence[int]) -> float:
    """BLEU-4 of a text against references; `best` has the highest count of each n-gram in one of them."""
    if not text:
        return 0.0
    logs = []
    for n in range(1, min(N, len(text)) + 1):
        counts = grams(text, n)
        found = sum(min(count, best[n - 1][gram]) for gram, count in counts.items())
        logs.append(math.log((found or SMALL) / sum(counts.values())))
    nearest = min(lengths, key=lambda length: (abs(length - len(text)), length))
    shortness = min(0.0, 1 - nearest / len(text))
    return math.exp(sum(logs) / len(logs) + shortness)


def grams(text: Text, n: int) -> Counter[tuple[int, ...]]:
    """The count of each n-gram in a text."""
    return Counter(tuple(text[start : start + n]) for start in range(len(text) - n + 1))


def most(texts: Sequence[Text]) -> list[Counter[tuple[int, ...]]]:
    """For each n up to 4, the highest count of each n-gram in one of the texts."""
    found: list[Counter[tuple[int, ...]]] = []
    for n in range(1, N + 1):
        best: Counter[tuple[int, ...]] = Counter()
        for text in texts:
            best |= grams(text, n)
        found.append(best)
    return found


def bleu_of(texts: Sequence[Text], references: Sequence[Text]) -> float:
    """The mean BLEU-4 of texts against all references, in [0, 1]."""
    best, lengths = most(references), [len(text) for text in references]
    return float(np.mean([bleu(text, best, lengths) for text in texts]))


def self_bleu(texts: Sequence[Text]) -> float:
    """The mean BLEU-4 of each text against all others, in [0, 1]; low if texts vary."""
    highest = [_two_highest(texts, n) for n in range(1, N + 1)]
    lengths = [len(text) for text in texts]
    found = []
    for place, text in enumerate(texts):
        others = [_of_others(level, place, grams(text, n)) for n, level in enumerate(highest, 1)]
        found.append(bleu(text, others, lengths[:place] + lengths[place + 1 :]))
    return float(np.mean(found))


def _of_others(level: _Highest, place: int, own: Counter[tuple[int, ...]]) -> Counter[tuple[int, ...]]:
    """The highest counts of a text's n-grams in the texts other than number `place`."""
    return Counter({gram: level[gram][2] if level[gram][1] == place else level[gram][0] for gram in own})


def _two_highest(texts: Sequence[Text], n: int) -> _Highest:
    """For each n-gram: its highest count in one text, the index of that text, and the highest count in any other."""
    found: _Highest = {}
    for place, text in enumerate(texts):
        for gram, count in grams(text, n).items():
            first, owner, second = found.get(gram, (0, -1, 0))
            if count > first:
                found[gram] = (count, place, first)
            elif count > second:
                found[gram] = (first, owner, count)
    return found


def seen(texts: Sequence[Text], training: Sequence[Text]) -> float:
    """The share of texts that are in the training set."""
    known = {tuple(text) for text in training}
    return float(np.mean([tuple(text) in known for text in texts]))


def unpadded(tokens: np.ndarray) -> list[list[int]]:
    """Tokens (N, T) as texts without end tokens."""
    return [row[: row.index(0)] if 0 in row else row for row in tokens.tolist()]
