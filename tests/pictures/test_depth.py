"""16-bit files that use 8, 10, 12 or 14 bits are read correctly everywhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from gan_core.data import load
from gan_core.data.user.references import UserImages, user_images
from gan_core.errors import BadData, BadValue
from gan_core.models import loading
from gan_core.models.enlarging import enlarge
from gan_core.models.translator import translate_picture
from gan_core.pictures import png16
from gan_core.pictures.decoding import Unusable, decode
from gan_core.pictures.depth import DEPTHS, eight_bits, used, white, whites
from gan_core.pictures.photos import read, read_from
from tests.cli.commands import ganscope, ok, refused
from tests.made_models import make_model
from ui.studio.requests.uploads import clean, picture_of, received

RAMP = np.linspace(0, 1, 32)[None].repeat(32, 0)  # from black to white, (H, W)


def ramp(depth: int, channels: int = 1, part: float = 1.0) -> np.ndarray:
    """The ramp in uint16 (H, W, C), up to a part of its white; alpha is opaque."""
    levels = np.rint(RAMP * part * white(depth)).astype(np.uint16)[:, :, None].repeat(channels, 2)
    if channels in (2, 4):
        levels[:, :, -1] = 65535
    return levels


def deep_png(path: Path, levels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(png16.encoded(levels)))
    return path


def deep_tiff(path: Path, levels: np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = levels.shape[2] >= 3
    tifffile.imwrite(
        path, levels if colours else levels[:, :, 0], photometric="rgb" if colours else "minisblack", **options
    )
    return path


def test_the_bits_that_are_used_by_hand() -> None:
    for peak, depth in ((0, 8), (255, 8), (256, 10), (1023, 10), (1024, 12), (4095, 12), (4096, 14), (16384, 16)):
        assert used(np.array([[0, peak]], np.uint16)) == depth
    assert used(np.array([[0, 3]], np.uint8)) == 8
    clear = np.dstack([ramp(12, 3), np.full((32, 32), 65535, np.uint16)])
    assert list(whites(clear)) == [4095, 4095, 4095, 65535]
    assert list(whites(clear, 16)) == [65535] * 4
    np.testing.assert_array_equal(eight_bits(np.array([[[0], [2048], [4095]]], np.uint16))[0, :, 0], [0, 128, 255])
    with pytest.raises(BadData, match="levels up to 4095, but 10 bits hold at most 1023"):
        whites(ramp(12), 10)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("kind", ["grey.png", "colours.png", "clear.png", "grey.tif", "colours.tif", "zipped.tif"])
def test_training_data_span_black_to_white(depth: int, kind: str, tmp_path: Path, home: Path) -> None:
    channels = {"grey": 1, "clear": 4}.get(kind.partition(".")[0], 3)
    levels = ramp(depth, channels)
    if kind.endswith("png"):
        deep_png(tmp_path / "set" / kind, levels)
    else:
        deep_tiff(tmp_path / "set" / kind, levels, **({"compression": "zlib"} if kind == "zipped.tif" else {}))
    found = load(f"folder:{tmp_path / 'set'}", 32)
    assert np.abs(found.arrays["real"][0, 0] - 255 * RAMP).max() <= 1
    assert (f"They use {depth} bits, so the level {white(depth)} is taken as white." in str(found.notes)) == (
        depth < 16
    )


def test_a_depth_that_a_tiff_declares_is_its_own(tmp_path: Path, home: Path) -> None:
    """12 bits packed into 12: the brightest level doesn't matter."""
    levels = ramp(12, part=0.2)[:, :, 0]
    (tmp_path / "set").mkdir()
    pairs = levels.reshape(32, 16, 2).astype(np.uint32)
    packed = np.stack([pairs[:, :, 0] >> 4, (pairs[:, :, 0] & 15) << 4 | pairs[:, :, 1] >> 8, pairs[:, :, 1] & 255], 2)
    strip = packed.astype(np.uint8).tobytes()
    (tmp_path / "set" / "a.tif").write_bytes(_tiff_of_12_bits(strip))
    found = load(f"folder:{tmp_path / 'set'}", 32).arrays["real"][0, 0]
    assert np.abs(found - 255 * 0.2 * RAMP).max() <= 1


def _tiff_of_12_bits(strip: bytes) -> bytes:
    """A file of one strip of 32 x 32 grey pixels, which no writer here packs so tightly."""
    tags = {256: 32, 257: 32, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 32, 279: len(strip)}
    table = b"".join(
        np.array([tag, 4], "<u2").tobytes() + np.array([1, value], "<u4").tobytes() for tag, value in tags.items()
    )
    head = b"II*\0" + np.array([8 + len(strip)], "<u4").tobytes()
    return head + strip + np.array([len(tags)], "<u2").tobytes() + table + bytes(4)


