"""Sequences of an oracle whose distribution is known: a random LSTM, as in SeqGAN (1609.05473, section 5).

    h_t, c_t = LSTM(embedding of y_{t-1}, h_{t-1}, c_{t-1})        p(y_t | y_1 .. y_{t-1}) = softmax(W h_t + b)

All weights are N(0, 1). The oracle's negative log-likelihood of generated sequences (equation 11, as the mean over
tokens, which the authors' code prints) measures the quality of a generator without a learnt judge:

    NLL_oracle = -E_{Y ~ G}[1/T sum_t log p(y_t | y_1 .. y_{t-1})]

It doesn't measure variety: a generator with one likely sequence scores best. `oracle` has 100 tokens; `oracle_5000` is
the published size. Token 0, the end, never occurs.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register

LENGTH = 20
HIDDEN = 32  # also the size of the embedding
ITEMS = 10_000
SIZES = {"oracle": 100, "oracle_5000": 5000}  # tokens
CHUNK = 1000  # sequences computed at once
LICENCE = "made by GANscope; free to use"


class Oracle:
    """The LSTM with random weights from a seed, for tokens 1..count."""

    def __init__(self, count: int, seed: int = 88) -> None:
        random = np.random.default_rng(seed)
        self.count = count
        self.embedding = random.standard_normal((count + 1, HIDDEN), np.float32)  # the first is for the beginning
        self.inputs = random.standard_normal((HIDDEN, 4 * HIDDEN), np.float32)
        self.hidden = random.standard_normal((HIDDEN, 4 * HIDDEN), np.float32)
        self.bias = random.standard_normal(4 * HIDDEN, np.float32)
        self.output = random.standard_normal((HIDDEN, count), np.float32)
        self.output_bias = random.standard_normal(count, np.float32)

    def _step(self, token: np.ndarray, state: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, ...]:
        """-> log-probabilities of the next token (N, count), state and cell (N, HIDDEN)."""
        gates = self.embedding[token] @ self.inputs + state @ self.hidden + self.bias
        entry, keep, new, exit_ = np.split(gates, 4, 1)
        cell = _sigmoid(keep) * cell + _sigmoid(entry) * np.tanh(new)
        state = _sigmoid(exit_) * np.tanh(cell)
        logits = state @ self.output + self.output_bias
        top = logits.max(1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True)), state, cell

    def draw(self, count: int, seed: int = 0) -> np.ndarray:
        """Sequences (count, LENGTH) of tokens 1..self.count, int64."""
        random, parts = np.random.default_rng(seed), []
        for start in range(0, count, CHUNK):
            rows = min(CHUNK, count - start)
            token, state, cell = _beginning(rows)
            tokens = np.zeros((rows, LENGTH), np.int64)
            for place in range(LENGTH):
                logs, state, cell = self._step(token, state, cell)
                sums = np.cumsum(np.exp(logs), 1)
                below = sums < random.random((rows, 1)) * sums[:, -1:]
                token = tokens[:, place] = np.minimum(below.sum(1) + 1, self.count)
            parts.append(tokens)
        return np.concatenate(parts)

    def surprise(self, tokens: np.ndarray) -> np.ndarray:
        """-log p of sequences (N, T), the mean over their tokens in nats, (N,).

        An end, which the oracle never generates, counts as a probability of 10^-6.
        """
        found = []
        for start in range(0, len(tokens), CHUNK):
            rows = tokens[start : start + CHUNK]
            token, state, cell = _beginning(len(rows))
            total = np.zeros(len(rows))
            for place in range(rows.shape[1]):
                logs, state, cell = self._step(token, state, cell)
                token = rows[:, place]
                said = logs[np.arange(len(rows)), np.maximum(token, 1) - 1]
                total -= np.where(token > 0, said, np.log(1e-6))
            found.append(total / rows.shape[1])
        return np.concatenate(found)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    squashed: np.ndarray = 1 / (1 + np.exp(-values))
    return squashed


def _beginning(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nothing = np.zeros((rows, HIDDEN), np.float32)
    return np.zeros(rows, np.int64), nothing, nothing


@lru_cache(maxsize=2)
def oracle(name: str) -> Oracle:
    """The oracle of a data set."""
    return Oracle(SIZES[name])


def _judge(name: str, tokens: np.ndarray) -> dict[str, float]:
    return {"nll_oracle": float(oracle(name).surprise(tokens).mean())}


def _vocabulary(count: int) -> tuple[str, ...]:
    return ("", *(f"w{number}" for number in range(1, count + 1)))


def _load(name: str, size: int | None, progress: Progress) -> DataSet:
    tokens = oracle(name).draw(ITEMS)
    progress(1.0, "Drawing sequences")
    return DataSet(name, {"tokens": tokens}, licence=LICENCE, vocabulary=_vocabulary(SIZES[name]))


for _name, _count in SIZES.items():
    register(
        Source(
            name=_name,
            title=f"Oracle of {_count:,} words",
            about=f"{ITEMS:,} sequences of {LENGTH} words that a random LSTM draws. Because its probabilities are "
            "known, it is known how likely any generated sequence is. The words have no meaning.",
            licence=LICENCE,
            size=LENGTH,
            channels=1,
            items=ITEMS,
            class_names=(),
            load=partial(_load, _name),
            available=lambda: True,
            task="sequence",
            shapes={"tokens": (LENGTH,)},
            vocabulary=_vocabulary(_count),
            judge=partial(_judge, _name),
        )
    )
