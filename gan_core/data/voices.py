"""Music for four voices: MIDI pitches (voices, T) at each sixteenth, REST where a voice is silent.

Repeated and held notes aren't distinguished: a note lasts until its pitch changes.
"""

from __future__ import annotations

import numpy as np

REST = -1
NOTHING = -2  # instead of a missing pitch
BAR = 16  # sixteenths
NAMES = ("soprano", "alto", "tenor", "bass")
LOWEST, HIGHEST = 33, 84  # MIDI pitches that networks can generate
SCALE = (0, 2, 4, 5, 7, 9, 11)  # pitch classes of C major, and of A minor
# fit of a pitch class to a key, from its tonic (Krumhansl and Kessler 1982)
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def notes(voice: np.ndarray) -> list[tuple[int, int, int]]:
    """The notes of a voice (T,): start and length in sixteenths, and pitch."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(voice)) + 1])
    lengths = np.diff([*starts, len(voice)])
    return [
        (int(start), int(length), int(voice[start]))
        for start, length in zip(starts, lengths, strict=True)
        if voice[start] != REST
    ]


def key_of(voices: np.ndarray) -> tuple[int, bool]:
    """Tonic 0..11 and whether the key is major: the profile that correlates best with the durations of pitch classes.

    Krumhansl and Schmuckler's method.
    """
    heard = np.bincount(voices[voices != REST] % 12, minlength=12).astype(np.float64)
    if not heard.any() or heard.std() == 0:
        return 0, True
    fits = {
        (tonic, major): float(np.corrcoef(np.roll(profile, tonic), heard)[0, 1])
        for tonic in range(12)
        for major, profile in ((True, MAJOR), (False, MINOR))
    }
    return max(fits, key=lambda key: fits[key])


def in_c(voices: np.ndarray) -> np.ndarray:
    """Transposes to C major or A minor, by at most a tritone."""
    tonic, major = key_of(voices)
    shift = ((0 if major else 9) - tonic + 6) % 12 - 6
    return np.where(voices == REST, REST, voices + shift)


# --- counts -----------------------------------------------------------------------------------------------------------


def in_key(voices: np.ndarray) -> float:
    """The share of sounding sixteenths in the scale of C major, for passages (N, V, T) transposed by `in_c`."""
    sounding = voices[voices != REST]
    return float(np.isin(sounding % 12, SCALE).mean()) if len(sounding) else 0.0


def crossings(voices: np.ndarray) -> float:
    """The share of sixteenths at which a voice is below the next lower voice, for passages (N, V, T)."""
    upper, lower = voices[:, :-1], voices[:, 1:]
    return float(((upper < lower) & (upper != REST) & (lower != REST)).any(1).mean())


def parallels(voices: np.ndarray, interval: int = 7) -> float:
    """The number of moves of two voices from one perfect fifth (octave: 0) to another, for each passage (N, V, T)."""
    count = 0
    for one in range(voices.shape[1]):
        for other in range(one + 1, voices.shape[1]):
            upper, lower = voices[:, one], voices[:, other]
            sounds = (upper != REST) & (lower != REST)
            held = sounds & (np.abs(upper - lower) % 12 == interval)  # whichever of the two is higher
            moved = (np.diff(upper) != 0) & (np.diff(lower) != 0)
            count += int((held[:, :-1] & held[:, 1:] & moved).sum())
    return count / len(voices)


def attacks(voices: np.ndarray) -> float:
    """The mean number of notes that begin in a bar, over bars and voices of passages (N, V, T)."""
    return float(BAR * ((np.diff(voices) != 0) & (voices[:, :, 1:] != REST)).mean())


def judge(voices: np.ndarray) -> dict[str, float]:
    """The function `data.base.Source.judge` for music."""
    return {"in_key": in_key(voices), "crossings": crossings(voices), "parallel_fifths": parallels(voices)}
