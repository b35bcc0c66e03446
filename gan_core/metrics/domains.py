"""A classifier's accuracy in each of two domains, and the distribution of its features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

CHUNK = 500  # images at once


@dataclass(frozen=True)
class Domains:
    """Accuracies in [0, 1]: in domains a (with known classes) and b, and of a linear rule between their features."""

    source: float
    target: float
    apart: float


@torch.no_grad()
def looked_at(network: nn.Module, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, d) and predicted classes (N,) of uint8 images (N, C, H, W)."""
    parts = [
        network(torch.from_numpy(images[start : start + CHUNK]).float() / 127.5 - 1)
        for start in range(0, len(images), CHUNK)
    ]
    features, logits = (torch.cat([part[place] for part in parts]).numpy() for place in range(2))
    return features, logits.argmax(1)


def measured(network: nn.Module, a: np.ndarray, b: np.ndarray, labels: np.ndarray) -> Domains:
    """Measures on images uint8 (N, C, H, W) of both domains with the same classes `labels` (N,)."""
    (of_a, said_of_a), (of_b, said_of_b) = looked_at(network, a), looked_at(network, b)
    return Domains(
        float((said_of_a == labels[: len(a)]).mean()), float((said_of_b == labels[: len(b)]).mean()), apart(of_a, of_b)
    )


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """The share of features (N, d) that a least-squares rule, fitted to every second one, assigns to their domain."""
    both = np.concatenate([a, b]).astype(np.float64)
    inputs = np.concatenate([both, np.ones((len(both), 1))], 1)
    truth = np.concatenate([np.ones(len(a)), -np.ones(len(b))])
    weights = np.linalg.lstsq(inputs[::2], truth[::2], rcond=None)[0]
    return float((np.sign(inputs[1::2] @ weights) == truth[1::2]).mean())


def plane(a: Tensor | np.ndarray, b: Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects features (N, d) and (M, d) to their first two principal components, with the largest coordinate 1."""
    both = np.concatenate([np.asarray(a), np.asarray(b)]).astype(np.float64)
    centred = both - both.mean(0)
    _values, axes = np.linalg.eigh(centred.T @ centred)
    places = centred @ axes[:, ::-1][:, :2]
    places = places / max(float(np.abs(places).max()), 1e-9)
    return places[: len(a)], places[len(a) :]
