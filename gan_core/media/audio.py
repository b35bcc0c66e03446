"""Sound: one channel of float samples in [-1, 1], `DataSpec.rate` of them a second."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSpec
from gan_core.disk import replacing
from gan_core.media.base import Medium, Piece, register

PAUSE = 0.25  # seconds of silence between the sounds of one file
WIDTH, WAVE, SPECTRUM = 128, 32, 64  # pixels of a picture: its width, heights of waveform and spectrogram
WINDOW = 256  # samples of a spectrogram's window
FLOOR = -70.0  # dB relative to the loudest, the lowest level drawn
PAPER, INK = (255, 255, 255), (109, 60, 220)
COLOURS = np.array([(20, 16, 45), (92, 30, 120), (190, 60, 100), (250, 150, 60), (252, 250, 190)], np.float64)


def wav(sound: np.ndarray, rate: int) -> bytes:
    """A sound (L,) in [-1, 1] as a WAV file of 16 bits; louder values are clipped."""
    levels = np.rint(np.clip(np.nan_to_num(sound), -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(levels.tobytes())
    return buffer.getvalue()


def picture(sound: np.ndarray) -> np.ndarray:
    """Waveform above spectrogram, low frequencies at the bottom: uint8 (WAVE + SPECTRUM, WIDTH, 3)."""
    return np.concatenate([_waveform(sound), _coloured(levels(sound))])


def levels(sound: np.ndarray) -> np.ndarray:
    """The log-magnitude spectrogram of a sound (L,), float (SPECTRUM, WIDTH) in [0, 1], low frequencies last."""
    hop = max(1, len(sound) // WIDTH)
    padded = np.pad(sound, (WINDOW // 2, WINDOW))
    frames = np.stack([padded[start : start + WINDOW] for start in range(0, hop * WIDTH, hop)])  # (WIDTH, WINDOW)
    magnitudes = np.abs(np.fft.rfft(frames * np.hanning(WINDOW)))[:, 1:]
    bands = magnitudes.reshape(WIDTH, SPECTRUM, -1).mean(2)
    decibels = 20 * np.log10(bands / max(float(bands.max()), 1e-6) + 1e-9)
    return np.asarray((1 - np.maximum(decibels, FLOOR) / FLOOR).T[::-1])


def _waveform(sound: np.ndarray) -> np.ndarray:
    canvas = np.full((WAVE, WIDTH, 3), PAPER, np.uint8)
    for column, part in enumerate(np.array_split(np.clip(sound, -1, 1), WIDTH)):
        if len(part):
            top, bottom = ((1 - value) / 2 * (WAVE - 1) for value in (part.max(), part.min()))
            canvas[int(top) : int(np.ceil(bottom)) + 1, column] = INK
    return canvas


def _coloured(shares: np.ndarray) -> np.ndarray:
    places = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(shares, places, COLOURS[:, channel]) for channel in range(3)], -1).astype(np.uint8)


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Sounds (N, L) as uint8 (N, WAVE + SPECTRUM, WIDTH, 3)."""
    return np.stack([picture(np.nan_to_num(sound)) for sound in samples])


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Spectrograms (N, SPECTRUM * WIDTH / 16): inaudible shifts of the phase have no effect."""
    seen = np.stack([levels(np.nan_to_num(sound)) for sound in samples])  # (N, SPECTRUM, WIDTH)
    small: np.ndarray = seen.reshape(len(seen), SPECTRUM // 4, 4, WIDTH // 4, 4).mean((2, 4))
    return small.reshape(len(seen), -1)


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """Writes all sounds one after the other, with a pause between them, as a WAV file."""
    rest = np.zeros(round(PAUSE * spec.rate), np.float32)
    joined = np.concatenate([part for sound in samples for part in (sound, rest)][:-1])
    with replacing(path) as temporary:
        temporary.write_bytes(wav(joined, spec.rate))


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("sound", wav(sound, spec.rate)) for sound in samples]


AUDIO = register(
    Medium(
        task="audio", words="recordings", types={".wav": "audio/wav"}, pictures=pictures, write=write,
        pieces=pieces, describe=describe,
    )
)  # fmt: skip
