"""Pictures from files and back: their kind is kept, and unreadable ones are reported."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from gan_core.errors import BadData, BadValue, StoreError
from gan_core.pictures import photos, png16
from gan_core.pictures.photos import array_of, image_of, levels_lost, read, write

MOST = 2**20


def noise(channels: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (300, 7, channels)).astype(kind)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_png_comes_back_as_it_was(channels: int, kind: type, tmp_path: Path) -> None:
    array = noise(channels, kind)
    write(tmp_path / "x.PNG", array)
    back = read(tmp_path / "x.PNG", MOST)
    assert back.dtype == kind
    np.testing.assert_array_equal(back, array)
    assert list(tmp_path.iterdir()) == [tmp_path / "x.PNG"]


def test_deep_grey_is_what_pillow_reads(tmp_path: Path) -> None:
    array = noise(1, np.uint16)
    (tmp_path / "x.png").write_bytes(b"".join(png16.encoded(array)))
    with Image.open(tmp_path / "x.png") as image:
        np.testing.assert_array_equal(np.asarray(image), array[:, :, 0])


# written by ImageMagick 6.9 (convert): the same 21 x 13 pixels of 16 bits in all, and as bare numbers
PICTURES = Path(__file__).parent / "files"
LEVELS = np.fromfile(PICTURES / "deep_levels.rgb", ">u2").reshape(13, 21, 3)
ALPHA = {"interlaced_alpha.png": 41287, "alpha.tif": 24248}  # of 65535


@pytest.mark.parametrize(
    "name",
    [
        "plain.png", "interlaced.png", "interlaced_alpha.png",
        "plain.tif", "zip.tif", "other_order.tif", "alpha.tif", "turned.tif",
    ],
)  # fmt: skip
def test_deep_colours_of_other_programs_keep_all_their_levels(name: str) -> None:
    array = read(PICTURES / f"deep_{name}", MOST)
    assert array.dtype == np.uint16
    upright = np.rot90(LEVELS, -1) if name == "turned.tif" else LEVELS
    np.testing.assert_array_equal(array[:, :, :3], upright)
    assert array.shape[2] == (4 if name in ALPHA else 3)
    assert (array[:, :, 3:] == ALPHA.get(name)).all()
    assert not levels_lost(PICTURES / f"deep_{name}", array)


def test_a_deep_packing_that_is_unsupported_is_read_as_8_bits_and_reported(tmp_path: Path) -> None:
    path = PICTURES / "deep_lzw.tif"
    array = read(path, MOST)
    assert array.dtype == np.uint8
    np.testing.assert_allclose(array, LEVELS / 257, atol=1)
    assert levels_lost(path, array)
    for ending in (".png", ".tif", ".jpg", ".webp"):
        write(tmp_path / f"x{ending}", array)
        assert not levels_lost(tmp_path / f"x{ending}", read(tmp_path / f"x{ending}", MOST))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_tiffs_are_put_upright_as_pillow_does(orientation: int, tmp_path: Path) -> None:
    levels = np.arange(12, dtype=np.uint16).reshape(2, 2, 3) * 257 * 20
    tifffile.imwrite(tmp_path / "x.tif", levels, photometric="rgb", extratags=[(274, 3, 1, orientation)])
    with Image.open(tmp_path / "x.tif") as image:
        shallow = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read(tmp_path / "x.tif", MOST), shallow.astype(np.uint16) * 257)


@pytest.mark.parametrize(
    "options",
    [{"planarconfig": "separate"}, {"tile": (16, 16)}, {"tile": (16, 16), "compression": "zlib", "predictor": 2}],
    ids=["planes", "tiles", "differences"],
)
def test_deep_tiffs_of_other_layouts(options: dict[str, Any], tmp_path: Path) -> None:
    levels = noise(3, np.uint16)
    given = levels.transpose(2, 0, 1) if "planarconfig" in options else levels
    tifffile.imwrite(tmp_path / "x.tif", given, photometric="rgb", **options)
    np.testing.assert_array_equal(read(tmp_path / "x.tif", MOST), levels)


def test_a_deep_tiff_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    levels = np.zeros((4, 4, 3), np.uint16)
    tifffile.imwrite(path, levels, photometric="rgb", compression="zlib")
    content = path.read_bytes()
    bomb = zlib.compress(bytes(50_000_000))  # of 50 kB
    for tag, value in ((273, len(content)), (279, len(bomb))):  # the start of the strip, and its bytes
        place = content.index(struct.pack("<HHI", tag, 4, 1)) + 8
        content = content[:place] + struct.pack("<I", value) + content[place + 4 :]
    path.write_bytes(content + bomb)
    with pytest.raises(BadData, match="more pixels than it says"):
        read(path, MOST)
    path.write_bytes(PICTURES.joinpath("deep_zip.tif").read_bytes()[:900])
    with pytest.raises(BadData, match=r"x\.tif is"):
        read(path, MOST)


@pytest.mark.parametrize("cut", [40, 300, 900, 1700])
def test_damaged_interlaced_files_are_named(cut: int, tmp_path: Path) -> None:
    content = bytearray((PICTURES / "deep_interlaced.png").read_bytes())
    path = tmp_path / "x.png"
    path.write_bytes(content[:cut])
    with pytest.raises(BadData, match=r"x\.png is"):
        read(path, MOST)
    content[cut] ^= 255
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"x\.png is"):
        read(path, MOST)


@pytest.mark.parametrize("width", range(1, 10))
@pytest.mark.parametrize("height", [1, 2, 3, 5, 9])
def test_interlaced_pictures_of_a_few_pixels(width: int, height: int) -> None:
    levels = noise(3, np.uint16)[:height, :1].repeat(width, 1) + np.arange(width, dtype=np.uint16)[None, :, None]
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 1)
    rows = [
        b"\0" + row.astype(">u2").tobytes()
        for left, top, across, down in png16.ADAM7
        for row in levels[top::down, left::across]
        if row.size
    ]
    content = png16.SIGNATURE + png16.chunk(b"IHDR", head) + png16.chunk(b"IDAT", zlib.compress(b"".join(rows)))
    np.testing.assert_array_equal(png16.decoded(content + png16.chunk(b"IEND", b"")), levels)


def filtered(array: np.ndarray) -> bytes:
    """A PNG file of 8-bit colours as Pillow writes it, with filters of every kind."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_every_filter_is_undone() -> None:
    """Against Pillow's own reading: 16 bits of grey have the bytes of 8 bits of grey and alpha."""
    y, x = np.mgrid[:90, :70]
    smooth = np.stack([2 * x + y, (x * y) // 40], 2).astype(np.uint8)
    array = np.concatenate([smooth, noise(2)[:20].repeat(10, 1)])
    content = filtered(array)
    head = b"IHDR" + struct.pack(">IIBBBBB", 70, 110, 16, 0, 0, 0, 0)
    deep = content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]
    np.testing.assert_array_equal(png16.decoded(deep)[:, :, 0], array.view(">u2")[:, :, 0])
    lines = np.frombuffer(zlib.decompress(b"".join(png16._parts(content))), np.uint8).reshape(110, -1)
    assert set(lines[:, 0]) >= {png16.SUB, png16.UP, png16.PAETH}
    for kind in range(5):
        restored = png16._restored(array, np.full(110, kind, np.uint8))
        np.testing.assert_array_equal(restored, one_by_one(array, kind))


def one_by_one(steps: np.ndarray, kind: int) -> np.ndarray:
    """The standard's definition, pixel by pixel."""
    height, width, count = steps.shape
    made = np.zeros((height + 1, width + 1, count), int)
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            for byte in range(count):
                a, b, c = made[row, column - 1, byte], made[row - 1, column, byte], made[row - 1, column - 1, byte]
                nearest = min((a, b, c), key=lambda value: abs(value - (a + b - c)))
                guess = (0, a, b, (a + b) // 2, nearest)[kind]
                made[row, column, byte] = (int(steps[row - 1, column - 1, byte]) + guess) % 256
    return made[1:, 1:].astype(np.uint8)


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("1", 1), ("L", 1), ("LA", 2), ("P", 3), ("CMYK", 3), ("YCbCr", 3), ("RGB", 3), ("RGBA", 4), ("I;16", 1)],
)
def test_kinds_of_images(mode: str, channels: int) -> None:
    array = array_of(Image.new(mode, (5, 4)))
    assert array.shape == (4, 5, channels)
    assert array.dtype == (np.uint16 if mode == "I;16" else np.uint8)


