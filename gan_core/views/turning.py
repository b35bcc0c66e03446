"""Films of a scene that turns once around its axis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from gan_core.data.base import Progress, silent
from gan_core.data.solids.camera import YAW
from gan_core.disk import check_output, replacing
from gan_core.pictures.video import GIF_UNIT, WEBP_UNIT, durations, write_gif, write_mp4, write_webp
from gan_core.views.scenes import Scene

ENDINGS = (".webp", ".gif", ".mp4")
RATE = 12  # frames a second
WORDS = "Turning the scene"


def turn(
    scene: Scene,
    path: Path,
    pitch: float = 20.0,
    frames: int = 36,
    side: int = 256,
    size: int = 0,
    progress: Progress = silent,
) -> None:
    """Writes a film of one turn, `side` pixels wide, from views of `size` pixels (0: as in training).

    Raises BadValue for another file extension, or an invalid pitch.
    """
    ending = path.suffix.lower()
    check_output(path, ENDINGS)
    scene.view(0, pitch, 8)  # checks the pitch before a file is created
    pictures = _pictures(scene, pitch, frames, side, size, progress)
    with replacing(path) as temporary:
        if ending == ".mp4":
            write_mp4(temporary, pictures, RATE)
        elif ending == ".gif":
            write_gif(temporary, pictures, durations(frames, RATE, GIF_UNIT))
        else:
            write_webp(temporary, pictures, durations(frames, RATE, WEBP_UNIT))


def _pictures(
    scene: Scene, pitch: float, frames: int, side: int, size: int, progress: Progress
) -> Iterator[Image.Image]:
    for frame in range(frames):
        progress(frame / frames, WORDS)
        image = scene.view(YAW[0] + 360 * frame / frames, pitch, size).image
        yield image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    progress(1.0, WORDS)
