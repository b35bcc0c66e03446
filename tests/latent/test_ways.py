"""Paths between points, and films of them."""

from __future__ import annotations

import itertools
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from imageio_ffmpeg import count_frames_and_secs, read_frames
from PIL import Image, ImageSequence
from scipy.interpolate import CubicSpline
from torch.testing import assert_close

from gan_core.errors import BadValue
from gan_core.latent.explorer import Explorer
from gan_core.latent.film import check_film, write_film
from gan_core.latent.interpolation import interpolate, lerp, slerp
from gan_core.latent.points import joined
from gan_core.latent.truncation import Truncation, truncated
from gan_core.pictures.grids import to_uint8
from gan_core.pictures.photos import sample_photo
from gan_core.pictures.video import durations, indexed, write_gif, write_mp4
from tests.conftest import assert_same_pictures
from tests.latent.models import explorer


@pytest.fixture(scope="module")
def styled() -> Explorer:
    return explorer("stylegan2")


@pytest.fixture(scope="module")
def plain() -> Explorer:
    return explorer("dcgan")


def test_slerp_turns_evenly_and_keeps_lengths() -> None:
    one, other = torch.tensor([[2.0, 0, 0]]), torch.tensor([[0, 4.0, 0]])
    half = slerp(one, other, torch.tensor([0.5]))
    assert_close(half, torch.tensor([[3 / 2**0.5, 3 / 2**0.5, 0]]))  # 45 degrees, length 3
    third = slerp(one, other, torch.tensor([1 / 3]))
    assert float(torch.atan2(third[0, 1], third[0, 0])) == pytest.approx(np.pi / 6, abs=1e-6)
    for share, end in ((0.0, one), (1.0, other)):
        assert_close(slerp(one, other, torch.tensor([share])), end, atol=1e-6, rtol=0)
    assert_close(slerp(one, 3 * one, torch.tensor([0.5])), 2 * one)
    assert_close(slerp(one, -one, torch.tensor([0.25])), one / 2)
    assert_close(lerp(one, other, torch.tensor([0.25])), torch.tensor([[1.5, 1.0, 0]]))


@pytest.mark.parametrize("kind", ["linear", "spherical", "smooth"])
@pytest.mark.parametrize("name", ["stylegan2", "dcgan", "cgan"])
def test_a_path_passes_its_keyframes_and_a_loop_closes(name: str, kind: str) -> None:
    model = explorer(name)
    keyframes = model.sample(3, 5)
    wanted = model.draw(keyframes)
    there = model.draw(interpolate(model, keyframes, 9, kind=kind))  # type: ignore[arg-type]
    assert_same_pictures(there[[0, 4, 8]], wanted)
    loop = model.draw(interpolate(model, keyframes, 12, closed=True, kind=kind))  # type: ignore[arg-type]
    assert len(loop) == 12
    assert_same_pictures(loop[[0, 4, 8]], wanted)
    again = model.draw(interpolate(model, joined([keyframes, keyframes.at(0)]), 13, kind=kind))  # type: ignore[arg-type]
    if kind != "smooth":
        assert_same_pictures(loop, again[:12])  # the last step of a loop leads back to the first keyframe


def test_smooth_paths_are_scipys_splines(plain: Explorer) -> None:
    keyframes = plain.sample(4, 2)
    z = plain.read(keyframes, "z").double().numpy()
    found = plain.read(interpolate(plain, keyframes, 16, closed=True, kind="smooth"), "z")
    spline = CubicSpline(range(5), np.concatenate([z, z[:1]]), bc_type="periodic")
    assert_close(found.double().numpy(), spline(np.arange(16) / 4), atol=1e-5, rtol=0)


def test_invalid_paths_are_refused(styled: Explorer) -> None:
    keyframes = styled.sample(3)
    for arguments, said in (
        ((styled.sample(1), 10), "2 to 64 keyframes, got 1"), ((keyframes, 2), "between 3 and 3000"),
        ((keyframes, 3001), "between 3 and 3000"), ((keyframes, 10, False, "winding"), "interpolation 'winding'"),
    ):  # fmt: skip
        with pytest.raises(BadValue, match=said):
            interpolate(styled, *arguments)  # type: ignore[arg-type]
    with pytest.raises(BadValue, match="no coordinates in z"):
        interpolate(styled, joined([styled.mean(), keyframes]), 10, kind="spherical")