def test_a_palette_with_a_clear_colour_has_alpha(tmp_path: Path) -> None:
    picture = Image.new("P", (5, 4), 1)
    picture.putpalette([0, 0, 0, 250, 10, 20])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "x.gif", transparency=0)
    array = read(tmp_path / "x.gif", MOST)
    assert array.shape == (4, 5, 4)
    assert array[0, 0, 3] == 0
    assert array[1, 1].tolist() == [250, 10, 20, 255]


def test_a_turned_photo_is_put_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 4))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "x.jpg", exif=exif)
    assert read(tmp_path / "x.jpg", MOST).shape == (8, 4, 3)


@pytest.mark.parametrize("ending", [".jpg", ".webp", ".tif", ".png"])
def test_endings(ending: str, tmp_path: Path) -> None:
    write(tmp_path / f"x{ending}", noise(3))
    assert read(tmp_path / f"x{ending}", MOST).shape == (300, 7, 3)


@pytest.mark.parametrize(
    ("name", "array", "valid"),
    [
        ("x.bmp", noise(3), ".png, .jpg, .jpeg, .webp, .tif, .tiff"),
        ("x", noise(3), ".png, .jpg"),
        ("x.jpg", noise(4), ".png, .webp, .tif, .tiff"),
        ("x.webp", noise(3, np.uint16), "extensions: .png."),
    ],
)
def test_what_a_file_cannot_hold_is_reported(name: str, array: np.ndarray, valid: str, tmp_path: Path) -> None:
    with pytest.raises(BadValue) as raised:
        write(tmp_path / name, array)
    assert valid in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't use the folder"):
        write(tmp_path / "no" / "x.png", noise(3))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(BadData, match="doesn't exist"):
        read(path, MOST)
    path.write_bytes(b"no picture")
    with pytest.raises(BadData, match=r"x\.png is not an image in a supported format"):
        read(path, MOST)
    for kind in (np.uint8, np.uint16):
        write(path, noise(3, kind))
        path.write_bytes(path.read_bytes()[:-4000])
        with pytest.raises(BadData, match=r"x\.png is corrupt or truncated"):
            read(path, MOST)
    assert [photos.megapixels(pixels) for pixels in (12_000_000, 16_000_001, 1)] == ["12.0", "16.1", "0.1"]
    assert [photos.limit_words(photos.most_pixels(scale)) for scale in (1, 2, 3, 4, 8)] == ["16", "16", "7.1", "4", "1"]
    written = b"".join(png16.encoded(np.zeros((1, 1, 3), np.uint16)))
    for size in ((20_000, 20_000), (1025, 1024)):
        head = b"IHDR" + struct.pack(">II", *size) + written[24:29]
        path.write_bytes(written[:12] + head + struct.pack(">I", zlib.crc32(head)) + written[33:])
        with pytest.raises(BadData, match=r"x\.png has more than 1 megapixels"):
            read(path, MOST)
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(BadData, match="value range of these pixels is unknown"):
        read(tmp_path / "x.tif", MOST)


def test_pillow_cannot_hold_deep_colours() -> None:
    with pytest.raises(BadValue, match="only be saved as PNG"):
        image_of(noise(3, np.uint16))


@pytest.mark.parametrize(("name", "shape"), [("x.webp", (1, 16_384, 3)), ("x.jpg", (65_501, 1, 1))])
def test_an_image_too_large_for_its_format_is_refused(name: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"pixels a side, and this one has .* Choose PNG\."):
        photos.write(tmp_path / name, np.zeros(shape, np.uint8))
    assert not list(tmp_path.iterdir())
    photos.write(tmp_path / "x.png", np.zeros(shape, np.uint8))
