"""The user's images: every kind of bad file, folders, malicious zips, uploads."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data import DataSet, DataSpec, cache, load
from gan_core.data.user import archives, folders, labels
from gan_core.errors import BadData
from gan_core.pictures import decoding

Picture = Callable[..., bytes]


def gradient(width: int = 64, height: int = 64) -> Image.Image:
    """Red grows to the right, green downwards."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, width).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    return Image.fromarray(pixels)


def load_one(tmp_path: Path, content: bytes, size: int | None = None) -> DataSet:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "image.png").write_bytes(content)
    return load(f"folder:{folder}", size)


def pixels(data: DataSet) -> np.ndarray:
    assert len(data) == 1
    assert data.skipped == ()
    image: np.ndarray = data.arrays["real"][0].astype(int)
    return image


def reason(tmp_path: Path, content: bytes) -> str:
    """Why a folder with only this file can't be used."""
    with pytest.raises(BadData) as caught:
        load_one(tmp_path, content)
    assert "PNG, JPEG, WebP, GIF, BMP, TIFF" in str(caught.value)
    return str(caught.value.values["reason"])


@pytest.mark.parametrize("format", decoding.FORMATS)
def test_formats(tmp_path: Path, picture: Picture, format: str) -> None:
    got = pixels(load_one(tmp_path, picture(gradient(), format)))
    assert got.shape == (3, 64, 64)
    expected = np.asarray(gradient()).transpose(2, 0, 1).astype(int)
    assert np.abs(got - expected).mean() < 12  # GIF has 256 colours


def test_other_formats_are_refused(tmp_path: Path, picture: Picture) -> None:
    assert "accepted format" in reason(tmp_path, picture(gradient(), "PPM"))


def test_good_and_bad_together(tmp_path: Path, picture: Picture) -> None:
    jpeg = picture(format="JPEG")
    contents = {
        "good.jpg": jpeg,
        "no extension": picture(),
        "wrong.gif": picture(format="WEBP"),
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": picture()[:2000],
        "text.png": b"this is not an image",
        "empty.png": b"",
        "tiny.png": picture(Image.new("RGB", (1, 1))),
        "narrow.png": picture(Image.new("RGB", (200, 7))),
        "notes.txt": b"cats and dogs",
        ".DS_Store": b"left by a system",
    }
    folder = tmp_path / "images"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    data = load(f"folder:{folder}", 32)
    assert data.arrays["real"].shape == (3, 3, 32, 32)
    reasons = dict(data.skipped)
    assert "broken or cut off" in reasons.pop("cut.jpg")
    assert "broken or cut off" in reasons.pop("cut.png")
    assert "accepted format" in reasons.pop("text.png")
    assert "accepted format" in reasons.pop("notes.txt")
    assert reasons == {
        "empty.png": "empty",
        "tiny.png": "1x1 pixels, smaller than 8",
        "narrow.png": "200x7 pixels, smaller than 8",
    }
    assert data.class_names == ()
    assert data.notes == ()
    again = load(f"folder:{folder}", 32)
    assert again.skipped == data.skipped
    np.testing.assert_array_equal(again.arrays["real"], data.arrays["real"])


