"""MNIST, Fashion-MNIST, CIFAR-10 and CelebA: from `GANSCOPE_DATA`, else downloaded by torchvision.

A set is its train part; the test part of MNIST and Fashion-MNIST can be had too, for measuring.

torchvision only downloads, unpacks and checks. What it leaves is read without it, so that torch isn't imported again.
"""

from __future__ import annotations

import gzip
import importlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.prepared import Pictures, of_array, prepare
from gan_core.data.shared_sets import jpeg_stream
from gan_core.data.user.archives import seen
from gan_core.errors import BadData, StoreError
from gan_core.paths import data_home, home
from gan_core.pictures.decoding import in_threads

STALL = 60.0  # seconds without a new byte after which a download is given up
CELEBA_TRAIN = 162_770  # the train part is the first so many of the numbered files

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@dataclass(frozen=True)
class Layout:
    """One way in which a set lies in a folder: the files that must be there, and how they are read."""

    files: tuple[str, ...]
    read: Callable[[list[Path]], Pictures]


def _idx(path: Path) -> np.ndarray:
    """The array of a gzipped idx file of bytes: dimensions as big-endian 32-bit numbers, then the values."""
    with gzip.open(path) as file:
        content = file.read()
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an idx file of bytes")
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape.tolist())


def _mnist(files: list[Path]) -> Pictures:
    images, labels = _idx(files[0]), _idx(files[1])
    return Pictures(len(images), of_array(images), labels)


def _cifar10_jpeg(files: list[Path]) -> Pictures:
    return jpeg_stream(files[0])


def _cifar10(files: list[Path]) -> Pictures:
    images, labels = np.load(files[0], mmap_mode="r"), np.load(files[1])
    return Pictures(len(images), of_array(images), labels)


def _celeba(files: list[Path]) -> Pictures:
    """The aligned photos of 178x218; their centre square is taken."""
    names = seen(files[0].parent.glob("*.jpg"))[:CELEBA_TRAIN]
    return Pictures(len(names), in_threads(_opened, names))


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _torchvision() -> Any:
    return importlib.import_module("torchvision.datasets")  # seconds, so only where something is downloaded


def _download_mnist(kind: str, folder: Path) -> None:
    getattr(_torchvision(), kind)(folder, download=True)


def _download_cifar10(folder: Path) -> None:
    """Kept as plain arrays: the published files are pickles, which torchvision reads after checking their MD5."""
    train = _torchvision().CIFAR10(folder, download=True)
    kept = folder / "CIFAR10"
    kept.mkdir()
    np.save(kept / "images.npy", train.data)  # uint8 (N, H, W, 3)
    np.save(kept / "labels.npy", np.asarray(train.targets))
    (folder / train.filename).unlink()
    shutil.rmtree(folder / train.base_folder)


def _download_celeba(folder: Path) -> None:
    _torchvision().CelebA(folder, download=True)


def _files(name: str, layouts: tuple[Layout, ...]) -> tuple[list[Path], Layout] | None:
    folders = [data_home()]
    with suppress(StoreError):
        folders.append(home() / "downloads" / name)
    for folder in folders:
        for layout in layouts:
            files = [folder / file for file in layout.files] if folder else []
            if files and all(file.is_file() for file in files):
                return files, layout
    return None


