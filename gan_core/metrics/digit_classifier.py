"""A classifier of 8x8 digits with an extra class "no digit".

A plain classifier is sure of a third of pure noise images, because it was trained only on digits. This one, a small
convolutional network fitted in seconds (scikit-learn's classifiers did not reach 98 % of real digits and 5 % of blends
at once), has an eleventh class for images that are no digits: noise of several kinds, blends of two digits, digits with
shuffled patches. It is trained on three quarters of scikit-learn's digits; `held_out` returns the rest, and non-digits
made from them, to test the classifier itself. They are chosen at random, and thus by the writers of the
training digits, like generated ones; on new writers' digits a classifier makes more errors.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gan_core import data
from gan_core.compiler import load_compiler_late

NO_DIGIT = 10
SURE = 0.9  # probability above which the classifier is sure
PRIOR = 20.0  # factor by which digits are assumed more common than among the training images
TRAINED_SHARE = 0.75
VARIATIONS = 16  # altered copies of each training digit, besides two of the original
OF_EACH_KIND = 1000  # training images of each kind of noise; four times as many blends, and again with variations
BATCH, EPOCHS, RATE, CHANNELS = 128, 5, 4e-3, 32


@dataclass(frozen=True)
class DigitClassifier:
    """A fitted classifier with the classes 0..9 and NO_DIGIT."""

    network: nn.Sequential

    @torch.no_grad()
    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """(N, 8, 8) uint8 -> (N, 11), the last one for "no digit"."""
        logits: Tensor = self.network(_inputs(images))
        logits[:, NO_DIGIT] -= math.log(PRIOR)
        return logits.softmax(1).numpy()

    @torch.no_grad()
    def features(self, images: np.ndarray) -> np.ndarray:
        """(N, 8, 8) uint8 -> (N, 128), the input of the last layer."""
        found: np.ndarray = self.network[:-1](_inputs(images)).numpy()
        return found

    def sure(self, images: np.ndarray) -> np.ndarray:
        """(N, 8, 8) uint8 -> (N,): the digit if its probability is above SURE, else -1."""
        probabilities = self.probabilities(images)
        best = probabilities.argmax(1)
        return np.where((probabilities.max(1) > SURE) & (best != NO_DIGIT), best, -1)

    def shares(self, images: np.ndarray) -> tuple[float, np.ndarray]:
        """The share of images that are surely digits, and the share of all images for each class, (10,)."""
        found = self.sure(images)
        return float((found >= 0).mean()), np.bincount(found[found >= 0], minlength=10) / len(found)


@functools.cache
def digit_classifier() -> DigitClassifier:
    """The classifier, fitted once per process, deterministically."""
    random = np.random.default_rng(0)
    digits, labels = split()[:2]
    others = no_digits(digits, labels, OF_EACH_KIND, random)
    images = np.concatenate([digits, digits, *[varied(digits, random) for _ in range(VARIATIONS)], others])
    targets = np.concatenate([*[labels] * (2 + VARIATIONS), np.full(len(others), NO_DIGIT)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = _network().to(memory_format=torch.channels_last)
        _fit(network, _inputs(images), torch.from_numpy(targets))
    return DigitClassifier(network.eval().requires_grad_(False))


def _network() -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, CHANNELS, 1), (CHANNELS, 2 * CHANNELS, 2), (2 * CHANNELS, 2 * CHANNELS, 1)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(2 * CHANNELS * 16, 128), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*layers, nn.Linear(128, NO_DIGIT + 1))


def _fit(network: nn.Module, images: Tensor, targets: Tensor) -> None:
    load_compiler_late()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01, fused=True)
    updates = EPOCHS * len(images) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, updates)
    for _ in range(updates):
        chosen = torch.randint(len(images), (BATCH,))
        loss = nn.functional.cross_entropy(network(images[chosen]), targets[chosen])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()


@functools.cache
def split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The classifier's training digits (N, 8, 8) and labels (N,), then the held-out ones."""
    digits = data.load("digits", 8)
    images, labels = digits.arrays["real"][:, 0], digits.arrays["label"]  # (N, 1, H, W) -> (N, H, W)
    order = np.random.default_rng(0).permutation(len(images))
    cut = int(TRAINED_SHARE * len(order))
    return images[order[:cut]], labels[order[:cut]], images[order[cut:]], labels[order[cut:]]


def no_digits(digits: np.ndarray, labels: np.ndarray, each: int, random: np.random.Generator) -> np.ndarray:
    """Images that are no digits, (N, 8, 8) uint8: `each` of every kind of noise, and eight times as many blends."""
    made = [kind(digits, each, random) for kind in NOISES]
    made += [blends(digits, labels, 4 * each, random), varied(blends(digits, labels, 4 * each, random), random)]
    return np.concatenate(made)