def test_dark_pictures_of_a_set_stay_dark(tmp_path: Path, home: Path) -> None:
    """A 12-bit picture whose brightest level would fit into 8 bits, and a bright one: white is the same for both."""
    deep_png(tmp_path / "set" / "a_bright.png", ramp(12))
    deep_png(tmp_path / "set" / "b_dark.png", ramp(12, part=0.05))
    Image.fromarray(np.rint(255 * RAMP).astype(np.uint8)).save(tmp_path / "set" / "c_of_8_bits.png")
    found = load(f"folder:{tmp_path / 'set'}", 32)
    for image, part in zip(found.arrays["real"][:, 0], (1, 0.05, 1), strict=True):
        assert np.abs(image - 255 * part * RAMP).max() <= 1
    assert found.notes == ("Files of 16 bits a channel: 2. They use 12 bits, so the level 4095 is taken as white.",)
    packed = tmp_path / "set.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for path in (tmp_path / "set").iterdir():
            file.write(path, path.name)
    np.testing.assert_array_equal(load(f"zip:{packed}", 32).arrays["real"], found.arrays["real"])


def test_a_depth_can_be_asked_for(tmp_path: Path, home: Path) -> None:
    deep_png(tmp_path / "set" / "a.png", ramp(12))
    as_16 = load(f"folder+16bit:{tmp_path / 'set'}", 32)
    assert as_16.arrays["real"].max() == 16  # this used to happen silently
    assert as_16.notes == ()
    assert load(f"folder+pad+14bit:{tmp_path / 'set'}", 32).arrays["real"].max() == 64
    assert load(f"folder:{tmp_path / 'set'}", 32).arrays["real"].max() == 255
    with pytest.raises(BadData, match=r"levels up to 4095, but 10 bits hold at most 1023"):
        load(f"folder+10bit:{tmp_path / 'set'}", 32)
    assert user_images(str(UserImages("paired", "/x", "pad", 12))) == UserImages("paired", "/x", "pad", 12)
    for wrong in ("folder+13bit:/x", "folder+bit:/x", "folder+8bit+12bit:/x"):
        with pytest.raises(BadValue, match="Valid: 8bit, 10bit, 12bit, 14bit, 16bit"):
            load(wrong, 32)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_depth_that_cannot_hold_all_levels_is_refused(channels: int) -> None:
    content = io.BytesIO(b"".join(png16.encoded(ramp(16, channels))))
    with pytest.raises(Unusable, match="levels up to 65535, but 12 bits hold at most 4095"):
        decode(content, 16, depth=12)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_tiffs_whose_zero_is_white_are_no_negatives(kind: type, tmp_path: Path) -> None:
    levels: np.ndarray = np.rint(RAMP * np.iinfo(kind).max).astype(kind)
    turned: dict[str, Any] = {"extratags": [(274, 3, 1, 6)]}
    tifffile.imwrite(tmp_path / "x.tif", np.iinfo(kind).max - levels, photometric="miniswhite", **turned)
    wanted = eight_bits(np.rot90(levels, -1)[:, :, None])[:, :, 0]
    content = (tmp_path / "x.tif").read_bytes()
    np.testing.assert_array_equal(read(tmp_path / "x.tif", 2**20)[:, :, 0], np.rot90(levels, -1))
    np.testing.assert_array_equal(decode(io.BytesIO(content), 32).pixels[0], wanted)
    np.testing.assert_array_equal(np.asarray(clean(Image.open(io.BytesIO(content))))[:, :, 0], wanted)


def test_signed_pixels_are_refused_by_name() -> None:
    content = io.BytesIO()
    tifffile.imwrite(content, (ramp(10)[:, :, 0].astype(np.int16) - 512))
    with pytest.raises(Unusable, match="signed pixels with negative values"):
        decode(content, 16)


