"""Sounds as mel spectrograms and back.

    S = log10(|STFT(x)| M)          x' = GriffinLim(max(0, 10^S M^+))

Waves (B, L) become (B, 1, BANDS, L / HOP) in [-1, 1], low bands last as in a picture; -1 is silence, and 1 about the
maximum of a voice with a peak of 0.95. The mel bands are Slaney's (linear below 1 kHz). The inverse uses their
pseudo-inverse and finds phases by the fast Griffin-Lim algorithm (Perraudin, Balazs, Søndergaard 2013), which starts
from phases of zero and so needs no random numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

WINDOW, HOP, BANDS = 256, 128, 64  # samples of a frame and from one to the next; mel bands
FLOOR, TOP = -1.5, 1.5  # log10 of the magnitudes that become -1 and 1
ITERATIONS, MOMENTUM = 32, 0.99
EDGE = (WINDOW - HOP) // 2  # samples by which the first and the last frame overhang, so that there are L / HOP frames
BINS = WINDOW // 2 + 1


def mel_bands(rate: int) -> np.ndarray:
    """Slaney's triangles, each of height 1: (BINS, BANDS)."""
    hertz = np.linspace(0, rate / 2, BINS)
    edges = _hertz(np.linspace(0, _mels(rate / 2), BANDS + 2))
    rising = (hertz[:, None] - edges[None, :-2]) / np.diff(edges)[:-1]
    falling = (edges[None, 2:] - hertz[:, None]) / np.diff(edges)[1:]
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _mels(hertz: float) -> float:
    return hertz * 15 / 1000 if hertz < 1000 else 15 + math.log(hertz / 1000) * 27 / math.log(6.4)


def _hertz(mels: np.ndarray) -> np.ndarray:
    return np.where(mels < 15, mels * 1000 / 15, 1000 * np.exp((mels - 15) * math.log(6.4) / 27))


@lru_cache(maxsize=8)
def _bands(rate: int) -> tuple[Tensor, Tensor]:
    """Mel bands (BINS, BANDS) and their pseudo-inverse (BANDS, BINS)."""
    bands = mel_bands(rate)
    return torch.from_numpy(bands).float(), torch.from_numpy(np.linalg.pinv(bands)).float()


def _window(like: Tensor) -> Tensor:
    return torch.hann_window(WINDOW, device=like.device, dtype=like.real.dtype)


def stft(waves: Tensor) -> Tensor:
    """(B, L) -> complex (B, L / HOP, BINS)."""
    padded = pad(waves, (EDGE, EDGE))
    # frames of two halves each: (B, L / HOP + 1, HOP) -> (B, L / HOP, WINDOW)
    halves = padded.reshape(waves.shape[0], -1, HOP)
    frames = torch.cat([halves[:, :-1], halves[:, 1:]], 2)
    spectra: Tensor = torch.fft.rfft(frames * _window(waves))
    return spectra


def istft(spectra: Tensor) -> Tensor:
    """The waves (B, T * HOP) whose transform is nearest to complex spectra (B, T, BINS)."""
    window = _window(spectra)
    frames = torch.fft.irfft(spectra, WINDOW) * window  # (B, T, WINDOW)
    weights = _overlapped(window.square().expand(1, spectra.shape[1], WINDOW))
    waves = _overlapped(frames) / weights.clamp(min=1e-3)
    return waves[:, EDGE : waves.shape[1] - EDGE]


def _overlapped(frames: Tensor) -> Tensor:
    """Overlap-adds frames (B, T, WINDOW) with hops of HOP: (B, (T + 1) * HOP)."""
    first, second = frames[:, :, :HOP], frames[:, :, HOP:]
    return (pad(first, (0, 0, 0, 1)) + pad(second, (0, 0, 1, 0))).flatten(1)


def _magnitudes(spectra: Tensor) -> Tensor:
    return (spectra.real.square() + spectra.imag.square() + 1e-12).sqrt()


def spectrograms(waves: Tensor, rate: int) -> Tensor:
    """Waves (B, L), L a multiple of HOP, as log-mel spectrograms (B, 1, BANDS, L / HOP) in [-1, 1]."""
    mels = _magnitudes(stft(waves)) @ _bands(rate)[0].to(waves)  # (B, T, BANDS)
    levels = ((torch.log10(mels + 1e-6) - FLOOR) * 2 / (TOP - FLOOR) - 1).clamp(-1, 1)
    return levels.transpose(1, 2).flip(1)[:, None]


def griffin_lim(pictures: Tensor, rate: int, iterations: int = ITERATIONS) -> Tensor:
    """Spectrograms (B, 1, BANDS, T) in [-1, 1] as waves (B, T * HOP) in [-1, 1]."""
    levels = pictures[:, 0].flip(1).transpose(1, 2).clamp(-1, 1)
    mels = torch.where(levels > -1, 10 ** ((levels + 1) * (TOP - FLOOR) / 2 + FLOOR), 0.0)
    wanted = (mels @ _bands(rate)[1].to(mels)).clamp(min=0)  # (B, T, BINS)
    spectra = wanted.to(torch.complex64 if wanted.dtype != torch.double else torch.complex128)
    before = torch.zeros_like(spectra)
    for _ in range(iterations):
        found = stft(istft(spectra))
        pushed = found - MOMENTUM / (1 + MOMENTUM) * before
        before = found
        spectra = pushed * (wanted / _magnitudes(pushed))
    return istft(spectra).clamp(-1, 1)
