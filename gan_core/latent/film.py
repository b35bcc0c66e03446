"""Films of points: MP4, GIF, WebP, or a zip of PNG files. Frames are drawn as they are written, a few at a time."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, silent
from gan_core.errors import BadValue
from gan_core.images import png, to_uint8
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.runs.disk import TEMPORARY, file_size, writing

SIZES = (32, 1024)  # pixels
RATES = (1, 60)  # frames a second
GIF_RATE = 50  # browsers slow down films with delays below 20 ms
AT_ONCE = 16  # frames drawn together


@dataclass(frozen=True)
class Film:
    """A film that was written."""

    path: Path
    frames: int
    seconds: float
    bytes: int


def check_film(path: Path, rate: int, size: int) -> None:
    """Raises BadValue where a film can't be written like that."""
    ending = path.suffix.lower()
    if ending not in WRITERS:
        raise BadValue(
            "{file} can't be written: valid endings are {valid}.", file=path.name or path, valid=", ".join(WRITERS)
        )
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadValue(
            "The size must lie between {low} and {high} pixels, not at {value}.",
            low=SIZES[0], high=SIZES[1], value=size,
        )  # fmt: skip
    most = GIF_RATE if ending == ".gif" else RATES[1]
    if not RATES[0] <= rate <= most:
        raise BadValue(
            "The rate must lie between {low} and {high} frames per second, not at {value}.",
            low=RATES[0], high=most, value=rate,
        )  # fmt: skip


def write_film(
    explorer: Explorer, points: Points, path: Path, rate: int = 24, size: int = 256, progress: Progress = silent
) -> Film:
    """Writes the pictures of some points one after the other, whole or not at all.

    `size` is the width in pixels, `rate` in frames per second. Raises BadValue, or StoreError where writing fails.
    """
    check_film(path, rate, size)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{TEMPORARY}{path.suffix}")
    with writing(path.parent):
        try:
            WRITERS[path.suffix.lower()](temporary, _frames(explorer, points, size, progress), rate)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    progress(1.0, "Writing the film")
    return Film(path, len(points), len(points) / rate, file_size(path))


def _frames(explorer: Explorer, points: Points, size: int, progress: Progress) -> Iterator[Image.Image]:
    """RGB pictures of even sides, as video needs."""
    for place, part in enumerate(points.parts(AT_ONCE)):
        progress(place * AT_ONCE / len(points), "Writing the film")
        for pixels in to_uint8(explorer.draw(part)):
            image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
            side = size + size % 2
            yield image.resize(
                (side, side), Image.Resampling.LANCZOS if side > 2 * image.width else Image.Resampling.BICUBIC
            )


def _write_mp4(path: Path, frames: Iterator[Image.Image], rate: int) -> None:
    """H.264, which every browser plays."""
    import imageio_ffmpeg

    first = next(frames)
    encoder = imageio_ffmpeg.write_frames(
        str(path), first.size, fps=rate, codec="libx264", pix_fmt_out="yuv420p", macro_block_size=2,
        output_params=["-crf", "16", "-movflags", "+faststart"], ffmpeg_log_level="error",
    )  # fmt: skip
    encoder.send(None)
    try:
        encoder.send(np.asarray(first).tobytes())
        for frame in frames:
            encoder.send(np.asarray(frame).tobytes())
    finally:
        encoder.close()


def _write_gif(path: Path, frames: Iterator[Image.Image], rate: int) -> None:
    reduced = (frame.quantize(256, dither=Image.Dither.NONE) for frame in frames)
    _write_animation(path, reduced, rate, {"format": "GIF", "optimize": False})


def _write_webp(path: Path, frames: Iterator[Image.Image], rate: int) -> None:
    _write_animation(path, frames, rate, {"format": "WEBP", "quality": 90})


def _write_animation(path: Path, frames: Iterator[Image.Image], rate: int, options: dict[str, Any]) -> None:
    first = next(frames)
    with path.open("wb") as file:
        first.save(file, save_all=True, append_images=frames, duration=round(1000 / rate), loop=0, **options)


def _write_zip(path: Path, frames: Iterator[Image.Image], rate: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        for place, frame in enumerate(frames):
            archive.writestr(f"{place:05d}.png", png(frame))


WRITERS: dict[str, Callable[[Path, Iterator[Image.Image], int], None]] = {
    ".mp4": _write_mp4,
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".zip": _write_zip,
}