def uniform_noise(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Uniformly distributed grey levels."""
    return random.integers(0, 256, (count, 8, 8), dtype=np.uint8)


def pixel_noise(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Each pixel taken from another digit at the same position: the set's mean picture with much noise."""
    chosen = random.integers(0, len(digits), (count, 8, 8))
    rows, columns = np.indices((8, 8))
    return digits[chosen, rows, columns]


def smooth_noise(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Random blobs with a digit's contrast."""
    from scipy.ndimage import gaussian_filter

    spread = random.uniform(0.6, 1.4)
    field = gaussian_filter(random.standard_normal((count, 8, 8)), (0, spread, spread))
    field *= 1 / field.std((1, 2), keepdims=True)
    return _uint8(255 / (1 + np.exp(-3 * (field - random.uniform(-0.2, 0.8, (count, 1, 1))))))


def shuffled_pixels(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """A digit's grey levels at random positions."""
    flat = _some(digits, count, random).reshape(count, 64)
    return random.permuted(flat, axis=1).reshape(count, 8, 8)


def shuffled_patches(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """A digit with its 2x2 squares of pixels shuffled."""
    side, across = 2, 4
    # (N, across, side, across, side) -> (N, across * across, side, side)
    patches = _some(digits, count, random).reshape(count, across, side, across, side).swapaxes(2, 3)
    patches = patches.reshape(count, across * across, side, side)
    moved = np.stack([part[_derangement(len(part), random)] for part in patches])
    return moved.reshape(count, across, across, side, side).swapaxes(2, 3).reshape(count, 8, 8)


def blends(digits: np.ndarray, labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Two digits of different classes, blended in about equal parts."""
    one, other = _two_classes(digits, labels, count, random)
    share = random.uniform(0.4, 0.6, (count, 1, 1))
    return _uint8(share * one + (1 - share) * other)


def plain(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """A uniform grey level, or a faint digit on it."""
    level = random.uniform(0, 255, (count, 1, 1)) * random.integers(0, 2, (count, 1, 1))
    return _uint8(level + random.uniform(0, 0.3, (count, 1, 1)) * _some(digits, count, random))


NOISES = (plain, uniform_noise, pixel_noise, smooth_noise, shuffled_pixels, shuffled_patches)


def varied(digits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Digits slightly rotated, stretched, slanted and shifted, like other handwriting, with a little noise."""
    from scipy.ndimage import affine_transform

    centre = np.array([3.5, 3.5])
    made = []
    for digit in digits.astype(np.float64):
        angle, slant = random.uniform(-0.15, 0.15, 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[random.uniform(0.9, 1.1), slant], [0, random.uniform(0.9, 1.1)]])
        move = random.uniform(-0.5, 0.5, 2)
        made.append(affine_transform(digit, matrix, centre - matrix @ centre + move, order=1))
    contrast = random.uniform(0.9, 1.1, (len(made), 1, 1))
    return _uint8(np.stack(made) * contrast + random.normal(0, 8, (len(made), 8, 8)))


def held_out(count: int = 2000) -> dict[str, np.ndarray]:
    """Images (N, 8, 8) that the classifier wasn't trained on: real digits, noise of every kind, blends."""
    random = np.random.default_rng(1)
    digits, labels = split()[2:]
    noise = [kind(digits, count // len(NOISES), random) for kind in NOISES]
    return {"digits": digits, "noise": np.concatenate(noise), "blends": blends(digits, labels, count, random)}


def _inputs(images: np.ndarray) -> Tensor:
    """(N, 8, 8) uint8 -> (N, 1, 8, 8) in [0, 1]."""
    return torch.from_numpy(images).unsqueeze(1).float().div_(255).contiguous(memory_format=torch.channels_last)


def _uint8(values: np.ndarray) -> np.ndarray:
    levels: np.ndarray = np.rint(values).clip(0, 255).astype(np.uint8)
    return levels


def _some(digits: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    return digits[random.integers(0, len(digits), count)]


def _two_classes(
    digits: np.ndarray, labels: np.ndarray, count: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    one, other = random.integers(0, len(digits), (2, 3 * count))
    apart = np.flatnonzero(labels[one] != labels[other])[:count]
    return digits[one[apart]], digits[other[apart]]


def _derangement(count: int, random: np.random.Generator) -> np.ndarray:
    """A cyclic permutation, without fixed points."""
    order = random.permutation(count)
    moved = np.empty(count, dtype=np.int64)
    moved[order] = np.roll(order, 1)
    return moved
