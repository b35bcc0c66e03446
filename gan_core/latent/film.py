"""Films of latent points: MP4, GIF, WebP, or a zip of PNG files. Frames are generated while writing, a few at a
time.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gan_core.data.base import Progress, silent
from gan_core.disk import check_output, file_size, replacing
from gan_core.errors import BadValue
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.pictures.grids import png, to_uint8
from gan_core.pictures.video import GIF_UNIT, WEBP_UNIT, durations, write_gif, write_mp4, write_webp

ENDINGS = (".mp4", ".gif", ".webp", ".zip")
SIZES = (32, 1024)  # pixels
SECONDS = (0.5, 120.0)
RATES = (1, 60)  # frames a second
GIF_RATE = 50  # browsers slow down films with delays below 20 ms
AT_ONCE = 16  # frames drawn together
WORDS = "Writing the film"


@dataclass(frozen=True)
class Film:
    """A film that was written."""

    path: Path
    frames: int
    seconds: float
    bytes: int


def check_seconds(seconds: float) -> None:
    """Raises BadValue for an invalid duration."""
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise BadValue(
            "{name} must be between {low} and {high}, got {value}.",
            name="seconds", low=SECONDS[0], high=SECONDS[1], value=seconds,
        )  # fmt: skip


def check_film(path: Path, rate: int, size: int) -> None:
    """Raises BadValue if a film can't be written with these settings."""
    check_output(path, ENDINGS)
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadValue(
            "The size must be between {low} and {high} pixels, got {value}.",
            low=SIZES[0], high=SIZES[1], value=size,
        )  # fmt: skip
    most = GIF_RATE if path.suffix.lower() == ".gif" else RATES[1]
    if not RATES[0] <= rate <= most:
        raise BadValue(
            "The rate must be between {low} and {high} frames per second, got {value}.",
            low=RATES[0], high=most, value=rate,
        )  # fmt: skip


def write_film(
    explorer: Explorer, points: Points, path: Path, rate: int = 24, size: int = 256, progress: Progress = silent
) -> Film:
    """Writes the pictures of points as the frames of a film, whole or not at all.

    `size` is the width in pixels, `rate` in frames per second. Raises BadValue, or StoreError if writing fails.
    """
    check_film(path, rate, size)
    with replacing(path) as temporary:
        _write(temporary, _frames(explorer, points, size, progress), len(points), rate)
    progress(1.0, WORDS)
    return Film(path, len(points), len(points) / rate, file_size(path))


def _frames(explorer: Explorer, points: Points, size: int, progress: Progress) -> Iterator[Image.Image]:
    """RGB pictures of even sides, as video needs; `progress` is called before each and can end the work."""
    side = size + size % 2
    done = 0
    for part in points.parts(AT_ONCE):
        progress(done / len(points), WORDS)
        for pixels in to_uint8(explorer.draw(part, least=size)):
            progress(done / len(points), WORDS)
            image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
            done += 1
            yield image.resize(
                (side, side), Image.Resampling.LANCZOS if side > 2 * image.width else Image.Resampling.BICUBIC
            )


def _write(path: Path, frames: Iterator[Image.Image], count: int, rate: int) -> None:
    """Writes `count` frames in the format of the file's ending."""
    ending = path.suffix.lower()
    if ending == ".mp4":
        write_mp4(path, frames, rate)
    elif ending == ".gif":
        write_gif(path, frames, durations(count, rate, GIF_UNIT))
    elif ending == ".webp":
        write_webp(path, frames, durations(count, rate, WEBP_UNIT))
    else:
        _write_zip(path, frames)


def _write_zip(path: Path, frames: Iterator[Image.Image]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # PNG is already compressed
        for place, frame in enumerate(frames):
            archive.writestr(f"{place:05d}.png", png(frame))
