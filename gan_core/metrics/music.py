"""Compares generated passages with real ones: counts of mistakes, and the distributions of notes.

    in_key, crossings, parallel_fifths, parallel_octaves, attacks      as counted by `data.voices`
    lengths, intervals      the total variation distance, in [0, 1], to real passages' notes: of their lengths (in
                            sixteenths, cut at the passage's end), and of the intervals of each voice (in semitones)

Each is meaningful only in comparison with the score of other real passages, the floor.
"""

from __future__ import annotations

import numpy as np

from gan_core.data.voices import attacks, crossings, in_key, notes, parallels

FARTHEST = 12  # semitones: larger steps count as one


def lengths(passages: np.ndarray) -> np.ndarray:
    """Shares (T,) of the notes of passages (N, V, T) by length 1..T."""
    steps = passages.shape[2]
    found = [length for voices in passages for voice in voices for _start, length, _pitch in notes(voice)]
    return _shares(np.bincount(np.array(found, np.int64), minlength=steps + 1)[1:])


def intervals(passages: np.ndarray) -> np.ndarray:
    """Shares (25,) of the steps of a voice from one note to the next, -12..12 semitones."""
    found: list[int] = []
    for voices in passages:
        for voice in voices:
            pitches = [pitch for _start, _length, pitch in notes(voice)]
            found.extend(np.clip(np.diff(pitches), -FARTHEST, FARTHEST) + FARTHEST)
    return _shares(np.bincount(np.array(found, np.int64), minlength=2 * FARTHEST + 1))


def _shares(counts: np.ndarray) -> np.ndarray:
    shares: np.ndarray = counts / max(1, counts.sum())
    return shares


def variation(one: np.ndarray, other: np.ndarray) -> float:
    """The total variation distance of two distributions, in [0, 1]."""
    return float(np.abs(one - other).sum() / 2)


def measure(passages: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """All figures of passages (N, V, T), some in comparison with `real` ones."""
    return {
        "in_key": in_key(passages),
        "crossings": crossings(passages),
        "parallel_fifths": parallels(passages),
        "parallel_octaves": parallels(passages, 0),
        "attacks": attacks(passages),
        "lengths": variation(lengths(passages), lengths(real)),
        "intervals": variation(intervals(passages), intervals(real)),
    }
