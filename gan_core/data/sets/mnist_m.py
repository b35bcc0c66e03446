"""MNIST and MNIST-M: the same digits as two domains, white on black and on photos (1505.07818, section 5.2.1).

    I_out = |patch - digit|,   per colour channel

The patch is a random part of a BSDS500 photo; the digit is 0 or 255 at each pixel, as in the code that most papers use.
Digit i of both domains is the same one, so that `label` is valid for either; a model that adapts to the second domain
may use it only for the first. The training part uses patches from BSDS500's training photos, the test part from
its test photos.

Differs from the paper: the first 20,000 of MNIST's 60,000 digits, and photos of the part of BSDS500 without 302003.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, Source, register, silent, sources, tracked
from gan_core.data.files import files_of, how_to_get
from gan_core.errors import BadData
from gan_core.pictures.decoding import square

COUNT, TEST_COUNT = 20_000, 10_000
SEED = 0
SIZE = 28
VERSION = "1"
PHOTOS = {"train": "BSDS500/train/*.jpg", "test": "BSDS500/test/*.jpg"}
MNIST = sources.get("mnist")


def licence(base: Source) -> str:
    """The licence of the pictures and of the photos."""
    return f"{base.licence}; photos: non-commercial research and education (BSDS500)"


def blended(digit: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Blends a digit uint8 (H, W) with a patch uint8 (3, H, W): the absolute difference, uint8 (3, H, W)."""
    ink = np.where(digit > 0, 255, 0)
    return np.abs(patch.astype(np.int16) - ink).astype(np.uint8)


Blend = Callable[[np.ndarray, np.ndarray], np.ndarray]  # a picture uint8 (H, W) on a patch uint8 (3, H, W)


def load_blended(
    whole: str, base: Source, blend: Blend, part: str, size: int | None, progress: Progress
) -> DataSet:  # fmt: skip
    """The pictures of `base` as domain a and, blended with photos, as domain b, both uint8 (N, 3, H, W)."""
    files = files_of(PHOTOS[part])
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name=whole, needs=how_to_get(tuple(PHOTOS.values())))
    read = base.test if part == "test" else base.load
    assert read is not None
    pixels = size or SIZE
    digits = read(SIZE, silent)
    count = min(TEST_COUNT if part == "test" else COUNT, len(digits))

    def write(writer: cache.Writer) -> None:
        photos = [_photo(file) for file in files]
        random = np.random.default_rng([SEED, part == "test"])
        for place in tracked(range(count), count, progress, "Blending with photos"):
            photo = photos[random.integers(len(photos))]
            top, left = (random.integers(side - SIZE + 1) for side in photo.shape[1:])
            made = blend(digits.arrays["real"][place, 0], photo[:, top : top + SIZE, left : left + SIZE])
            writer.add(square(Image.fromarray(made.transpose(1, 2, 0)), pixels))

    name = f"test:{whole}" if part == "test" else whole
    made = cache.entry(name.replace(":", "-"), pixels, f"{VERSION}.{count}.{SEED}.{len(files)}", write).arrays["real"]
    plain = digits if pixels == SIZE else read(pixels, silent)
    grey, label = plain.arrays["real"][:count], plain.arrays["label"][:count]
    arrays: dict[str, np.ndarray] = {"a": grey.repeat(3, 1), "b": made, "label": label}
    return DataSet(name, arrays, base.class_names, licence(base), unpaired=True)


def _photo(path: Path) -> np.ndarray:
    """A photo, uint8 (3, H, W); raises BadData."""
    try:
        with Image.open(path) as photo:
            return np.asarray(photo.convert("RGB")).transpose(2, 0, 1)
    except OSError as error:
        raise BadData("{path} can't be read ({reason}).", path=path, reason=error) from error


register(
    Source(
        name="mnist_m",
        title="MNIST and MNIST-M",
        about="20,000 digits, white on black and blended with photos: two domains in which the same digits look "
        "different.",
        licence=licence(MNIST),
        size=SIZE,
        channels=3,
        items=COUNT,
        class_names=MNIST.class_names,
        load=partial(load_blended, "mnist_m", MNIST, blended, "train"),
        test=partial(load_blended, "mnist_m", MNIST, blended, "test"),
        available=lambda: MNIST.available() and bool(files_of(PHOTOS["train"])),
        needs=how_to_get(tuple(PHOTOS.values())),
        task="unpaired",
        domains=("MNIST", "MNIST-M"),
    )
)
