"""The kind of images that a metric was computed on, so that only metrics of the same kind are compared. Needs no torch.

A file has 8 bits per channel. If a network's floats exceed [-1, 1], or a background is off by a level or two, a Frechet
distance of pictures rounded to 8 bits differs from that of the floats by 10 to 31 %. All figures on cards, of `ganscope
eval` and of studies are for 8 bits; the curves that a run records itself are for floats.
"""

from __future__ import annotations

import numpy as np

from gan_core.errors import BadData

EIGHT_BITS, FLOAT = "8 bits", "float"

# the variants that are computed in objectives/fidelity.py
SSIM = (
    "SSIM: Wang et al. 2004, Gaussian window of 11 pixels with sigma 1.5, averaged over the places where it fits into "
    "the picture, as scikit-image 0.26 at gaussian_weights=True, sigma=1.5, use_sample_covariance=False."
)
LUMA = (
    "Y: luma of ITU-R BT.601 at 16 to 235, on which PSNR reads 1.32 dB above that on luma at 0 to 255. Enlarged "
    "pictures are marked on Y, without 4 pixels at each side; all others in all their colours."
)


def kind_of(images: np.ndarray) -> str:
    """EIGHT_BITS or FLOAT."""
    return EIGHT_BITS if images.dtype == np.uint8 else FLOAT


def check_eight_bits(images: np.ndarray, what: str) -> None:
    """Raises BadData for pictures that aren't rounded to 8 bits."""
    if kind_of(images) != EIGHT_BITS:
        raise BadData(
            "{what} are images of type {kind}, and metrics on them can't be compared with those on 8-bit images. "
            "Round them to uint8 first.",
            what=what, kind=images.dtype,
        )  # fmt: skip


def check_comparable(one: str, other: str, what: str) -> None:
    """Raises BadData if figures are for pictures of different kinds, EIGHT_BITS and FLOAT."""
    if one != other:
        raise BadData(
            "Metrics of {what} can't be compared: some are for images of {one}, others for images of {other}.",
            what=what, one=one, other=other,
        )  # fmt: skip
