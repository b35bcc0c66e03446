"""Training history as a film: the stored previews of a run, or of several side by side, as GIF or MP4.

Previews show fixed latents at a geometric schedule of steps, so one film frame for each kept step shows early changes
slowly and late ones fast. Needs no torch.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gan_core.disk import check_output, file_size, replacing
from gan_core.errors import BadData, BadValue
from gan_core.pictures.video import GIF_UNIT, durations, mp4, write_gif
from gan_core.runs.records import Preview
from gan_core.runs.store import RunStore

Progress = Callable[[float, str], None]  # share done in [0, 1], and what is being done

ENDINGS = (".gif", ".mp4")
SECONDS = (0.5, 120.0)
SIZES = (64, 1920)  # pixels
MOST_RUNS = 6
GIF_RATE = 20  # frames per second at most: browsers slow down GIFs with delays below 20 ms, and files grow
MP4_RATE = 25
HOLD = 0.15  # share of the film that shows the last step
PAPER, INK = (255, 255, 255), (30, 30, 30)
MARGIN = 8  # pixels between the pictures of two runs
FONTS = (  # for scripts that the built-in font lacks, such as Chinese; the first that is installed is used
    "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc",
    "wqy-zenhei.ttc", "msyh.ttc", "simhei.ttf", "PingFang.ttc", "STHeiti Light.ttc", "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)  # fmt: skip


@dataclass(frozen=True)
class Track:
    """One run of a film: its name, and its previews by step."""

    name: str
    previews: Sequence[Preview]


@dataclass(frozen=True)
class Film:
    """A film that was written."""

    path: Path
    frames: int
    seconds: float
    bytes: int


def tracks_of(store: RunStore, ids: Sequence[str]) -> list[Track]:
    """The previews of some runs; raises UnknownName or BadData if a run has none."""
    tracks = []
    for id in ids:
        run = store.get(id)
        previews = history(store, id)
        if not previews:
            raise BadData("The run {run} has no previews yet.", run=run.name or id)
        tracks.append(Track(run.name or id, previews))
    return tracks


def history(store: RunStore, id: str) -> list[Preview]:
    """The kept previews of a run, and how it ended: the live preview of a run that no longer changes."""
    run, previews, live = store.get(id), store.previews(id), store.live_preview(id)
    if live is not None and not run.is_active and live[0] == run.step > max((p.step for p in previews), default=-1):
        previews.append(Preview(run.step, run.images_seen, live[1], file_size(live[1])))
    return previews


def frames_at(previews: Mapping[str, Sequence[Preview]], step: int) -> dict[str, Preview | None]:
    """The nearest preview of each run at or before a step; None if the run had not begun by then."""
    return {run: preview_at(kept, step) for run, kept in previews.items()}


def preview_at(previews: Sequence[Preview], step: int) -> Preview | None:
    """The last of the previews, which are sorted by step, that is not after `step`."""
    place = bisect_right(previews, step, key=lambda preview: preview.step)
    return previews[place - 1] if place else None


def all_steps(previews: Mapping[str, Sequence[Preview]]) -> list[int]:
    """Every step at which at least one run kept a preview, in order: the positions of a slider."""
    return sorted({preview.step for kept in previews.values() for preview in kept})


def check_film(path: Path, seconds: float, size: int) -> None:
    """Raises BadValue if a film can't be written with these settings."""
    check_output(path, ENDINGS)
    if not SECONDS[0] <= seconds <= SECONDS[1]:
        raise BadValue(
            "{name} must be between {low} and {high}, got {value}.",
            name="seconds", low=SECONDS[0], high=SECONDS[1], value=seconds,
        )  # fmt: skip
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadValue(
            "{name} must be between {low} and {high}, got {value}.",
            name="size", low=SIZES[0], high=SIZES[1], value=size,
        )  # fmt: skip


def export_history(
    tracks: Sequence[Track],
    path: Path,
    *,
    seconds: float = 8.0,
    size: int = 512,
    caption: str = "step {step}",
    progress: Progress = lambda share, what: None,
) -> Film:
    """Writes the film whole or not at all; `size` is the width of each run's picture, pixels are enlarged sharply.

    Raises BadValue, BadData, or StoreError if it can't be written.
    """
    check_film(path, seconds, size)
    if not 1 <= len(tracks) <= MOST_RUNS:
        raise BadValue("A film can show 1 to {most} runs, got {count}.", most=MOST_RUNS, count=len(tracks))
    previews = {str(place): track.previews for place, track in enumerate(tracks)}
    steps = all_steps(previews)
    if not steps:
        raise BadData("The run {run} has no previews yet.", run=tracks[0].name)
    stage = Stage.of(tracks, size, caption)
    write = _write_gif if path.suffix.lower() == ".gif" else _write_mp4
    with replacing(path) as temporary:
        frames, lasts = write(stage, steps, seconds, temporary, progress)
    progress(1.0, "Writing the film")
    return Film(path, frames, lasts, file_size(path))


