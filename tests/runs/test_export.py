"""Films from previews, read back by other libraries for browsers' formats."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from gan_core.errors import BadData, BadValue
from gan_core.runs.export import (
    MP4_RATE,
    Track,
    all_steps,
    export_history,
    frames_at,
    tracks_of,
)
from gan_core.runs.records import Preview
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore

STEPS = (0, 1, 2, 5, 10, 20)


def picture(level: int, size: int = 17) -> bytes:
    """A chessboard of `level` and white, to check that pixels stay sharp."""
    board = np.where(np.indices((size, size)).sum(0) % 2, 255, level).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(board).save(buffer, "PNG")
    return buffer.getvalue()


def make_run(
    store: RunStore, spec: RunSpec, name: str = "", steps: tuple[int, ...] = STEPS, size: int = 17, level: int = 0
) -> str:
    run = store.create(spec, name=name)
    token = store.claim(run.id)
    for step in steps:
        store.add_preview(run.id, token, step, step * 8, picture(level, size))
    store.release(run.id, token)
    return run.id


def gif_frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        frames = []
        for place in range(film.n_frames):
            film.seek(place)
            frames.append(np.asarray(film.convert("RGB")))
    return frames


def decoded(path: Path) -> tuple[str, int]:
    """ffmpeg's description of a film, and the number of frames it can decode."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-i",
        path,
        "-vf",
        "scale=8:8",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stderr.decode(), len(done.stdout) // 64


def test_a_gif_has_a_frame_for_each_step_and_lasts_as_long_as_asked(
    store: RunStore, spec: RunSpec, tmp_path: Path
) -> None:
    id = make_run(store, spec)
    shares: list[float] = []
    film = export_history(
        tracks_of(store, [id]),
        tmp_path / "out.gif",
        seconds=3,
        size=170,
        progress=lambda share, what: shares.append(share),
    )
    frames = gif_frames(film.path)
    assert len(frames) == film.frames == len(STEPS)
    assert frames[0].shape[1] == 170
    with Image.open(film.path) as image:
        total = 0
        for place in range(image.n_frames):
            image.seek(place)
            total += image.info["duration"]
    assert total == pytest.approx(3000, abs=20)
    assert film.bytes == film.path.stat().st_size
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.gif"]


