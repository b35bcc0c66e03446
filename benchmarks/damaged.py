"""Whether super-resolution models degrade damaged photos: PSNR on Y relative to bicubic enlargement.

    GANSCOPE_DATA=... python -m benchmarks.damaged                        # BSDS500's test photos, the default model
    python -m benchmarks.damaged srgan.bsds_x4 --photos 2                 # without the data: scikit-learn's two photos
    python -m benchmarks.damaged --side 320                               # soft photos, as a phone's are at full size

Photos are made four times smaller and then damaged: saved as JPEG, or with noise added to each channel. Each is
enlarged with the strength that the Studio sets for it, by the file's tables and the pixels
(gan_core/pictures/damage.py), and with all of the network's strength. "As PNG" is a JPEG that was saved again, so that
only its pixels show the damage.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.timing import Row, report
from gan_core.data import source
from gan_core.errors import GanscopeError
from gan_core.models import loading
from gan_core.models.enlarging import advised, enlarge
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import luma, psnr
from gan_core.objectives.super_resolution import downscale
from gan_core.pictures.damage import Damage, damage_of, jpeg_quality
from gan_core.pictures.photos import sample_photo

USUAL = "srresnet.bsds_x4"  # the Studio's default model
SIDE = 160  # pixels of the photos; those of twice as many pixels are soft
SCALE = 4
BORDER = 4  # pixels that are not measured

Harm = Callable[[np.ndarray, int], tuple[np.ndarray, Damage]]  # (H, W, 3), the photo's number -> the same, damaged


def sample_photos(side: int = SIDE) -> list[np.ndarray]:
    """Squares (side, side, 3) of the two photos that come with scikit-learn."""
    box = (160, 60, 160 + side, 60 + side)
    return [np.asarray(sample_photo(name).crop(box)) for name in ("flower.jpg", "china.jpg")]


def photos(most: int, side: int = SIDE) -> list[np.ndarray]:
    """Squares (side, side, 3) of BSDS500's test photos, or of scikit-learn's if those aren't available."""
    try:
        load = source("bsds500").test
        assert load is not None
        squares = load(side, lambda share, what: None).arrays["real"]
        step = max(1, len(squares) // most)
        return [
            np.ascontiguousarray(one.transpose(1, 2, 0)) for one in squares[::step][:most]
        ]  # (C, H, W) -> (H, W, C)
    except (GanscopeError, OSError):
        return sample_photos(side)


def jpeg(quality: int, declared: bool = True) -> Harm:
    def harm(array: np.ndarray, number: int) -> tuple[np.ndarray, Damage]:
        file = io.BytesIO()
        Image.fromarray(array).save(file, "JPEG", quality=quality)
        with Image.open(file) as image:
            read = np.asarray(image)
            return read, damage_of(read, jpeg_quality(image) if declared else None)

    return harm


def noise(sigma: float) -> Harm:
    """As a standard deviation in levels of 255; 0 leaves the photo as it is."""

    def harm(array: np.ndarray, number: int) -> tuple[np.ndarray, Damage]:
        added = np.random.default_rng(number).normal(0, sigma, array.shape)
        made = (array + added).round().clip(0, 255).astype(np.uint8)
        return made, damage_of(made)

    return harm


HARMS = {
    "clean": noise(0), "JPEG 90": jpeg(90), "JPEG 75": jpeg(75), "JPEG 50": jpeg(50), "JPEG 30": jpeg(30),
    "JPEG 15": jpeg(15), "JPEG 30 as PNG": jpeg(30, declared=False), "noise 5": noise(5), "noise 10": noise(10),
    "noise 15": noise(15), "noise 25": noise(25),
}  # fmt: skip


def measured(sampler: Sampler, whole: Sequence[np.ndarray], harm: Harm) -> np.ndarray:
    """(photos, 4): decibels of bicubic enlargement, at the Studio's and at full strength; the Studio's strength."""
    rows = []
    for number, photo in enumerate(whole):
        truth = _images(photo)
        small = ((downscale(truth, SCALE)[0].permute(1, 2, 0) + 1) * 127.5).round().to(torch.uint8).numpy()
        array, damage = harm(small, number)
        strength = advised(damage, restores=sampler.hparams.damaged > 0)
        made = [enlarge(sampler, array, SCALE, strength=share) for share in (0.0, strength, 1.0)]
        rows.append([*(_decibel(one, truth) for one in made), strength])
    return np.array(rows)


def _images(array: np.ndarray) -> Tensor:
    return torch.tensor(array).permute(2, 0, 1)[None].float() / 127.5 - 1  # (H, W, C) -> (1, C, H, W)


def _decibel(array: np.ndarray, truth: Tensor) -> float:
    inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    return float(psnr(luma(_images(array))[inner], luma(truth)[inner]))


def row(name: str, sampler: Sampler, harmed: str, whole: Sequence[np.ndarray]) -> Row:
    bicubic, chosen, full, strength = measured(sampler, whole, HARMS[harmed]).mean(0)
    words = f"{chosen - bicubic:+.2f} dB at strength {strength:.2f}; {full - bicubic:+.2f} at 1; bicubic {bicubic:.2f}"
    return Row(f"{name}, {harmed}", words, ">= 0 dB", bool(chosen - bicubic >= -0.005), str(len(whole)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"models of the shelf; default: {USUAL}")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--side", type=int, default=SIDE, choices=(SIDE, 2 * SIDE))
    parser.add_argument("--harms", nargs="*", default=list(HARMS), choices=list(HARMS))
    options = parser.parse_args(arguments)
    whole = photos(options.photos, options.side)
    rows = [
        row(name, sampler, harmed, whole)
        for name in options.names or [USUAL]
        for sampler in [loading.load(name)]
        for harmed in options.harms
    ]
    report("Damaged photos", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