def test_films_show_every_point_once(styled: Explorer, tmp_path: Path) -> None:
    points = interpolate(styled, styled.sample(2), 6)
    said: list[float] = []
    for ending in (".mp4", ".gif", ".webp", ".zip"):
        film = write_film(styled, points, tmp_path / f"film{ending}", 12, 64, lambda share, what: said.append(share))
        assert (film.frames, film.seconds, film.bytes) == (6, 0.5, film.path.stat().st_size)
    assert said[-1] == 1.0
    frames, seconds = count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert (frames, round(seconds, 1)) == (6, 0.5)
    reader = read_frames(str(tmp_path / "film.mp4"))
    assert next(reader)["size"] == (64, 64)
    reader.close()
    for ending in (".gif", ".webp"):
        with Image.open(tmp_path / f"film{ending}") as image:
            assert (image.n_frames, image.size, image.info["loop"]) == (6, (64, 64), 0)
    with zipfile.ZipFile(tmp_path / "film.zip") as archive:
        assert archive.namelist() == [f"{place:05d}.png" for place in range(6)]
        first = Image.open(archive.open("00000.png"))
    drawn = Image.fromarray(to_uint8(styled.draw(points.at(0)))[0])
    assert_same_pictures(first, drawn.resize((64, 64), Image.Resampling.LANCZOS))  # drawn alone, and in a batch
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.gif", "film.mp4", "film.webp", "film.zip"]


def lasting_of(film: Image.Image) -> list[int]:
    """Milliseconds of each frame."""
    found = []
    for frame in ImageSequence.Iterator(film):
        frame.load()
        found.append(frame.info["duration"])
    return found


@pytest.mark.parametrize("rate", [7, 20, 24, 30, 50])
@pytest.mark.parametrize("count", [2, 11, 48])
def test_a_film_lasts_as_long_as_it_says(styled: Explorer, tmp_path: Path, rate: int, count: int) -> None:
    """Frame i ends at round(100 (i + 1) / rate) hundredths, so that rounding errors never add up."""
    points = interpolate(styled, styled.sample(2), count)
    for ending, unit in ((".gif", 10), (".webp", 1)):
        film = write_film(styled, points, tmp_path / f"film{ending}", rate, 32)
        with Image.open(film.path) as image:
            lasting = lasting_of(image)
        ends = [round(1000 * (place + 1) / rate / unit) * unit for place in range(count)]
        assert list(itertools.accumulate(lasting)) == ends
        assert abs(sum(lasting) / 1000 - film.seconds) <= unit / 2000
    film = write_film(styled, points, tmp_path / "film.mp4", rate, 32)
    frames, seconds = count_frames_and_secs(str(film.path))
    assert frames == film.frames
    assert seconds == pytest.approx(film.seconds, abs=0.011)  # according to ffmpeg


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_equal_frames_keep_their_time(styled: Explorer, tmp_path: Path, ending: str) -> None:
    still = styled.sample(1, 3)
    points = joined([still] * 5 + [styled.sample(1, 4)] * 2)
    with Image.open(write_film(styled, points, tmp_path / f"film{ending}", 24, 32).path) as image:
        lasting = lasting_of(image)
    assert sum(lasting) == (290 if ending == ".gif" else 292)  # 7 frames


def test_a_gif_is_near_to_what_was_drawn_and_exact_where_it_is_grey() -> None:
    photo = sample_photo("flower.jpg").crop((0, 0, 256, 256))
    error = np.square(np.asarray(indexed(photo).convert("RGB"), float) - np.asarray(photo, float)).mean()
    usual = photo.quantize(256, dither=Image.Dither.NONE).convert("RGB")
    assert error <= 1.1 * np.square(np.asarray(usual, float) - np.asarray(photo, float)).mean()
    grey = photo.convert("L").convert("RGB")
    assert indexed(grey).convert("RGB").tobytes() == grey.tobytes()


