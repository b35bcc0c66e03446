"""A generator conditioned on a class, a discriminator with or without the class, and whether G obeys.

Joint distributions of class and place are arrays (classes, places) that sum to 1: p of the data, q of the generator.

    V(D, G) = E_{x,y}[log D(x|y)] + E_{z,y}[log(1 - D(G(z|y)|y))]        (1411.1784, equation 2)

The lesson's matrices are of real models: of the preset `cgan/digits` during training, unchanged and with a
discriminator whose class input is 0, and of the shelf's `cgan.mnist`. They take minutes and torch, so they are stored
in `obedience.json`; `python -m benchmarks.obedience` recomputes them, and a test measures the shelf's again.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gan_core.models.sampler import Sampler
    from gan_core.runs.store import RunStore

KEPT = Path(__file__).with_name("obedience.json")
CLASSES = 10
NONE = CLASSES  # the answer "no digit", from a recogniser that has it
STEPS = (0, 50, 100, 200, 400, 1000, 4000)  # of the preset
EACH, SHOWN = 200, 4  # samples of each class, and shown ones
SEEING, BLIND, SHELF, REAL = "seeing", "blind", "shelf", "real"
SEEDS = {SEEING: (0,), BLIND: (0, 1, 2)}  # of the first weights
MODEL, NET = "cgan.mnist", "features.mnist"
RECIPE, PRESET = "cgan", "digits"
SMALL = 8  # pixels of the preset's digits


# --- the game --------------------------------------------------------------------------------------------------------


def best(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """D*(x|y) = p(x|y) / (p(x|y) + q(x|y)); 1/2 where both are 0."""
    found: np.ndarray = np.divide(p, p + q, out=np.full_like(p, 0.5), where=p + q > 0)
    return found


def value(p: np.ndarray, q: np.ndarray, d: np.ndarray) -> float:
    """V: E_{x,y}[log D] + E_{z,y}[log(1 - D)], for D at each class and place."""
    return float(np.sum(p * _log(d, p)) + np.sum(q * _log(1 - d, q)))


def best_value(p: np.ndarray, q: np.ndarray) -> float:
    """max_D V = -log 4 + 2 E_y[JS(p(x|y), q(x|y))], if both have the same share of each class."""
    middle = (p + q) / 2
    return -float(np.log(4)) + _divergence(p, middle) + _divergence(q, middle)


def unseen(joint: np.ndarray) -> np.ndarray:
    """The input of a discriminator without the class: the sum over classes, (1, places)."""
    found: np.ndarray = joint.sum(0, keepdims=True)
    return found


def _log(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """log, and 0 where its weight is 0."""
    found: np.ndarray = np.log(np.where(weights > 0, values, 1.0))
    return found


def _divergence(one: np.ndarray, other: np.ndarray) -> float:
    """KL(one || other), in nats."""
    return float(np.sum(one * (_log(one, one) - _log(other, one))))


# --- whether it obeys ------------------------------------------------------------------------------------------------


def obedience_matrix(asked: np.ndarray, recognised: np.ndarray) -> np.ndarray:
    """M[i, j], the share of samples asked to be i that are recognised as j, (10, 11); the last column is "no digit"."""
    counts = np.zeros((CLASSES, CLASSES + 1))
    np.add.at(counts, (asked, recognised), 1)
    found: np.ndarray = counts / np.maximum(1, counts.sum(1, keepdims=True))
    return found


def obedience(matrix: np.ndarray) -> float:
    """The mean of the diagonal: 1 if every sample has the requested class, 0.1 by chance."""
    return float(np.mean(np.diagonal(matrix)))


def digits_made(matrix: np.ndarray) -> float:
    """The share of samples that are recognised as any digit."""
    return float(1 - matrix[:, NONE].mean())


@dataclass(frozen=True)
class Seen:
    """A matrix (10, 11), and some of the samples by class, uint8 (10, SHOWN, H, W)."""

    matrix: np.ndarray
    samples: np.ndarray

    @property
    def rejects(self) -> bool:
        """Whether the recogniser has the answer "no digit"; the net for 28 pixels lacks it."""
        return bool(self.samples.shape[-1] == SMALL)


@cache
def kept(who: str, step: int = STEPS[-1], seed: int = 0) -> Seen:
    """The stored results of SEEING or BLIND at one of STEPS, of the SHELF's model, or of REAL digits of MNIST."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))[who]
    found = found[str(seed)][str(step)] if who in (SEEING, BLIND) else found
    side = found["side"]
    pixels = np.frombuffer(zlib.decompress(base64.b64decode(found["samples"])), np.uint8)
    return Seen(np.array(found["matrix"]), pixels.reshape(CLASSES, SHOWN, side, side))


# --- measuring: needs torch, imported on demand -----------------------------------------------------------------------


def measured(sampler: Sampler, each: int = EACH, seed: int = 0) -> Seen:
    """Draws `each` samples of each class of a model of digits and recognises them.

    The digit classifier recognises 8 pixels, the shelf's net 28, which classifies everything as a digit.
    """
    import torch

    from gan_core.pictures.grids import to_uint8

    asked = np.repeat(np.arange(CLASSES), each)
    latents, _labels = sampler.latents(len(asked), seed)
    images = to_uint8(sampler.draw(latents, torch.from_numpy(asked)))[..., 0]  # (N, H, W, 1) -> (N, H, W)
    samples = images.reshape(CLASSES, each, *images.shape[1:])[:, :SHOWN]
    return Seen(obedience_matrix(asked, recognised(images)), samples)


def recognised(images: np.ndarray) -> np.ndarray:
    """The class of each digit, uint8 (N, 8, 8) or (N, 28, 28), or NONE."""
    from gan_core.metrics.digit_classifier import digit_classifier
    from gan_core.metrics.feature_net import FeatureNet

    if images.shape[-1] == SMALL:
        found: np.ndarray = digit_classifier().probabilities(images).argmax(1)
        return found
    return FeatureNet.from_shelf(NET).answers(images[:, None])[:, 0]


def newest_run(store: RunStore) -> str:
    """The newest run of a conditional GAN on the small digits that has a checkpoint; "" for none."""
    for run in store.runs():
        if (run.spec.recipe, run.spec.data, run.spec.size) == (RECIPE, "digits", SMALL) and store.checkpoints(run.id):
            return run.id
    return ""