def _download(title: str, name: str, expected: int, get: Callable[[Path], None], progress: Progress) -> None:
    """Runs a torchvision download beside and reports the bytes that have arrived; raises BadData.

    It goes to a folder under another name, which is renamed when complete.
    """
    downloads = home() / "downloads"
    try:
        downloads.mkdir(exist_ok=True)
        cache.sweep(downloads)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".partial", dir=downloads))
    except OSError as error:
        raise BadData("{folder} can't be written ({reason}).", folder=downloads, reason=error) from error
    failures: list[Exception] = []

    def work() -> None:
        try:
            get(folder)
            folder.rename(downloads / name)
        except Exception as error:  # reported by the caller's thread
            if not (downloads / name).is_dir():  # else another process has fetched it meanwhile
                failures.append(error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    # a daemon: a download that hangs must not keep the process from ending
    worker = threading.Thread(target=work, name=f"download {name}", daemon=True)
    worker.start()
    arrived, since = 0, time.monotonic()
    while worker.is_alive():
        worker.join(0.5)
        now = _bytes_in(folder)
        if now != arrived:
            arrived, since = now, time.monotonic()
        elif time.monotonic() - since > STALL:
            failures.append(TimeoutError(f"nothing arrived for {STALL:.0f} seconds"))
            break
        progress(min(0.99, arrived / expected), f"Downloading {title}")
    if failures:
        raise BadData(
            "{title} could not be downloaded by torchvision ({reason}). {needs} Or use images of your own, "
            "as folder:PATH or zip:PATH.",
            title=title,
            reason=failures[0],
            needs=_needs(name),
        ) from failures[0]


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.path.getsize(os.path.join(parent, file))
            except OSError:  # unpacked and removed meanwhile
                continue
    return total


def _needs(name: str) -> str:
    return f"Set GANSCOPE_DATA to a folder that holds {' and '.join(LAYOUTS[name][0].files)}."


def _source(
    get: Callable[[Path], None],
    expected: int,  # bytes on disk, unpacked files included
    name: str,
    title: str,
    about: str,
    licence: str,
    size: int,
    channels: int,
    items: int,
    class_names: tuple[str, ...] = (),
) -> Source:
    def load(part: str, layouts: tuple[Layout, ...], wanted: int | None, progress: Progress) -> DataSet:
        if _files(name, layouts) is None:
            _download(title, name, expected, get, progress)
        found = _files(name, layouts)
        if found is None:
            raise BadData("What torchvision downloaded for {title} isn't laid out as expected.", title=title)
        files, layout = found
        read = partial(layout.read, files)
        return prepare(part, wanted or size, files, read, class_names, licence, progress)

    return Source(
        name=name,
        title=title,
        about=about,
        licence=licence,
        size=size,
        channels=channels,
        items=items,
        class_names=class_names,
        load=partial(load, name, LAYOUTS[name]),
        available=lambda: _files(name, LAYOUTS[name]) is not None,
        needs=f"Downloaded at first use ({expected / 1e6:,.0f} MB on disk). Or: {_needs(name)}",
        test=partial(load, f"test:{name}", TEST_LAYOUTS[name]) if name in TEST_LAYOUTS else None,
    )


LAYOUTS = {
    "mnist": (Layout(("MNIST/raw/train-images-idx3-ubyte.gz", "MNIST/raw/train-labels-idx1-ubyte.gz"), _mnist),),
    "fashion_mnist": (
        Layout(("FashionMNIST/raw/train-images-idx3-ubyte.gz", "FashionMNIST/raw/train-labels-idx1-ubyte.gz"), _mnist),
    ),
    "cifar10": (
        Layout(("CIFAR10/cifar10_train_jpeg.npz",), _cifar10_jpeg),
        Layout(("CIFAR10/images.npy", "CIFAR10/labels.npy"), _cifar10),
    ),
    "celeba": (Layout(("celeba/img_align_celeba/000001.jpg",), _celeba),),
}
TEST_LAYOUTS = {
    "mnist": (Layout(("MNIST/raw/t10k-images-idx3-ubyte.gz", "MNIST/raw/t10k-labels-idx1-ubyte.gz"), _mnist),),
    "fashion_mnist": (
        Layout(("FashionMNIST/raw/t10k-images-idx3-ubyte.gz", "FashionMNIST/raw/t10k-labels-idx1-ubyte.gz"), _mnist),
    ),
}

SOURCES = (
    _source(
        partial(_download_mnist, "MNIST"),
        66_500_000,
        name="mnist",
        title="MNIST",
        about="60,000 handwritten digits, white on black.",
        licence="CC BY-SA 3.0 (Y. LeCun, C. Cortes)",
        size=28,
        channels=1,
        items=60_000,
        class_names=tuple("0123456789"),
    ),
    _source(
        partial(_download_mnist, "FashionMNIST"),
        85_800_000,
        name="fashion_mnist",
        title="Fashion-MNIST",
        about="60,000 pictures of clothes, shoes and bags, grey on black.",
        licence="MIT (Zalando SE)",
        size=28,
        channels=1,
        items=60_000,
        class_names=FASHION_CLASSES,
    ),
    _source(
        _download_cifar10,
        510_000_000,
        name="cifar10",
        title="CIFAR-10",
        about="50,000 colour photos of animals and vehicles.",
        licence="none stated (A. Krizhevsky, 2009); research and teaching, not commercial",
        size=32,
        channels=3,
        items=50_000,
        class_names=CIFAR10_CLASSES,
    ),
    _source(
        _download_celeba,
        2_900_000_000,
        name="celeba",
        title="CelebA",
        about="162,770 photos of faces, aligned. torchvision needs `pip install gdown` to download it.",
        licence="non-commercial research (Liu, Luo, Wang, Tang, 2015)",
        size=64,
        channels=3,
        items=CELEBA_TRAIN,
    ),
)
