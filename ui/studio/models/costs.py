"""Limits and cost estimates of long jobs, shared by the tabs and the API."""

from __future__ import annotations

import numpy as np

from ui.studio.models.image_models import ImageModel

MOST_KEYFRAMES = 8
KINDS = {  # frames per second, seconds to encode a megapixel, bytes per megapixel; approximate
    "MP4": (24, 0.1, 30e3), "GIF": (20, 0.08, 230e3), "WebP": (24, 0.12, 50e3),
}  # fmt: skip
DRAWING = 0.02  # seconds per frame, for models that haven't generated anything yet
MAGNIFYING = 0.9  # seconds per megapixel, for models that draw larger pictures than their own
SIZES = (128, 256, 512)  # pixels of a film
SECONDS = (0.5, 4.0)  # between keyframes
MOST_HOSTED = 1_000_000  # pixels of a picture to enlarge in a public Studio
LONGEST, LONGEST_HOSTED = 3600.0, 120.0  # maximum seconds of enlarging
WEIGHT = 1.5e-10  # seconds per weight and pixel


def film_cost(kind: str, frames: int, size: float, drawing: float = DRAWING, magnifies: bool = False) -> float:
    """Estimates the seconds that a film takes on two cores; `drawing`: seconds to generate a frame at the model's size,
    from which a model that `magnifies` draws it anew at the film's.
    """
    return frames * (drawing + (KINDS[kind][1] + MAGNIFYING * magnifies) * size**2 / 1e6)


def enlarging_cost(chosen: ImageModel, array: np.ndarray) -> tuple[str, float]:
    """Returns job kind and estimated seconds for enlarging a picture (H, W, C), as `workshop` needs them."""
    weights = chosen.sampler.networks["generator"].parameters()
    return f"enlarge {chosen.name}", WEIGHT * sum(one.numel() for one in weights) * array.shape[0] * array.shape[1]
