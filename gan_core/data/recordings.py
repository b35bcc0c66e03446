"""Sound files of unknown origin as waves: recognised by content, converted to one channel, rate and loudness.

WAV files of any depth are read by SciPy; FLAC, OGG, MP3 and coded WAV files, such as those of telephones, need the
package soundfile (extra `sound`).
"""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import dataclass
from math import gcd

import numpy as np

from gan_core.pictures.decoding import Unusable

RATE, LENGTH = 8000, 8192  # Hz and samples of one sound
PEAK = 0.95  # of each recording after normalisation
MOST_SECONDS = 1800
MOST_BYTES = 512 * 2**20
RATES = (1000, 384_000)  # Hz
SILENT = 0.003  # of full scale: quieter recordings are only noise
QUIET = 0.02  # a piece whose loudness is below this share of the recording's peak is left out
CLIPPED = 0.01  # share of samples at full scale above which a recording counts as clipped
ACCEPTED = "WAV, FLAC, OGG and MP3"
NEEDS_SOUNDFILE = "only WAV files can be read without the package soundfile: pip install 'ganscope[sound]'"

NEEDED_FOR_KIND = "this kind of WAV can't be read without the package soundfile: pip install 'ganscope[sound]'"
WAV = (b"RIFF", b"RIFX", b"RF64")  # how files begin


@dataclass(frozen=True)
class Recording:
    """A wave (L,) at RATE, float32 with a peak of PEAK, and whether it was clipped when it was recorded."""

    wave: np.ndarray
    clipped: bool

    def pieces(self) -> np.ndarray:
        """Sounds (N, LENGTH): a short recording is padded with silence, a longer one cut into pieces, of which silent
        ones are dropped, except the loudest if all are.
        """
        count = max(1, math.ceil(len(self.wave) / LENGTH))
        found = np.pad(self.wave, (0, count * LENGTH - len(self.wave))).reshape(count, LENGTH)
        loudness = np.sqrt(np.square(found).mean(1))
        kept: np.ndarray = found[(loudness >= QUIET * PEAK) | (np.arange(count) == loudness.argmax())]
        return kept


def decode(content: bytes) -> Recording:
    """Decodes a sound file's content; raises Unusable, which states the reason."""
    if len(content) > MOST_BYTES:
        raise Unusable(f"larger than {MOST_BYTES // 2**20} MiB")
    sound, rate = _wav(content) if content[:4] in WAV else _other(content)  # (L, channels)
    if not len(sound):
        raise Unusable("it holds no sound: its length is 0 s")
    if not RATES[0] <= rate <= RATES[1]:
        raise Unusable(f"its rate is {rate:,} Hz; possible are {RATES[0]:,} to {RATES[1]:,}")
    if len(sound) > MOST_SECONDS * rate:
        raise Unusable(f"longer than {MOST_SECONDS // 60} minutes")
    if not np.isfinite(sound).all():
        raise Unusable("it holds values that are NaN or infinite")
    peak = float(np.abs(sound).max())
    if peak < SILENT:
        raise Unusable("it is silent")
    clipped = peak >= 0.99 and float((np.abs(sound) >= 0.999 * peak).mean()) > CLIPPED
    mono = _resampled(sound.mean(1, dtype=np.float64), rate)
    loudest = float(np.abs(mono).max())
    if loudest < SILENT:
        raise Unusable("its channels cancel each other" if sound.shape[1] > 1 else "it is silent below 4 kHz")
    return Recording((mono * (PEAK / loudest)).astype(np.float32), clipped)


def _wav(content: bytes) -> tuple[np.ndarray, int]:
    """Samples (L, channels) in [-1, 1] and their rate."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that SciPy doesn't know
            rate, samples = wavfile.read(io.BytesIO(content))
    except Exception as error:  # SciPy raises various errors for damaged headers
        try:
            return _other(content)  # telephone recordings are coded in ways that SciPy doesn't know
        except Unusable as other:
            if str(other) == NEEDS_SOUNDFILE and "Unknown wave file format" in str(error):
                raise Unusable(NEEDED_FOR_KIND) from error
        raise Unusable(f"damaged ({error or type(error).__name__})") from error
    sound = np.asarray(samples)
    scaled: np.ndarray
    if sound.dtype == np.uint8:
        scaled = (sound.astype(np.float32) - 128) / 128
    elif np.issubdtype(sound.dtype, np.integer):
        scaled = sound.astype(np.float32) / -float(np.iinfo(sound.dtype).min)
    else:
        scaled = sound.astype(np.float32)
    return (scaled[:, None] if scaled.ndim == 1 else scaled), int(rate)


def _other(content: bytes) -> tuple[np.ndarray, int]:
    """Reads other formats with soundfile; little more than MOST_SECONDS, so that a small file can't fill the memory."""
    if not content:
        raise Unusable("it is empty")
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without the library that it wraps
        raise Unusable(NEEDS_SOUNDFILE) from None
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            sound = file.read(frames=(MOST_SECONDS + 1) * file.samplerate, dtype="float32", always_2d=True)
            return sound, int(file.samplerate)
    except (soundfile.SoundFileError, RuntimeError, ValueError, MemoryError) as error:
        raise Unusable(f"not a sound file that can be read; accepted are {ACCEPTED}") from error


def _resampled(mono: np.ndarray, rate: int) -> np.ndarray:
    """Resamples to RATE, without aliasing from above 4 kHz."""
    if rate == RATE:
        return mono
    from scipy.signal import resample_poly

    shared = gcd(rate, RATE)
    return np.asarray(resample_poly(mono, RATE // shared, rate // shared))


def levels(waves: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Waves (N, L) in [-1, 1] as log-mel spectrograms, uint8 (N, 1, 64, L / 128), low bands last."""
    import torch

    from gan_core.layers.spectrum import spectrograms

    with torch.no_grad():
        parts = [spectrograms(part, rate) for part in torch.split(torch.from_numpy(np.asarray(waves, np.float32)), 64)]
        made: np.ndarray = ((torch.cat(parts) + 1) * 127.5).round().to(torch.uint8).numpy()
    return made