def test_pixels_stay_sharp_and_the_step_is_written_below(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    id = make_run(store, spec)
    film = export_history(tracks_of(store, [id]), tmp_path / "out.gif", size=170)
    frames = gif_frames(film.path)
    image = frames[0][:170]
    assert set(np.unique(image)) == {0, 255}
    assert (image[:10, :10] == 0).all()
    assert (image[:10, 10:20] == 255).all()
    strips = [frame[170:] for frame in frames]
    assert all(strip.min() < 100 for strip in strips)
    assert len({strip.tobytes() for strip in strips}) == len(STEPS)


@pytest.mark.parametrize("size", [171, 100, 512])
def test_an_mp4_plays_in_a_browser(store: RunStore, spec: RunSpec, tmp_path: Path, size: int) -> None:
    id = make_run(store, spec)
    film = export_history(tracks_of(store, [id]), tmp_path / "out.mp4", seconds=2, size=size)
    about, frames = decoded(film.path)
    assert "Video: h264" in about
    assert "yuv420p" in about
    assert f"{MP4_RATE} fps" in about
    assert frames == film.frames == 2 * MP4_RATE
    width, height = map(int, re.findall(r" (\d{2,})x(\d{2,})", about)[0])
    assert (width, width % 2, height % 2) == (size + size % 2, 0, 0)
    assert film.path.read_bytes().find(b"moov") < film.path.read_bytes().find(b"mdat")  # starts before it is loaded


def test_two_runs_are_shown_side_by_side_at_the_same_step(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    dark = make_run(store, spec, "dark", (0, 4, 8), level=0)
    grey = make_run(store, spec, "grey", (2, 4, 6), size=9, level=128)
    film = export_history(tracks_of(store, [dark, grey]), tmp_path / "out.gif", size=153)
    frames = gif_frames(film.path)
    assert len(frames) == 5  # 0, 2, 4, 6, 8
    assert frames[0].shape[1] == 2 * 153 + 8
    middle = frames[0].shape[0] // 2
    left, right = slice(0, 153), slice(161, None)
    assert frames[0][middle, left].min() < 20
    assert frames[0][middle, right].min() == 255  # hasn't started at step 0
    assert frames[1][middle, right].min() == pytest.approx(128, abs=8)


@pytest.mark.parametrize("name", ["<b>x</b> {step} %s", "谁的 🎉 run", "n" * 80, "é—…", "two\nlines"])
def test_names_are_drawn_as_text_whatever_they_hold(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture(0))
    track = Track(name, [Preview(0, 0, path, 1)])
    assert export_history([track, track], tmp_path / "out.gif", size=64, caption="第 {step} 步").frames == 1


def test_a_long_history_is_thinned_to_a_rate_that_browsers_play(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    id = make_run(store, spec, steps=tuple(range(60)))
    frames = gif_frames(export_history(tracks_of(store, [id]), tmp_path / "out.gif", seconds=1, size=64).path)
    assert len(frames) == 20


def test_a_missing_or_broken_preview_is_left_blank(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    id = make_run(store, spec)
    previews = store.previews(id)
    previews[1].path.unlink()
    previews[2].path.write_bytes(b"no picture")
    assert export_history(tracks_of(store, [id]), tmp_path / "out.gif", size=64).frames == len(STEPS)


def test_a_film_shows_previews_as_they_are_now(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    """A run that went back writes the previews of the same steps again."""
    run = make_run(store, spec, steps=(0, 1), level=0)
    export_history(tracks_of(store, [run]), tmp_path / "before.gif", seconds=1, size=64)
    token = store.claim(run)
    store.add_preview(run, token, 1, 8, picture(200))
    export_history(tracks_of(store, [run]), tmp_path / "after.gif", seconds=1, size=64)
    before, after = (gif_frames(tmp_path / f"{name}.gif")[-1][:64].min() for name in ("before", "after"))
    assert before < 20
    assert after > 180


def test_bad_input_names_the_offender(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    empty, good = make_run(store, spec, "empty run", ()), make_run(store, spec)
    with pytest.raises(BadData, match="empty run has no previews yet"):
        tracks_of(store, [good, empty])
    tracks = tracks_of(store, [good])
    with pytest.raises(BadValue, match=r"out\.avi.*\.gif, \.mp4"):
        export_history(tracks, tmp_path / "out.avi")
    with pytest.raises(BadValue, match="seconds must be between"):
        export_history(tracks, tmp_path / "out.gif", seconds=0)
    with pytest.raises(BadValue, match="size must be between"):
        export_history(tracks, tmp_path / "out.gif", size=10_000)
    with pytest.raises(BadValue, match="1 to 6 runs, got 7"):
        export_history(tracks * 7, tmp_path / "out.gif")
    for ending in ("gif", "mp4"):
        with pytest.raises(BadValue, match=r"there is no folder .*nowhere"):
            export_history(tracks, tmp_path / "nowhere" / f"out.{ending}", size=64)


def test_a_failure_leaves_the_older_film_and_nothing_else(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    id = make_run(store, spec)
    folder = tmp_path / "films"
    folder.mkdir()
    for ending in ("gif", "mp4"):
        target = folder / f"out.{ending}"
        target.write_bytes(b"older")

        def interrupt(share: float, what: str) -> None:
            if share > 0.3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_history(tracks_of(store, [id]), target, size=64, progress=interrupt)
        assert target.read_bytes() == b"older"
    assert sorted(path.name for path in folder.iterdir()) == ["out.gif", "out.mp4"]


def test_each_run_shows_the_nearest_preview_at_or_before_a_step(tmp_path: Path) -> None:
    previews = {
        name: [Preview(step, step, tmp_path / f"{step}.png", 1) for step in steps]
        for name, steps in {"a": (0, 10, 20), "b": (5, 15)}.items()
    }
    assert all_steps(previews) == [0, 5, 10, 15, 20]

    def shown(step: int) -> dict[str, int | None]:
        return {name: preview and preview.step for name, preview in frames_at(previews, step).items()}

    assert shown(4) == {"a": 0, "b": None}
    assert shown(5) == {"a": 0, "b": 5}
    assert shown(14) == {"a": 10, "b": 5}
    assert shown(99) == {"a": 20, "b": 15}


def test_films_need_no_torch() -> None:
    code = "import sys, gan_core.runs.export; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
