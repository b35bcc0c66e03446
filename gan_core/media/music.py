"""Music: MIDI pitches (N, voices, T) at each sixteenth, as piano rolls, MIDI files and sound.

The sound is synthesised from a few sines for each note (additive synthesis), so that no instrument is needed.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSpec
from gan_core.data.voices import BAR, HIGHEST, LOWEST, REST, notes
from gan_core.disk import replacing
from gan_core.errors import BadValue
from gan_core.media.audio import wav
from gan_core.media.base import Medium, Piece, register

RATE = 16_000  # Hz
BEAT = 0.75  # seconds of a quarter note
TICKS = 480  # of a quarter note, in MIDI files
PROGRAM = 19  # General MIDI's church organ
LOUDNESS = 80  # of MIDI notes, 1..127
PARTIALS = (1.0, 0.5, 0.3, 0.12, 0.08)  # loudness of a note's harmonics
FADE_IN, FADE_OUT = 0.02, 0.06  # seconds
CELL, HEIGHT = 5, 2  # pixels of a sixteenth, and of a semitone
INKS = ((196, 50, 80), (224, 140, 20), (20, 130, 100), (60, 70, 190))  # of the voices, the highest first
PAPER, DARK, LINE = (255, 255, 255), (244, 243, 248), (205, 200, 220)
BLACK_KEYS = (1, 3, 6, 8, 10)


def roll(voices: np.ndarray) -> np.ndarray:
    """A piano roll of voices (V, T), high notes at the top, with bar lines: uint8 (pitches * HEIGHT, T * CELL, 3)."""
    length = voices.shape[1]
    low, high = LOWEST - 1, HIGHEST + 1
    rows = np.array([DARK if pitch % 12 in BLACK_KEYS else PAPER for pitch in range(high, low - 1, -1)], np.uint8)
    canvas = np.repeat(np.repeat(rows[:, None], length * CELL, 1), HEIGHT, 0)
    canvas[:, BAR * CELL :: BAR * CELL] = LINE
    for place, voice in enumerate(voices):
        for start, lasts, pitch in notes(voice):
            if low <= pitch <= high:
                top = (high - pitch) * HEIGHT
                canvas[top : top + HEIGHT, start * CELL : (start + lasts) * CELL - 1] = INKS[place % len(INKS)]
    return canvas


def sound(voices: np.ndarray) -> np.ndarray:
    """Voices (V, T) as a wave in [-1, 1], RATE samples a second."""
    step = BEAT / 4
    total = np.zeros(round((voices.shape[1] * step + FADE_OUT) * RATE), np.float64)
    for voice in voices:
        for start, lasts, pitch in notes(voice):
            count = round((lasts * step + FADE_OUT) * RATE)
            time = np.arange(count) / RATE
            hertz = 440 * 2 ** ((pitch - 69) / 12)
            tone = sum(
                loud * np.sin(2 * np.pi * hertz * number * time)
                for number, loud in enumerate(PARTIALS, 1)
                if hertz * number < RATE / 2
            )
            envelope = np.minimum(1, time / FADE_IN) * np.clip((count / RATE - time) / FADE_OUT, 0, 1)
            first = round(start * step * RATE)
            part = total[first : first + count]
            part += (tone * envelope * np.exp(-0.4 * time))[: len(part)]
    return (total / (len(voices) * sum(PARTIALS))).astype(np.float32)


def midi(voices: np.ndarray) -> bytes:
    """Voices (V, T) as a Standard MIDI File of format 1: a track for the tempo, then one for each voice."""
    tempo = b"\x00\xff\x51\x03" + round(BEAT * 1e6).to_bytes(3, "big")
    tracks = [tempo, *(_track(voice, place) for place, voice in enumerate(voices))]
    end = b"\x00\xff\x2f\x00"
    chunks = [b"MTrk" + struct.pack(">I", len(track + end)) + track + end for track in tracks]
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), TICKS) + b"".join(chunks)


def _track(voice: np.ndarray, channel: int) -> bytes:
    content = bytes([0, 0xC0 | channel, PROGRAM])
    now = 0
    for start, lasts, pitch in notes(voice):
        on, off = start * TICKS // 4, (start + lasts) * TICKS // 4
        if not 0 <= pitch <= 127:
            raise BadValue("MIDI pitches are between 0 and 127, not {pitch}.", pitch=pitch)
        content += _time(on - now) + bytes([0x90 | channel, pitch, LOUDNESS])
        content += _time(off - on) + bytes([0x80 | channel, pitch, 0])
        now = off
    rest = len(voice) * TICKS // 4 - now
    return content + (_time(rest) + bytes([0xB0 | channel, 0x7B, 0]) if rest else b"")  # the final rest


def _time(ticks: int) -> bytes:
    """A number in MIDI's variable length: seven bits a byte, the last one's highest bit is 0."""
    found = [ticks & 0x7F]
    while ticks := ticks >> 7:
        found.append(0x80 | (ticks & 0x7F))
    return bytes(found[::-1])


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    return np.stack([roll(voices) for voices in samples])


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Durations of each pitch class in each quarter note, and onsets of notes: (N, T / 4 * 12 + voices * T)."""
    found = []
    for voices in samples:
        quarters = voices.reshape(len(voices), -1, 4)  # (V, T) -> (V, T / 4, 4)
        heard = [np.bincount(part[part != REST] % 12, minlength=12) for part in quarters.swapaxes(0, 1)]
        begins = np.diff(voices, prepend=REST) != 0
        found.append(np.concatenate([np.concatenate(heard) / 4, begins.ravel()]))
    return np.stack(found).astype(np.float32)


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """Writes all passages one after the other, with a bar's rest between them, as MIDI or WAV by the file's ending."""
    pause = np.full((samples.shape[1], BAR), REST)
    joined = np.concatenate([part for voices in samples for part in (voices, pause)][:-1], 1)
    content = midi(joined) if path.suffix.lower() != ".wav" else wav(sound(joined), RATE)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("sound", wav(sound(voices), RATE)) for voices in samples]


MUSIC = register(
    Medium(
        task="music", words="passages", types={".mid": "audio/midi", ".wav": "audio/wav"}, pictures=pictures,
        write=write, pieces=pieces, describe=describe, columns=4, shown=12,
    )
)  # fmt: skip
