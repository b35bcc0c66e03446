"""What long jobs of the Studio may ask for and take; tabs and the calls for programs keep to the same."""

from __future__ import annotations

import numpy as np

from ui.studio.models.workers import Worker

MOST_KEYFRAMES = 8
KINDS = {  # frames a second, and of a megapixel the seconds that it takes to write and the bytes, about
    "MP4": (24, 0.1, 30e3), "GIF": (20, 0.08, 230e3), "WebP": (24, 0.12, 50e3),
}  # fmt: skip
DRAWING = 0.02  # seconds of a frame, of models that haven't drawn yet
SIZES = (128, 256, 512)  # pixels of a film
SECONDS = (0.5, 4.0)  # from one keyframe to the next
MOST_HOSTED = 2**20  # pixels of a picture that is enlarged, where strangers visit
LONGEST, LONGEST_HOSTED = 3600.0, 120.0  # seconds of enlarging
WEIGHT = 1.5e-10  # seconds for each weight and pixel


def film_cost(kind: str, frames: int, size: float, drawing: float = DRAWING) -> float:
    """Seconds that a film takes on a machine of two cores; `drawing` are those of a frame's picture."""
    return frames * (drawing + KINDS[kind][1] * size**2 / 1e6)


def enlarging_cost(worker: Worker, array: np.ndarray) -> tuple[str, float]:
    """Of enlarging a picture (H, W, C), for `workshop`: the kind of job, and seconds."""
    weights = worker.sampler.networks["generator"].parameters()
    return f"enlarge {worker.name}", WEIGHT * sum(one.numel() for one in weights) * array.shape[0] * array.shape[1]
