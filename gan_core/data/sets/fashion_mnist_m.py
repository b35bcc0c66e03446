"""Fashion-MNIST as two domains, on black and on photos: MNIST-M's recipe (1505.07818, section 5.2.1) for clothes.

    I_out = |patch - picture|,   per colour channel

The patch is a random part of a BSDS500 photo. The grey levels are kept, unlike in MNIST-M, which has only two, because
they distinguish a shirt from a pullover. Picture i of both domains is the same one.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import Source, register, sources
from gan_core.data.files import files_of, how_to_get
from gan_core.data.sets.mnist_m import COUNT, PHOTOS, SIZE, licence, load_blended

FASHION = sources.get("fashion_mnist")


def blended(picture: np.ndarray, patch: np.ndarray) -> np.ndarray:
    """Blends a picture uint8 (H, W) with a patch uint8 (3, H, W): the absolute difference, uint8 (3, H, W)."""
    made: np.ndarray = np.abs(patch.astype(np.int16) - picture)
    return made.astype(np.uint8)


register(
    Source(
        name="fashion_mnist_m",
        title="Fashion-MNIST, plain and on photos",
        about="20,000 pictures of clothes, on black and blended with photos: a second pair of domains for adaptation.",
        licence=licence(FASHION),
        size=SIZE,
        channels=3,
        items=COUNT,
        class_names=FASHION.class_names,
        load=partial(load_blended, "fashion_mnist_m", FASHION, blended, "train"),
        test=partial(load_blended, "fashion_mnist_m", FASHION, blended, "test"),
        available=lambda: FASHION.available() and bool(files_of(PHOTOS["train"])),
        needs=how_to_get(tuple(PHOTOS.values())),
        task="unpaired",
        domains=("Fashion-MNIST", "On photos"),
    )
)
