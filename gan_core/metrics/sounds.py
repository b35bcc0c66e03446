"""Measurements of sounds: digit and speaker by a feature net, loudness, and the nearest real sounds.

The net was trained on spectrograms (`spoken_digits_pictures`), so sounds are converted to these (layers/spectrum.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan_core.data.base import sources
from gan_core.data.recordings import levels
from gan_core.errors import BadCheckpoint
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models import listing

# the set of spectrograms with labels for digit and speaker
LEARNT = next(source.name for source in sources if source.attributes.keys() == {"digit", "speaker"})
SILENT = 0.05  # of the loudness of real sounds, below which a sound counts as silent


@dataclass(frozen=True, eq=False)
class Heard:
    """A net's answers for N sounds: `answers` int64 (N, questions) and their probabilities, in [0, 1]."""

    questions: tuple[str, ...]
    answers: np.ndarray
    sure: np.ndarray

    def share(self, question: str, wanted: np.ndarray | int) -> float:
        """The share of sounds with the wanted answer, (N,) or one for all."""
        return float((self.answers[:, self.questions.index(question)] == wanted).mean())


def judge_name() -> str:
    """The model on the shelf that judges sounds; "" if there is none."""
    cards, _ = listing.survey()
    return next((name for name, card in cards.items() if card.task == "supervised" and card.data == LEARNT), "")


def judge() -> FeatureNet:
    """That model; raises BadCheckpoint if there is none."""
    name = judge_name()
    if not name:
        raise BadCheckpoint(
            "No model here recognises sounds. Train one: `ganscope train feature_net --data {data} --size {size}`",
            data=LEARNT, size=sources.get(LEARNT).size,
        )  # fmt: skip
    return FeatureNet.from_shelf(name)


def hear(net: FeatureNet, waves: np.ndarray, rate: int) -> Heard:
    """The answers of `net` for waves (N, L); raises BadData for another length than it was trained on."""
    parts = [net.split(probabilities) for _, probabilities in net.predict(levels(waves, rate))]
    joined = [np.concatenate([part[name] for part in parts]) for name in net.questions]
    answers, sure = (np.stack([one(shares, 1) for shares in joined], 1) for one in (np.argmax, np.max))
    return Heard(tuple(net.questions), answers, sure)


def loudness(waves: np.ndarray) -> np.ndarray:
    """The root mean square of each sound, (N,)."""
    found: np.ndarray = np.sqrt(np.square(waves.astype(np.float64)).mean(1))
    return found


def silent_share(waves: np.ndarray, real: np.ndarray) -> float:
    """The share of sounds that are silent compared with real ones."""
    return float((loudness(waves) < SILENT * loudness(real).mean()).mean())


def nearest(sound: np.ndarray, known: np.ndarray, count: int, rate: int) -> Sequence[int]:
    """The indices of the real sounds, `described`, that are most similar to a sound (L,), the nearest first."""
    distances = np.square(known - described(sound[None], rate)).sum(1)
    return [int(place) for place in np.argsort(distances, kind="stable")[:count]]


def described(waves: np.ndarray, rate: int) -> np.ndarray:
    """Waves (N, L) as blurred spectrograms, which tolerate shifts of a few milliseconds, (N, L / 128 * 4)."""
    pictures = levels(waves, rate)
    count, _, height, width = pictures.shape
    whole = pictures[:, 0, :, : width // 4 * 4].astype(np.float32)
    small: np.ndarray = whole.reshape(count, height // 4, 4, width // 4, 4).mean((2, 4))
    return small.reshape(count, -1)
