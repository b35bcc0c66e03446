"""PneumoniaMNIST (MedMNIST v2), put together from two thinned copies that hold every image between them.

One has all images with pneumonia and the validation and test parts, the other all normal ones. The training images are
shuffled once, with a fixed seed; their order is not the published one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gan_core.data.base import Progress
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.origins import Origin

CLASSES = ("normal", "pneumonia")
ILL = Origin("varun19424/pneumonia_mnist", "9361a718d67e8a40f1ef8929db8c5682add8bd70").file("data/pneumoniamnist.npz")
NORMAL = Origin("aksufatih/snn-medmnist", "5df79ab2ac7bf898a8c7bf39830053619defa2f7").file("pneumoniamnist.npz")


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`train_`, `val_` and `test_images` uint8 (N, 28, 28), and `_labels` uint8 (N,): 0 normal, 1 pneumonia."""
    progress(0.0, "Converting X-rays")
    with np.load(NORMAL.place(downloads)) as normal, np.load(ILL.place(downloads)) as ill:
        kept = [_of_class(normal, 0), _of_class(ill, 1)]
        order = np.random.default_rng(0).permutation(sum(map(len, kept)))
        return {
            "train_images": np.concatenate(kept)[order],  # (N, H, W)
            "train_labels": np.repeat(np.arange(2, dtype=np.uint8), [len(images) for images in kept])[order],
            "val_images": ill["val_images"],
            "val_labels": ill["val_labels"][:, 0],  # (N, 1) -> (N,)
            "test_images": ill["test_images"],
            "test_labels": ill["test_labels"][:, 0],  # (N, 1) -> (N,)
            "classes": np.array(CLASSES),
        }


def _of_class(copy: np.lib.npyio.NpzFile, label: int) -> np.ndarray:
    images: np.ndarray = copy["train_images"][copy["train_labels"][:, 0] == label]
    return images
