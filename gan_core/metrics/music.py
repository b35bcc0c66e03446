"""How generated passages compare with real ones: mistakes that are counted, and the distributions of notes.

    in_key, crossings, parallel_fifths, parallel_octaves, attacks      as `data.voices` counts them
    lengths, intervals      the total variation distance, in [0, 1], to real passages' notes: of how long notes are (in
                            sixteenths, cut at the passage's end), and of the steps of each voice (in semitones)

Each means something only beside what other real passages score, the floor.
"""

from __future__ import annotations

import numpy as np

from gan_core.data.voices import attacks, crossings, in_key, notes, parallels

FARTHEST = 12  # semitones: larger steps count as one


def lengths(passages: np.ndarray) -> np.ndarray:
    """How often notes of passages (N, V, T) have each length 1..T, as shares (T,)."""
    steps = passages.shape[2]
    found = [length for voices in passages for voice in voices for _start, length, _pitch in notes(voice)]
    return _shares(np.bincount(np.array(found, np.int64), minlength=steps + 1)[1:])


def intervals(passages: np.ndarray) -> np.ndarray:
    """How often a voice steps by -12..12 semitones from one note to the next, as shares (25,)."""
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
    """All figures of passages (N, V, T), compared with `real` ones where it takes two."""
    return {
        "in_key": in_key(passages),
        "crossings": crossings(passages),
        "parallel_fifths": parallels(passages),
        "parallel_octaves": parallels(passages, 0),
        "attacks": attacks(passages),
        "lengths": variation(lengths(passages), lengths(real)),
        "intervals": variation(intervals(passages), intervals(real)),
    }
