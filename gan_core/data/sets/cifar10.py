"""CIFAR-10: 50,000 photos of ten classes (Krizhevsky, 2009), the train part of the published set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from gan_core.data.base import register
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import jpeg_stream
from gan_core.data.prepared import OfArray, Pictures
from gan_core.data.published import by_torchvision
from gan_core.data.published.by_torchvision import Download


def _download(folder: Path) -> None:
    """Stores plain arrays: the published files are pickles, which torchvision reads after checking their MD5."""
    train = by_torchvision.torchvision_datasets().CIFAR10(folder, download=True)
    kept = folder / "CIFAR10"
    kept.mkdir()
    np.save(kept / "images.npy", train.data)  # uint8 (N, H, W, 3)
    np.save(kept / "labels.npy", np.asarray(train.targets))
    (folder / train.filename).unlink()
    shutil.rmtree(folder / train.base_folder)


def _arrays(files: list[Path]) -> Pictures:
    images, labels = np.load(files[0], mmap_mode="r"), np.load(files[1])
    return Pictures(len(images), OfArray(images), labels)


register(
    from_files(
        name="cifar10",
        title="CIFAR-10",
        about="50,000 colour photos of animals and vehicles.",
        licence="none stated (A. Krizhevsky, 2009); research and teaching, not commercial",
        size=32,
        channels=3,
        items=50_000,
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        train=(
            Layout(("CIFAR10/cifar10_train_jpeg.npz",), jpeg_stream),
            Layout(("CIFAR10/images.npy", "CIFAR10/labels.npy"), _arrays),
        ),
        download=Download(_download, 510_000_000),
        hub="uoft-cs/cifar10",
    )
)
