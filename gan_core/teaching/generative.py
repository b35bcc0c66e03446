"""Samples in one step or in many: the optimal outputs of a VAE's decoder and a diffusion model's denoiser, on a ring.

Both optima are known, because the data are eight round Gaussians of equal weight, with centres c_k and spread s:

    decoder     G(z) = E[x | z] = sum_k P(k | z) c_k          where mode k has the latents N(m_k, spread^2)
    denoiser    E[x | x_t] = sum_k P(k | x_t) (c_k + sqrt(A) s^2 / (A s^2 + 1 - A) (x_t - sqrt(A) c_k))

with x_t = sqrt(A) x + sqrt(1 - A) e, as in `gan_core/objectives/denoising.py`. A trained network can only approximate
them.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from gan_core.teaching.collapse import RING

LEVELS = 200
FIRST, LAST = 0.1, 20.0  # of the rates of noise, times the number of levels
PLACES = np.array([NormalDist().inv_cdf((place + 0.5) / len(RING.centres)) for place in range(len(RING.centres))])


def kept(levels: int = LEVELS) -> np.ndarray:
    """A_t: the share of the data's variance that is left at each level, (levels,)."""
    found: np.ndarray = np.cumprod(1 - np.linspace(FIRST, LAST, levels) / levels)
    return found


def add_noise(points: np.ndarray, noise: np.ndarray, share: float) -> np.ndarray:
    """x_t = sqrt(A) x + sqrt(1 - A) e."""
    found: np.ndarray = np.sqrt(share) * points + np.sqrt(1 - share) * noise
    return found


def clean(noisy: np.ndarray, share: float) -> np.ndarray:
    """E[x | x_t] of noisy points (N, 2): the mean of all clean points that could have led to them."""
    apart = noisy[:, None] - np.sqrt(share) * RING.centres  # (N, 8, 2)
    spread = share * RING.sigma**2 + 1 - share
    weights = softmax(-0.5 * (apart**2).sum(2) / spread)  # P(k | x_t), (N, 8)
    of_modes = RING.centres + np.sqrt(share) * RING.sigma**2 / spread * apart
    found: np.ndarray = (weights[:, :, None] * of_modes).sum(1)
    return found


def noise_in(noisy: np.ndarray, share: float) -> np.ndarray:
    """e = (x_t - sqrt(A) E[x | x_t]) / sqrt(1 - A): the training target of a network."""
    found: np.ndarray = (noisy - np.sqrt(share) * clean(noisy, share)) / np.sqrt(1 - share)
    return found


def descent(steps: int, levels: int = LEVELS) -> list[int]:
    """The levels that sampling visits, from the noisiest down, evenly spread."""
    return [(levels - 1) * (steps - place) // steps for place in range(steps)]


def sample(noise: np.ndarray, steps: int) -> np.ndarray:
    """Points (N, 2) from noise (N, 2), by `steps` passes through the denoiser."""
    shares, path, noisy = kept(), descent(steps), noise
    for place, level in enumerate(path):
        points = clean(noisy, shares[level])
        if place + 1 < steps:
            noisy = add_noise(points, noise_in(noisy, shares[level]), shares[path[place + 1]])
    return points


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    found: np.ndarray = raised / raised.sum(-1, keepdims=True)
    return found


def decoded(latents: np.ndarray, spread: float) -> np.ndarray:
    """G(z) = E[x | z] for latents (N,), (N, 2): where several modes share a latent, a point between them."""
    weights = softmax(-0.5 * ((latents[:, None] - PLACES) / spread) ** 2)  # P(k | z), (N, 8)
    found: np.ndarray = weights @ RING.centres
    return found


def kl_to_normal(mean: np.ndarray, spread: np.ndarray) -> float:
    """KL(N(mean, spread^2) | N(0, 1)) in nats, summed over the latents."""
    return float(0.5 * (mean**2 + spread**2 - 1 - 2 * np.log(spread)).sum())