@dataclass(frozen=True)
class Stage:
    """Layout of a frame. Sizes in pixels; the frame's are even, as video needs."""

    tracks: Sequence[Track]
    panel: tuple[int, int]  # width and height of each run's picture
    title: int  # height of the strip with the runs' names; 0 for a single run
    strip: int  # height of the strip with the step
    caption: str

    @classmethod
    def of(cls, tracks: Sequence[Track], size: int, caption: str) -> Stage:
        height = 1
        for track in tracks:
            for width_now, height_now in _sizes_of(track.previews):
                height = max(height, _scaled((width_now, height_now), size)[1])
        strip = max(18, size // 16)
        font = _font("".join(track.name for track in tracks) + caption, strip)
        return cls(tracks, (size, height), strip if len(tracks) > 1 else 0, strip, caption if font else "step {step}")

    @property
    def size(self) -> tuple[int, int]:
        width = len(self.tracks) * (self.panel[0] + MARGIN) - MARGIN
        height = self.title + self.panel[1] + self.strip
        return width + width % 2, height + height % 2

    def frame(self, step: int) -> Image.Image:
        """The picture of a step, RGB."""
        canvas = Image.new("RGB", self.size, PAPER)
        draw = ImageDraw.Draw(canvas)
        for place, track in enumerate(self.tracks):
            left = place * (self.panel[0] + MARGIN)
            if self.title:
                self._write(draw, track.name, left, 0, self.panel[0])
            preview = preview_at(track.previews, step)
            picture = _opened(preview.path, _written(preview.path)) if preview else None
            if picture is not None:
                canvas.paste(_enlarged(picture, self.panel[0]), (left, self.title))
        self._write(draw, self.caption.format(step=f"{step:,}"), 0, self.title + self.panel[1], self.size[0])
        return canvas

    def _write(self, draw: ImageDraw.ImageDraw, text: str, left: int, top: int, width: int) -> None:
        """Writes a line in the middle of its strip, cut if it is too long."""
        text = " ".join(text.split())
        font = _font(text, self.strip)
        if font is None:
            font = ImageFont.load_default(self.strip * 0.6)
            text = "".join(char if _built_in(char) else "?" for char in text)
        while len(text) > 1 and draw.textlength(text, font) > width - 8:
            text = text[:-2] + "…"
        draw.text((left + width / 2, top + self.strip / 2), text, fill=INK, font=font, anchor="mm")


def _sizes_of(previews: Sequence[Preview]) -> set[tuple[int, int]]:
    """The different sizes of the previews that can be read, from their headers alone."""
    sizes = set()
    for preview in previews:
        with suppress(OSError), Image.open(preview.path) as image:
            sizes.add(image.size)
    return sizes


def _scaled(size: tuple[int, int], width: int) -> tuple[int, int]:
    return width, max(1, round(size[1] * width / size[0]))


def _enlarged(image: Image.Image, width: int) -> Image.Image:
    """Enlarges to that width with sharp pixels of equal size: by a whole factor, then cropped to the width."""
    factor = math.ceil(width / image.width)
    enlarged = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    return enlarged.resize(_scaled(image.size, width), Image.Resampling.BOX)


def _written(path: Path) -> int:
    """When a file was last written, in nanoseconds; 0 if it doesn't exist."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)  # a film shows a preview in many frames, one after the other
def _opened(path: Path, _written: int) -> Image.Image | None:
    """The preview as it was last written; None if it was removed meanwhile or can't be read."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except OSError:
        return None


def _font(text: str, strip: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """A font that has every letter of the text, or None."""
    if all(map(_built_in, text)):
        return ImageFont.load_default(strip * 0.6)
    for name in FONTS:
        with suppress(OSError):
            font = ImageFont.truetype(name, int(strip * 0.6))
            missing = font.getmask("\U0010ffff").getbbox(), bytes(font.getmask("\U0010ffff"))
            if all(
                char.isspace() or (font.getmask(char).getbbox(), bytes(font.getmask(char))) != missing for char in text
            ):
                return font
    return None


def _built_in(char: str) -> bool:
    """Whether Pillow's own font has the letter: Latin and common punctuation."""
    return char in "…–—" or (ord(char) < 0x180 and unicodedata.category(char) != "Cc")


def _write_gif(stage: Stage, steps: list[int], seconds: float, path: Path, progress: Progress) -> tuple[int, float]:
    """Writes one frame for each step, as far as the rate allows; the last one is held."""
    chosen = _spread(steps, max(2, int(seconds * GIF_RATE)))
    moving, whole = 1000 * seconds * (1 - HOLD), max(1, round(1000 * seconds / GIF_UNIT)) * GIF_UNIT
    lasting = durations(len(chosen), 1000 * len(chosen) / moving, GIF_UNIT)
    lasting[-1] += whole - sum(lasting)
    write_gif(path, _frames(stage, chosen, progress), lasting)
    return len(chosen), whole / 1000


def _frames(stage: Stage, steps: list[int], progress: Progress) -> Iterator[Image.Image]:
    for place, step in enumerate(steps):
        progress(place / len(steps), "Writing the film")
        yield stage.frame(step)


def _write_mp4(stage: Stage, steps: list[int], seconds: float, path: Path, progress: Progress) -> tuple[int, float]:
    """Writes H.264 at a constant rate; each step is repeated for its whole duration."""
    count = max(2, round(seconds * MP4_RATE))
    moving = max(1, round(count * (1 - HOLD)))
    with mp4(path, stage.size, MP4_RATE) as write:
        shown, content = -1, b""
        for place in range(count):
            step = steps[min(len(steps) - 1, place * len(steps) // moving)]
            if step != shown:
                progress(place / count, "Writing the film")
                shown, content = step, np.asarray(stage.frame(step)).tobytes()
            write(content)
    return count, count / MP4_RATE


def _spread(steps: list[int], most: int) -> list[int]:
    """At most `most` of the steps, evenly spread, including the first and the last."""
    if len(steps) <= most:
        return steps
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]