@pytest.mark.parametrize("depth", [12, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_pngs_are_turned_as_their_exif_says(depth: int, channels: int) -> None:
    levels = ramp(depth, channels)[:16]
    content = b"".join(png16.encoded(levels))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = content[:33] + png16.chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + content[33:]
    np.testing.assert_array_equal(read_from(io.BytesIO(turned), 2**20, "x.png"), np.rot90(levels, -1))
    pixels = decode(io.BytesIO(turned), 16).pixels.astype(int)
    assert (pixels[0, :, 0] == pixels[0, :, -1]).all()  # the ramp goes down now
    assert pixels[0, 0, 0] < pixels[0, -1, 0]
    assert np.asarray(clean(picture_of(turned))).shape == (32, 16, 3)


@pytest.mark.parametrize("depth", [12, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_level_of_a_deep_png_is_clear(depth: int, channels: int) -> None:
    levels = ramp(depth, channels)
    content = b"".join(png16.encoded(levels))
    key = b"\0\0" * channels  # black is transparent
    clear = content[:33] + png16.chunk(b"tRNS", key) + content[33:]
    array = read_from(io.BytesIO(clear), 2**20, "x.png")
    np.testing.assert_array_equal(array[:, :, :channels], levels)
    assert (array[:, 0, channels] == 0).all()
    assert (array[:, 1:, channels] == 65535).all()
    assert (decode(io.BytesIO(clear), 32).pixels[:, :, 0] == 255).all()
    assert (decode(io.BytesIO(clear), 32).pixels[:, :, 1] < 16).all()


def test_pairs_and_domains_of_12_bits(tmp_path: Path, home: Path) -> None:
    """Each side by its own depth: drawings of 8 bits, slides of 12."""
    for name, part in (("1", 1.0), ("2", 0.04)):
        deep_png(tmp_path / "trainA" / f"{name}.png", ramp(12, 3, part))
        (tmp_path / "trainB").mkdir(exist_ok=True)
        Image.fromarray(np.rint(255 * RAMP).astype(np.uint8)).save(tmp_path / "trainB" / f"{name}.png")
    note = "Files of 16 bits a channel: 2. They use 12 bits, so the level 4095 is taken as white."
    for _read in ("made", "out of the cache"):
        pairs = load(f"paired:{tmp_path}", 32)
        assert np.abs(pairs.arrays["source"][1, 0] - 255 * 0.04 * RAMP).max() <= 1
        assert [pairs.arrays[side].max() for side in ("source", "target")] == [255, 255]
        assert pairs.notes == (note,)
    domains = load(f"unpaired:{tmp_path}", 32)
    assert np.abs(domains.arrays["a"][1, 0] - 255 * 0.04 * RAMP).max() <= 1
    assert domains.notes == (note,)
    assert load(f"paired+16bit:{tmp_path}", 32).arrays["source"].max() == 16


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_model("srgan.x", "digits", folder / "srgan.x")
    make_model("cyclegan.x", "digits_coloured_unpaired", folder / "cyclegan.x")
    return folder


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_translated_alike_whatever_they_are_stored_in(models: Path, channels: int) -> None:
    sampler = loading.load(str(models / "cyclegan.x"))
    shallow = translate_picture(sampler, eight_bits(ramp(16, channels)))
    for depth in DEPTHS:
        made = translate_picture(sampler, ramp(depth, channels))
        assert np.abs(made.astype(int) - shallow).max() <= 3  # the shallow one is rounded to 8 bits
    dark = translate_picture(sampler, ramp(12, channels), depth=16)
    assert np.abs(dark.astype(int) - shallow).max() > 3


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_enlarged_pictures_keep_their_own_white(models: Path, channels: int) -> None:
    sampler = loading.load(str(models / "srgan.x"))
    full = enlarge(sampler, ramp(16, channels)).astype(float) / 65535
    for depth in (10, 12, 14):
        made = enlarge(sampler, ramp(depth, channels)).astype(float)
        colours = channels - (channels in (2, 4))
        assert made.max(initial=0, where=np.arange(channels) < colours) <= white(depth)
        assert np.abs(made[:, :, :colours] / white(depth) - full[:, :, :colours]).max() <= 3 / white(depth)
        assert (made[:, :, colours:] == 65535).all()
    as_asked = enlarge(sampler, ramp(12, channels), depth=16).astype(float)
    assert np.abs(as_asked[:, :, :1] / 4095 - full[:, :, :1]).max() > 0.05


def test_on_the_command_line(models: Path, tmp_path: Path, home: Path) -> None:
    photo = deep_png(tmp_path / "slide.png", ramp(12, 3))
    plain = tmp_path / "plain.png"
    Image.fromarray(eight_bits(ramp(12, 3))).save(plain)
    result = ganscope("translate", models / "cyclegan.x", photo, "-o", tmp_path / "a.png")
    note = "slide.png: its values use 12 of 16 bits per channel, so 4095 is taken as white. Use --depth 16"
    assert note in result.stderr
    assert not ganscope("translate", models / "cyclegan.x", plain, "-o", tmp_path / "b.png").stderr
    with Image.open(tmp_path / "a.png") as one, Image.open(tmp_path / "b.png") as other:
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1
    result = ganscope("translate", models / "cyclegan.x", photo, "-o", tmp_path / "c.png", "--depth", "16")
    assert "bits" not in result.stderr
    result = ganscope("upscale", models / "srgan.x", photo, "-o", tmp_path / "large.png")
    assert "use 12 of 16 bits" in result.stderr
    assert 2000 < read(tmp_path / "large.png", 2**20).max() <= 4095
    assert "Valid: 8, 10, 12" in refused(
        2, "upscale", models / "srgan.x", photo, "-o", tmp_path / "x.png", "--depth", "9"
    )
    assert "10 bits hold at most 1023" in refused(
        2, "upscale", models / "srgan.x", photo, "-o", tmp_path / "x.png", "--depth", "10"
    )
    loaded = json.loads(ok("data", "load", f"folder:{tmp_path}", "--size", "32", "--json"))
    assert any("They use 12 bits" in note for note in loaded["notes"])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_uploads_to_the_studio(tmp_path: Path, channels: int) -> None:
    path = deep_png(tmp_path / "slide.png", ramp(12, channels))
    with received(str(path)) as image:
        shown = np.asarray(clean(image))
    assert np.abs(shown[:, :, 0] - 255 * RAMP).max() <= 1


def test_deep_noise_is_still_what_it_was(tmp_path: Path) -> None:
    """Where all 16 bits are used nothing changes."""
    levels = np.random.default_rng(0).integers(0, 65536, (16, 16, 1)).astype(np.uint16)
    made = torch.from_numpy(eight_bits(levels).astype(np.int64))
    assert torch.equal(made, torch.from_numpy((levels.astype(np.int64) + 128) // 257))