def test_animation_gives_its_first_frame(tmp_path: Path, picture: Picture) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    data = load_one(tmp_path, picture(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    np.testing.assert_array_equal(pixels(data)[:, 5, 5], (255, 0, 0))
    assert data.notes == ("Animated files: 1. Only the first frame of each is used.",)


def test_cmyk(tmp_path: Path, picture: Picture) -> None:
    got = pixels(load_one(tmp_path, picture(Image.new("RGB", (32, 32), (200, 40, 90)).convert("CMYK"), "JPEG")))
    assert np.abs(got - np.array([200, 40, 90])[:, None, None]).max() <= 6


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled(tmp_path: Path, picture: Picture, format: str) -> None:
    values = np.linspace(0, 65535, 64).astype(np.uint16)
    got = pixels(load_one(tmp_path, picture(Image.fromarray(np.tile(values, (64, 1))), format)))
    np.testing.assert_array_equal(got, np.tile(np.rint(values / 257).astype(int), (1, 64, 1)))


def test_float_pixels_are_refused(tmp_path: Path, picture: Picture) -> None:
    floats = Image.fromarray(np.random.default_rng(0).random((32, 32), np.float32))
    assert "floating-point" in reason(tmp_path, picture(floats, "TIFF"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_becomes_white(tmp_path: Path, picture: Picture, mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 32, 16))
    got = pixels(load_one(tmp_path, picture(image.convert(mode)), 32))
    assert (got[:, :15] == 0).all()
    assert (got[:, 17:] == 255).all()


def test_half_transparent_is_mixed_with_white(tmp_path: Path, picture: Picture) -> None:
    got = pixels(load_one(tmp_path, picture(Image.new("RGBA", (32, 32), (255, 0, 0, 128)))))
    assert np.abs(got - np.array([255, 127, 127])[:, None, None]).max() <= 1


def test_palette(tmp_path: Path, picture: Picture) -> None:
    image = Image.new("P", (32, 32), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    np.testing.assert_array_equal(pixels(load_one(tmp_path, picture(image)))[:, 9, 9], (10, 200, 30))


def test_exif_rotation(tmp_path: Path, picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter to be upright
    stored = gradient().transpose(Image.Transpose.ROTATE_90)  # counter-clockwise
    got = pixels(load_one(tmp_path, picture(stored, "JPEG", exif=exif, quality=95)))
    assert np.abs(got - np.asarray(gradient()).transpose(2, 0, 1)).mean() < 3


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_ignored(tmp_path: Path, picture: Picture) -> None:
    pixels(load_one(tmp_path, picture(gradient(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff")))


def test_centre_is_cut(tmp_path: Path, picture: Picture) -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    got = pixels(load_one(tmp_path, picture(image), 50))
    inner = got[:, 3:-3, 3:-3]  # Lanczos uses a few pixels outside of the square
    np.testing.assert_array_equal(inner, np.tile(np.array([0, 0, 255])[:, None, None], (1, 44, 44)))


def test_large_jpeg_is_as_when_fully_decoded(tmp_path: Path, picture: Picture) -> None:
    got = pixels(load_one(tmp_path, picture(gradient(1600, 1200), "JPEG", quality=95)))
    expected = gradient(1600, 1200).crop((200, 0, 1400, 1200)).resize((64, 64), Image.Resampling.LANCZOS)
    assert np.abs(got - np.asarray(expected).transpose(2, 0, 1)).max() <= 8


def test_decompression_bomb(tmp_path: Path, picture: Picture) -> None:
    content = picture(Image.new("1", (9000, 9000)))
    assert len(content) < 20_000
    assert reason(tmp_path, content) == "more than 64 megapixels"


def test_decompression_bomb_in_the_header_alone(tmp_path: Path, picture: Picture) -> None:
    """65000 x 65000 pixels declared: Pillow's own limit applies first."""
    content = bytearray(picture(Image.new("L", (32, 32))))
    content[16:24] = struct.pack(">II", 65000, 65000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    assert reason(tmp_path, bytes(content)) == "more than 64 megapixels"


def test_large_file(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_BYTES", 1000)
    assert reason(tmp_path, picture()).startswith("larger than")


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_grey_gives_one_channel(tmp_path: Path, picture: Picture, mode: str) -> None:
    image = gradient().convert("L").convert(mode)
    data = load_one(tmp_path, picture(image))
    assert data.spec.channels == 1
    np.testing.assert_array_equal(pixels(data)[0], np.asarray(image.convert("L")))


def test_grey_and_colour_give_three(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "a.png").write_bytes(picture(gradient().convert("L")))
    (tmp_path / "b.png").write_bytes(picture(gradient()))
    data = load(f"folder:{tmp_path}")
    assert data.arrays["real"].shape == (2, 3, 64, 64)


def fill(folder: Path, names: list[str], picture: Picture) -> None:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(seed=seed))


def test_class_folders(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path, ["dog/1.png", "cat/2.png", "cat/more/3.png"], picture)
    (tmp_path / "bird").mkdir()
    (tmp_path / "bird" / "broken.png").write_bytes(b"x")
    (tmp_path / "readme.txt").write_text("pets")
    data = load(f"folder:{tmp_path}", 16)
    assert data.class_names == ("cat", "dog")  # no class without an image
    assert data.arrays["label"].tolist() == [0, 0, 1]
    assert data.arrays["label"].dtype == np.int64
    assert data.spec == DataSpec({"real": (3, 16, 16)}, 2)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["pets/cat/1", "pets/dog/2"], ["cat", "dog"]),
        (["cat/1", "2"], []),
        (["cat/1", "cat/2"], []),
        (["1", "2"], []),
        (["a/x/1", "b/x/2"], ["a", "b"]),
    ],
)
def test_classes(names: list[str], expected: list[str]) -> None:
    found = labels.labelled(names)
    assert found.class_names == tuple(expected)
    assert (found.labels is None) == (not expected)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links(tmp_path: Path, picture: Picture) -> None:
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    fill(outside, ["secret.png"], picture)
    fill(folder, ["sub/a.png"], picture)
    (folder / "out.png").symlink_to(outside / "secret.png")
    (folder / "out").symlink_to(outside)
    (folder / "in.png").symlink_to(folder / "sub" / "a.png")
    (folder / "round").symlink_to(folder)
    (folder / "nothing.png").symlink_to(folder / "gone.png")
    (folder / "self.png").symlink_to(folder / "self.png")
    os.mkfifo(folder / "pipe.png")
    data = load(f"folder:{folder}")
    assert len(data) == 2
    reasons = dict(data.skipped)
    assert reasons["out.png"] == reasons["out"] == "a link that leads out of the folder"
    assert reasons["round"] == "a link to a folder"
    assert reasons["pipe.png"] == "not a file"
    assert {"nothing.png", "self.png"} < set(reasons)
    assert len(reasons) == 6


def test_changed_folder_is_read_again(tmp_path: Path, picture: Picture) -> None:
    folder = tmp_path / "images"
    fill(folder, ["a.png"], picture)
    assert len(load(f"folder:{folder}")) == 1
    fill(folder, ["a.png", "b.png"], picture)
    assert len(load(f"folder:{folder}")) == 2


@pytest.mark.parametrize("exists", [True, False])
def test_missing_or_empty_folder(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "empty"
    if exists:
        folder.mkdir()
    with pytest.raises(BadData, match="empty"):
        load(f"folder:{folder}")


def test_progress_reaches_the_end(tmp_path: Path, picture: Picture) -> None:
    fill(tmp_path / "images", [f"{index}.png" for index in range(5)], picture)
    shares: list[float] = []
    load(f"folder:{tmp_path / 'images'}", 8, lambda share, what: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_large_folder_is_memory_mapped(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SMALL", 10_000)
    fill(tmp_path / "images", ["a/1.png", "b/2.png", "b/3.png"], picture)
    data = load(f"folder:{tmp_path / 'images'}", 64)
    assert isinstance(data.arrays["real"], np.memmap)
    assert data.arrays["label"].tolist() == [0, 1, 1]


# zips


def pack(path: Path, entries: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(BadData) as caught:
        load(f"zip:{path}")
    return str(caught.value)


def test_zip(tmp_path: Path, picture: Picture) -> None:
    entries: dict[str | zipfile.ZipInfo, bytes] = {
        "pets/dog/1.png": picture(seed=1),
        "pets/cat/2.jpg": picture(format="JPEG", seed=2),
        "pets/cat/bad.png": b"bad",
        "__MACOSX/pets/dog/._1.png": b"left by a system",
    }
    data = load(f"zip:{pack(tmp_path / 'pets.zip', entries)}", 32)
    assert data.arrays["real"].shape == (2, 3, 32, 32)
    assert data.class_names == ("cat", "dog")
    assert data.arrays["label"].tolist() == [0, 1]
    assert [name for name, _ in data.skipped] == ["pets/cat/bad.png"]


def test_zip_and_folder_give_the_same(tmp_path: Path, picture: Picture) -> None:
    names = ["a/1.png", "a/2.png", "b/3.png"]
    fill(tmp_path / "images", names, picture)
    path = pack(tmp_path / "images.zip", {name: (tmp_path / "images" / name).read_bytes() for name in names})
    one, other = load(f"zip:{path}"), load(f"folder:{tmp_path / 'images'}")
    assert one.arrays.keys() == other.arrays.keys()
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:\\evil.png", "a\\..\\evil.png"]
)
def test_zip_with_names_that_lead_out(tmp_path: Path, picture: Picture, name: str) -> None:
    text = refusal(pack(tmp_path / "a.zip", {"good.png": picture(), name: picture()}))
    assert name in text
    assert "leads out of the archive" in text


def test_zip_with_link(tmp_path: Path, picture: Picture) -> None:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    text = refusal(pack(tmp_path / "a.zip", {"good.png": picture(), link: b"/etc/passwd"}))
    assert "'link.png': it is a link" in text


def test_zip_bomb(tmp_path: Path, picture: Picture) -> None:
    path = pack(tmp_path / "a.zip", {"good.png": picture(), "bomb.bmp": bytes(50_000_000)})
    assert path.stat().st_size < 100_000
    text = refusal(path)
    assert "bomb.bmp" in text
    assert "200 times" in text


def test_zip_with_large_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 1_000_000)
    assert "'large.bmp': it is larger than 1 MB" in refusal(pack(tmp_path / "a.zip", {"large.bmp": bytes(1_100_000)}))


def test_zip_with_large_total(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_TOTAL", 2**30 + 1)
    path = tmp_path / "a.zip"
    pack(path, {f"{index}.png": picture(seed=index) for index in range(8)})
    content = bytearray(path.read_bytes())
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:  # 150 MB declared for each, packed as 150 MB too
        content[start + 20 : start + 28] = struct.pack("<II", 150_000_000, 150_000_000)
        start += 4
    path.write_bytes(content)
    text = refusal(path)
    assert "'7.png'" in text
    assert "1 GiB" in text


def test_zip_that_declares_less_than_it_holds(tmp_path: Path, picture: Picture) -> None:
    """zipfile stops at the declared size and misses the checksum: the entry is skipped, nothing is filled."""
    path = pack(tmp_path / "a.zip", {"good.png": picture(), "liar.bmp": bytes(50_000_000)})
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 50_000_000), struct.pack("<I", 1000)))
    data = load(f"zip:{path}")
    assert len(data) == 1
    assert data.skipped[0][0] == "liar.bmp"
    assert "damaged in the archive" in data.skipped[0][1]


def test_zip_with_damaged_entry(tmp_path: Path, picture: Picture) -> None:
    path = pack(tmp_path / "a.zip", {"good.png": picture(), "later.png": picture(seed=1)})
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    data = load(f"zip:{path}")
    assert len(data) == 1
    assert "damaged in the archive" in dict(data.skipped)["good.png"]


def test_zip_with_a_file_that_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "nameless.zip"
    with zipfile.ZipFile(path, "w") as file:
        info = zipfile.ZipInfo("x")
        info.filename = ""
        file.writestr(info, b"something")
    assert "it has no name" in refusal(path)


def test_encrypted_zip(tmp_path: Path, picture: Picture) -> None:
    path = pack(tmp_path / "a.zip", {"secret.png": picture()})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "'secret.png': it is encrypted" in refusal(path)


def test_zip_with_unbounded_packing(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("bomb.bmp", bytes(1_000_000))
    assert "stored or deflated" in refusal(path)


def test_zip_with_too_many_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_ENTRIES", 10)
    text = refusal(pack(tmp_path / "a.zip", {str(index): b"" for index in range(11)}))
    assert "holds 11 files; at most 10" in text


def test_zip_with_huge_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_DIRECTORY", 100_000)
    assert "table of contents" in refusal(pack(tmp_path / "a.zip", {"x" * 1000 + str(i): b"" for i in range(100)}))


def test_not_a_zip(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(picture())
    assert "a.zip can't be read as a zip: it is another kind of file, or it is incomplete." in refusal(path)
    whole = pack(path, {"a.png": picture()}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "or it is incomplete." in refusal(path)


def test_zip_without_images(tmp_path: Path) -> None:
    assert "There are no files" in refusal(pack(tmp_path / "a.zip", {}))
    assert "'a.txt'" in refusal(pack(tmp_path / "b.zip", {"a.txt": b"a"}))


# uploads


def test_upload(home: Path, tmp_path: Path, picture: Picture) -> None:
    path = pack(tmp_path / "a.zip", {"a.png": picture()})
    reference = folders.store_upload("My cats.zip", io.BytesIO(path.read_bytes()))
    assert len(load(reference)) == 1
    assert folders.store_upload("My cats.zip", io.BytesIO(path.read_bytes())) == reference
    pack(path, {"b.png": picture(seed=1), "c.png": picture(seed=2)})
    other = folders.store_upload("My cats.zip", io.BytesIO(path.read_bytes()))
    assert len(load(other)) == 2
    assert len(load(reference)) == 1


@pytest.mark.parametrize(
    "name", ["../../evil.zip", "/etc/evil.zip", "..\\evil", "", "..", "a" * 500, "\0", "CON", "猫"]
)
def test_upload_stays_in_its_folder(home: Path, tmp_path: Path, picture: Picture, name: str) -> None:
    content = pack(tmp_path / "a.zip", {"a.png": picture()}).read_bytes()
    reference = folders.store_upload(name, io.BytesIO(content))
    (stored,) = (home / "uploads").glob("*.zip")
    assert reference == f"upload:{stored.name}"
    assert stored.suffix == ".zip"


def test_bad_upload_leaves_nothing(
    home: Path, tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = pack(tmp_path / "a.zip", {"../a.png": picture()}).read_bytes()
    with pytest.raises(BadData, match=r"^evil.zip is refused"):
        folders.store_upload("evil.zip", io.BytesIO(evil))
    with pytest.raises(BadData, match="can't be read as a zip"):
        folders.store_upload("text.zip", io.BytesIO(b"text"))
    monkeypatch.setattr(folders, "MAX_UPLOAD", 100)
    with pytest.raises(BadData, match="larger than"):
        folders.store_upload("evil.zip", io.BytesIO(evil))
    assert list((home / "uploads").iterdir()) == []