def test_a_gif_takes_at_most_twice_the_time_of_an_mp4(tmp_path: Path) -> None:
    """Processor time, including the encoder's process, so that other work on the machine doesn't count."""
    photo = sample_photo("china.jpg")
    frames = [photo.crop((place, place, place + 384, place + 384)) for place in range(24)]

    def spent(write: Callable[[], None]) -> float:
        before = os.times()
        write()
        return sum(os.times()[:4]) - sum(before[:4])

    gif = min(spent(lambda: write_gif(tmp_path / "a.gif", iter(frames), durations(24, 20, 10))) for _ in range(3))
    mp4 = min(spent(lambda: write_mp4(tmp_path / "a.mp4", iter(frames), 20)) for _ in range(3))
    assert gif <= 2 * mp4


def test_a_gif_holds_what_changes_alone(tmp_path: Path) -> None:
    """A picture of which one corner changes: sizes, and every frame unchanged."""
    frames = [Image.new("RGB", (64, 64), (200, 30, 30)) for _ in range(4)]
    for place, frame in enumerate(frames):
        frame.paste((10, 20, 60 * place), (40, 40, 44 + place, 44))
    write_gif(tmp_path / "film.gif", iter(frames), [50] * 4)
    assert (tmp_path / "film.gif").stat().st_size < 6_000
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 4
        for place, frame in enumerate(frames):
            film.seek(place)
            assert film.convert("RGB").tobytes() == frame.tobytes()


@pytest.mark.parametrize(
    ("name", "rate", "size", "said"),
    [("film.avi", 24, 64, r"Valid file extensions: \.mp4, \.gif, \.webp, \.zip"),
     ("film", 24, 64, "Valid file extensions"),
     ("film.gif", 60, 64, "1 and 50 frames"), ("film.mp4", 0, 64, "1 and 60 frames"), ("film.mp4", 24, 8, "32 and")],
)  # fmt: skip
def test_films_that_can_not_be_written_are_refused(name: str, rate: int, size: int, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        check_film(Path(name), rate, size)


def test_no_partial_file_is_left(plain: Explorer, tmp_path: Path) -> None:
    def interrupted(share: float, what: str) -> None:
        if share > 0:
            raise KeyboardInterrupt

    points = interpolate(plain, plain.sample(2), 40)
    for ending in (".mp4", ".gif", ".zip"):
        with pytest.raises(KeyboardInterrupt):
            write_film(plain, points, tmp_path / f"film{ending}", 12, 64, interrupted)
    with pytest.raises(BadValue, match=r"there is no folder .*missing"):
        write_film(plain, points, tmp_path / "missing" / "film.gif")
    assert os.listdir(tmp_path) == []


def test_a_spherical_path_passes_truncated_and_edited_keyframes(styled: Explorer) -> None:
    keyframes = truncated(styled, styled.sample(2, 5), Truncation(0.5))
    moved = replace(keyframes, ws=keyframes.ws + 0.3)
    path = interpolate(styled, moved, 5, kind="spherical")
    assert path.ws is not None
    assert path.latents is not None
    assert_close(path.ws[[0, 4]], moved.ws)
    z = styled.sample(2, 5).latents
    assert z is not None
    assert_close(path.latents[2:3], slerp(z[:1], z[1:], torch.tensor([0.5])))
    free = interpolate(styled, styled.sample(2, 5), 5, kind="spherical")
    assert_close(free.ws, styled.placed(free).ws)


def test_films_of_binary_latents_do_not_jump() -> None:
    binary = explorer("stylegan2", binary_latents=3)
    keyframes = binary.sample(2, 5)
    path = interpolate(binary, keyframes, 5, kind="spherical")
    assert_close(path.ws, interpolate(binary, keyframes, 5, kind="linear").ws)
    steps = binary.read(path, "w+").diff(dim=0).abs().amax((1, 2))
    assert_close(steps, steps.mean().expand(4))
