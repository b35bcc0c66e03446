"""Pictures that move, as files: MP4, GIF and WebP whose frames end when they should. Needs no torch.

A GIF counts hundredths of a second and WebP thousandths: frame i ends at round(units (i + 1) / rate), so that rounding
never adds up and a film lasts as long as its frames say. An MP4 has its rate in the file.
"""

from __future__ import annotations

import errno
import io
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

GIF_UNIT, WEBP_UNIT = 10, 1  # milliseconds
COLOURS = 256  # of a GIF's frame
WEBP_QUALITY = 90  # to 100
BEHIND = 10  # niceness of the encoder: whoever trains or draws for a visitor goes first

Check = Callable[[], None]  # an exception out of it ends the work


def durations(count: int, rate: float, unit: int) -> list[int]:
    """Milliseconds of each frame, multiples of `unit`, which add up to round(count / rate)."""
    ends = [round(1000 * (place + 1) / rate / unit) for place in range(count)]
    return [unit * (end - begin) for begin, end in zip([0, *ends], ends, strict=False)]


def indexed(image: Image.Image) -> Image.Image:
    """An RGB or grey picture as a GIF's frame: grey exactly, else with the nearest of 256 colours of its own.

    An octree finds the colours: at 512 pixels in a fiftieth of the time of Pillow's usual median cut, and as near to
    the original (33.4 to 35.9 dB against 33.0 to 35.3 for drawn faces and photos).
    """
    if image.mode == "L":
        return image
    red, green, blue = image.split()
    if red.tobytes() == green.tobytes() == blue.tobytes():
        return red
    colours = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return image.quantize(palette=colours, dither=Image.Dither.NONE)


def write_gif(path: Path, frames: Iterator[Image.Image], lasting: Sequence[int], check: Check = lambda: None) -> None:
    """Writes RGB frames, each for some milliseconds, again and again. Equal ones become one of their time together."""
    reduced = map(indexed, frames)
    first = next(reduced)
    with path.open("wb") as file:
        first.save(
            cast(BinaryIO, _Checked(file, check)), "GIF", save_all=True, append_images=reduced,
            duration=list(lasting), loop=0, optimize=False,
        )  # fmt: skip


def write_webp(path: Path, frames: Iterator[Image.Image], lasting: Sequence[int]) -> None:
    """As `write_gif`."""
    first = next(frames)
    rest: Any = [_Reel(first, frames, len(lasting) - 1)] if len(lasting) > 1 else []
    with path.open("wb") as file:
        first.save(
            file, "WEBP", save_all=True, append_images=rest, duration=list(lasting), loop=0, quality=WEBP_QUALITY
        )


@contextmanager
def mp4(path: Path, size: tuple[int, int], rate: int) -> Iterator[Callable[[bytes], None]]:
    """H.264, which every browser plays: give RGB frames of some even size one by one. Raises OSError."""
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", str(rate), "-i", "-",
        "-an", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "16", "-movflags", "+faststart", "-f", "mp4",
        str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        assert encoder.stderr is not None
        with suppress(OSError, AttributeError):  # elsewhere than on Unix
            os.setpriority(os.PRIO_PROCESS, encoder.pid, BEHIND)
        try:
            yield cast("Callable[[bytes], None]", encoder.stdin.write)
            encoder.stdin.close()
            failed = encoder.wait() != 0
        except BrokenPipeError:
            failed = True
        except BaseException:
            encoder.kill()
            raise
        if failed:
            reason = encoder.stderr.read().decode(errors="replace").strip()
            # the encoder's words are all there is to tell a full disk by
            code = errno.ENOSPC if os.strerror(errno.ENOSPC) in reason else errno.EIO
            raise OSError(code, reason.splitlines()[-1] if reason else "the video encoder failed")


def write_mp4(path: Path, frames: Iterator[Image.Image], rate: int) -> None:
    """RGB frames of one even size at a constant rate; raises OSError."""
    first = next(frames)
    with mp4(path, first.size, rate) as write:
        write(np.asarray(first).tobytes())
        for frame in frames:
            write(np.asarray(frame).tobytes())


class _Checked(io.RawIOBase):
    """A file that asks before it writes: Pillow keeps a GIF's frames and writes them all at the end."""

    def __init__(self, file: Any, check: Check) -> None:
        self._write, self._check = file.write, check

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._check()
        return int(self._write(content))


class _Reel:
    """Frames as one picture that moves, of which Pillow asks one after the other: they are never held together."""

    def __init__(self, shown: Image.Image, frames: Iterator[Image.Image], count: int) -> None:
        self.n_frames = count
        self._shown, self._frames = shown, frames

    def seek(self, place: int) -> None:
        self._shown = next(self._frames)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shown, name)
