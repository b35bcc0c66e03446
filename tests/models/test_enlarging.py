"""Pictures enlarged in tiles: as the whole picture at once, keeping its kind, and in little memory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.models import enlarging
from gan_core.models.enlarging import blended, enlarge, enlarged_rows, needed, tiling
from gan_core.models.sampler import Sampler
from gan_core.models.tiles import spans
from gan_core.models.underlay import underlaid
from gan_core.pictures.photos import array_of, write

Settings = dict[str, object]


def model(recipe: str = "srgan", colours: int = 3, seed: int = 0, **changes: object) -> Sampler:
    """With random weights, large enough for pictures of full contrast, so that no layer is without effect."""
    found = recipes.get(recipe)
    hparams = replace(found.tiny, seed=seed, **changes)
    spec = DataSpec({"real": (colours, 32, 32)})
    generator = found.build(hparams, spec)["generator"].eval().requires_grad_(False)
    layers = [layer for layer in generator.modules() if isinstance(layer, nn.Conv2d)]
    if not layers[-1].weight.any():  # those that add to bicubic enlargement start at zero
        nn.init.kaiming_normal_(layers[-1].weight)
    for layer in layers:
        layer.weight.mul_(10 if recipe == "esrgan" else 1.5)  # ESRGAN starts with a tenth of the usual weights
    made = generator(torch.from_numpy(photo(64, 64)[:, :, :colours]).permute(2, 0, 1)[None] / 127.5 - 1)
    layers[-1].weight.mul_(0.4 / made.std())
    return Sampler(found, hparams, spec, {"generator": generator})


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Soft blobs, hard edges and a little noise, uint8 (H, W, 3)."""
    numbers = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / a + b) * np.cos(y / c) for a, b, c in numbers.uniform(3, 30, (3, 3))]
    levels = 128 + 60 * np.stack(waves, 2) + 40 * ((x // 17 + y // 23) % 2)[:, :, None]
    return np.clip(levels + numbers.normal(0, 4, levels.shape), 0, 255).astype(np.uint8)


def at_once(sampler: Sampler, array: np.ndarray) -> np.ndarray:
    images = torch.from_numpy(array.astype(np.float32)).permute(2, 0, 1) / 127.5 - 1
    made: Tensor = sampler.upscale(images)
    return (made.permute(1, 2, 0).add(1).mul(127.5).round().clamp(0, 255)).numpy().astype(np.uint8)


def difference(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize(("length", "core", "margin", "fade"), [(100, 100, 9, 0), (101, 40, 9, 0), (333, 64, 20, 16)])
def test_tiles_cover_an_axis_once(length: int, core: int, margin: int, fade: int) -> None:
    counted = torch.zeros(3 * length)
    for span in spans(length, core, margin, fade):
        assert span.start <= span.first < span.last <= span.stop
        counted[3 * span.first : 3 * span.last] += span.weights(3)
    torch.testing.assert_close(counted, torch.ones(3 * length))


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [("srgan", {"blocks": 3, "scale": "4"}), ("srgan", {"scale": "2"}), ("esrgan", {"scale": "4"})],
)
def test_a_network_sees_no_further_than_declared(recipe: str, changes: Settings) -> None:
    sampler = model(recipe, **changes)
    reach, side, scale = needed(sampler).reach, 161, int(sampler.hparams.scale)
    images = torch.randn(1, 3, side, side, requires_grad=True)
    made = sampler.networks["generator"](images)
    made[0, :, scale * (side // 2), scale * (side // 2)].sum().backward()
    assert images.grad is not None
    seen = images.grad[0].abs().amax((0, 1)).nonzero().flatten()
    furthest = max(side // 2 - int(seen.min()), int(seen.max()) - side // 2)
    assert reach - 2 <= furthest <= reach


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("srgan", {"blocks": 2, "scale": "4"}),
        ("srgan", {"scale": "2"}),
        ("srgan", {"scale": "4", "batch_norm": False, "from_bicubic": True}),
        ("esrgan", {"scale": "4"}),
    ],
)
@pytest.mark.parametrize("shape", [(97, 150), (40, 131), (131, 5)])
def test_where_the_overlap_covers_what_the_network_sees_tiles_are_exact(
    recipe: str, changes: Settings, shape: tuple[int, int]
) -> None:
    sampler = model(recipe, **changes)
    array = photo(*shape)
    side = 2 * needed(sampler).reach + 31
    rows, columns = tiling(sampler, array.shape, int(sampler.hparams.scale), side)
    assert len(rows) * len(columns) > 1
    tiled = enlarge(sampler, array, tile=side)
    assert difference(tiled, at_once(sampler, array)) <= 1
    assert len(np.unique(tiled)) > 100


def seams(made: np.ndarray, whole: np.ndarray, places: list[int], axis: int) -> tuple[float, float]:
    """How much steeper the steps across seams are than in the picture enlarged at once: mean and maximum."""
    steps = [np.abs(np.diff(array.astype(float), axis=axis)) for array in (made, whole)]
    excess = np.abs(steps[0] - steps[1]).mean(axis=(1 - axis, 2))
    return float(excess[[place - 1 for place in places]].mean()), float(excess.max())


@pytest.mark.parametrize("kind", ["gradient", "photo"])
def test_where_it_does_not_cover_it_no_seam_is_seen(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deep network: 5 x 15 convolutions reach 79 pixels, and tiles overlap by 64."""
    sampler = model("esrgan", blocks=5, scale="2")
    assert needed(sampler).reach > enlarging.MOST_MARGIN
    y, x = np.mgrid[:220, :260]
    ramp = np.stack([x * 255 / 260, y * 255 / 220, (x + y) * 255 / 480], 2).astype(np.uint8)
    array = ramp if kind == "gradient" else photo(220, 260)
    whole = at_once(sampler, array)
    tiled = enlarge(sampler, array, tile=2 * 64 + 70)
    rows, columns = tiling(sampler, array.shape, 2, 2 * 64 + 70)
    assert len(rows) > 2 < len(columns)
    assert difference(tiled, whole) <= 2
    for axis, parts in ((0, rows), (1, columns)):
        inner = [2 * (part.first + enlarging.FADE) for part in parts[1:]]
        mean, worst = seams(tiled, whole, inner, axis)
        assert mean < 0.5
        assert worst < 0.5


def test_rows_come_as_they_are_made_and_progress_ends_at_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = model(scale="2")
    array = photo(150, 64)
    reported: list[float] = []
    parts = list(enlarged_rows(sampler, array, tile=60, progress=lambda share, what: reported.append(share)))
    assert len(parts) > 2
    assert sum(map(len, parts)) == 300
    assert reported == sorted(reported)
    assert (reported[0], reported[-1]) == (0.0, 1.0)
    monkeypatch.setattr(enlarging, "STRIP_BYTES", 4 * 3 * 64 * 4 * 70)  # room for 70 rows of the input at once
    assert len(list(enlarged_rows(sampler, array))) == 3


def test_an_exception_of_progress_ends_the_work() -> None:
    class Stopped(Exception):
        pass

    def stop(share: float, what: str) -> None:
        if share > 0.3:
            raise Stopped

    with pytest.raises(Stopped):
        enlarge(model(), photo(150, 150), tile=64, progress=stop)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_picture_keeps_its_kind(mode: str, channels: int) -> None:
    sampler = model(colours=channels)
    picture = Image.fromarray(photo(20, 30)).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    made = enlarge(sampler, picture)
    assert (made.mode, made.size) == (mode, (60, 40))
    levels = array_of(made)
    if mode in ("L", "LA") and channels == 3:  # grey is the mean of the output for three equal channels
        grey = np.repeat(array_of(picture)[:, :, :1], 3, 2)
        assert difference(levels[:, :, 0], at_once(sampler, grey).mean(2)) <= 1
    if mode in ("LA", "RGBA"):
        assert (levels[:, :, -1] == 255).all()


def test_deep_pictures_keep_their_depth() -> None:
    sampler = model()
    shallow = photo(20, 30)
    deep = enlarge(sampler, shallow.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - enlarge(sampler, shallow)).max() <= 0.51
    assert len(np.unique(deep)) > 256
    assert enlarge(sampler, shallow[:, :, 0]).shape == (40, 60)


@pytest.mark.parametrize("size", [(40, 40), (41, 33), (1, 9)])
@pytest.mark.parametrize("channels", [2, 4])
def test_colours_under_clear_pixels_do_not_leak(channels: int, size: tuple[int, int]) -> None:
    """A white disc on transparency: whatever the colour of transparent pixels, the result on white is purely white."""
    y, x = np.mgrid[: size[0], : size[1]]
    visible = (y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < 150
    white = np.full((*size, channels), 255, np.uint8)
    white[~visible, -1] = 0
    dark, noisy = white.copy(), white.copy()
    dark[~visible, :-1] = 0
    noisy[~visible, :-1] = np.random.default_rng(0).integers(0, 256, noisy[~visible, :-1].shape)
    sampler = model()
    kept = white.copy()
    made = [enlarge(sampler, array) for array in (white, dark, noisy)]
    assert made[0].shape == (2 * size[0], 2 * size[1], channels)
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0])
    np.testing.assert_array_equal(white, kept)
    deep = enlarge(sampler, dark.astype(np.uint16) * 257)
    assert difference(np.rint(deep / 257), made[0]) <= 1


def test_clear_pixels_take_the_colours_beside_them() -> None:
    array = np.zeros((600, 5, 4), np.uint8)
    array[:4] = (200, 10, 0, 255)
    array[-4:] = (0, 30, 90, 128)
    filled = underlaid(array)
    np.testing.assert_array_equal(filled[:, :, 3], array[:, :, 3])
    assert (filled[4:6, :, :3] == (200, 10, 0)).all()
    assert (filled[-6:-4, :, :3] == (0, 30, 90)).all()
    assert (filled[:, :, 0].max(), filled[:, :, 2].max()) == (200, 90)
    for whole in (array[:4], np.zeros((3, 3, 4), np.uint8)):
        assert underlaid(whole) is whole


def test_alpha_is_enlarged_bicubically() -> None:
    alpha = np.zeros((40, 40), np.uint8)
    alpha[10:30, 10:30] = 255
    array = np.concatenate([photo(40, 40), alpha[:, :, None]], 2)
    made = enlarge(model(), array, tile=40)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(alpha / 255.0)[None, None], scale_factor=2.0, mode="bicubic"
    )
    assert difference(made[:, :, 3], (255 * expected[0, 0]).round().clamp(0, 255).numpy()) <= 1
    np.testing.assert_array_equal(made[:, :, :3], enlarge(model(), underlaid(array)[:, :, :3].copy(), tile=40))


def test_a_model_of_four_times_enlarges_twice_by_means() -> None:
    sampler = model(scale="4")
    array = photo(30, 30)
    made = enlarge(sampler, array, scale=2)
    four = at_once(sampler, array).astype(float).reshape(60, 2, 60, 2, 3).mean((1, 3))
    assert np.abs(made - four).max() <= 1.01
    with pytest.raises(BadValue, match=r"factor of 3. Valid: 2, 4"):
        enlarge(sampler, array, scale=3)
    with pytest.raises(BadValue, match=r"factor of 4. Valid: 2\."):
        enlarge(model(scale="2"), array, scale=4)


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        ((4000, 4001, 3), np.uint8, "16.1 megapixels; at most 16 can be upscaled by a factor of 2"),
        ((4097, 4097, 3), np.uint8, "16.8 megapixels; at most 16 can be upscaled by a factor of 2"),
        ((20, 20, 5), np.uint8, "8 or 16 bits"),
        ((0, 20, 3), np.uint8, "8 or 16 bits"),
        ((20, 20, 3), np.float32, "8 or 16 bits"),
    ],
)
def test_pictures_that_cannot_be_enlarged_are_reported(shape: tuple[int, ...], kind: type, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        enlarge(model(), np.zeros(shape, kind))


def test_a_model_that_does_not_enlarge_and_a_tile_that_is_too_small() -> None:
    found = recipes.get("pix2pix")
    spec = DataSpec({"source": (3, 8, 8), "target": (3, 8, 8)})
    other = Sampler(found, found.tiny, spec, found.build(found.tiny, spec))
    with pytest.raises(BadValue, match="is not a super-resolution model"):
        enlarge(other, photo(8, 8))
    with pytest.raises(BadValue, match=r"at least .* pixels wide for this model, got 5"):
        enlarge(model(), photo(80, 80), tile=5)


def test_the_smallest_picture() -> None:
    assert enlarge(model(scale="4"), np.full((1, 1, 3), 7, np.uint8)).shape == (4, 4, 3)


def test_models_are_blended_by_their_weights() -> None:
    one, other = model(seed=1), model(seed=2)
    array = photo(16, 16)
    np.testing.assert_array_equal(enlarge(blended(one, other, 0.0), array), enlarge(one, array))
    np.testing.assert_array_equal(enlarge(blended(one, other, 1.0), array), enlarge(other, array))
    middle = blended(one, other, 0.25).networks["generator"].state_dict()
    for name, weight in middle.items():
        if weight.is_floating_point():
            first, second = (net.networks["generator"].state_dict()[name] for net in (one, other))
            torch.testing.assert_close(weight, 0.75 * first + 0.25 * second)
    for wrong in (model("esrgan"), model(blocks=2), model(scale="4")):
        with pytest.raises(BadValue, match="their networks differ"):
            blended(one, wrong, 0.5)
    with pytest.raises(BadValue, match="between 0 and 1"):
        blended(one, other, 1.5)


MEMORY = """
import sys
import numpy as np
from benchmarks.timing import peak, reset_peak
from gan_core.models.enlarging import enlarge
from gan_core.pictures.photos import read, write
from pathlib import Path
from tests.models.test_enlarging import model
sampler = model(scale=sys.argv[1], channels=16, blocks=1)
enlarge(sampler, np.zeros((100, 100, 3), np.uint8))
reset_peak()
idle = peak()
made = enlarge(sampler, read(Path(sys.argv[2]), 2**24))
write(Path(sys.argv[3]), made)
print(made.shape, peak() - idle)
"""


@pytest.mark.release
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("scale", "height", "width", "kind"),
    [("2", 4000, 4000, "uint16"), ("4", 16, 32768, "uint16")],
)
def test_large_pictures_need_little_memory(scale: str, height: int, width: int, kind: str, tmp_path: Path) -> None:
    """From one file to another, above the size of a process that has enlarged a small picture."""
    row = np.linspace(0, np.iinfo(kind).max, width).astype(kind)
    write(tmp_path / "given.png", np.broadcast_to(row[None, :, None], (height, width, 3)))
    command = [sys.executable, "-c", MEMORY, scale, str(tmp_path / "given.png"), str(tmp_path / "made.png")]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=1700, check=False
    )
    assert done.returncode == 0, done.stderr
    shape, _, mebibytes = done.stdout.strip().rpartition(" ")
    assert shape == f"({int(scale) * height}, {int(scale) * width}, 3)"
    assert 0 < float(mebibytes) < 1.5 * 2**10
