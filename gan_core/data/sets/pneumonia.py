"""PneumoniaMNIST (MedMNIST v2), assembled from two reduced copies that together contain every image.

One has all images with pneumonia and the validation and test parts, the other all normal ones. The training images are
shuffled once, with a fixed seed; their order is not the published one.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from gan_core.data.base import Progress, register
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import npz_arrays
from gan_core.data.prepared import OfArray, Pictures
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import Origin

LICENCE = "CC BY 4.0 (MedMNIST v2)"
FOLDER, NPZ = "PneumoniaMNIST", "pneumoniamnist_28.npz"
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


def _pictures(files: list[Path], part: str) -> Pictures:
    images, labels = npz_arrays(files[0], f"{part}_images", f"{part}_labels")
    return Pictures(len(images), OfArray(images), labels)


PNEUMONIA = register(
    from_files(
        name="pneumonia",
        title="Chest X-rays (PneumoniaMNIST)",
        about="4,708 children's chest X-rays, normal or with pneumonia. Not for diagnosis.",
        licence=LICENCE,
        size=28,
        channels=1,
        items=4708,
        class_names=CLASSES,
        train=Layout((f"{FOLDER}/{NPZ}",), partial(_pictures, part="train")),
        test=Layout((f"{FOLDER}/{NPZ}",), partial(_pictures, part="test")),
        published="pneumonia",
    )
)

register_published(
    Published(
        name="pneumonia",
        title=PNEUMONIA.title,
        licence=f"{LICENCE}; cite Yang et al. 2023; not for diagnosis",
        origins=(ILL.origin, NORMAL.origin),
        folder=FOLDER,
        npz=NPZ,
        size=6_036_508,
        convert=convert,
        digest="5b0a6a89b90b203ce9664e20785d0c44fd1fc84eaf60eb0d65fb4d4ef8ed0974",
        first={
            ILL: "a554d2332488d3ddc075125e66a1af77ec379fd2bafc09108ab95a37e2bd9c26",
            NORMAL: "f36c2b3e34de9d60c5c734118bc6daff281eaf76b67a57d26ad958da948274b0",
        },
    )
)
