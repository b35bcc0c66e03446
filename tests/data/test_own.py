"""References to the user's own images, and the ways in which pictures are made square."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data import load
from gan_core.data.user import folders
from gan_core.data.user.references import TASKS, UserImages, of_images, user_images
from gan_core.errors import BadData, BadValue
from gan_core.pictures.decoding import square
from gan_core.pictures.fits import FITS


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("fit", FITS)
def test_a_reference_and_back(kind: str, fit: str) -> None:
    mine = UserImages(kind, "cats-0123456789ab.zip" if kind.endswith("upload") else "/a place: with/colons+pluses", fit)
    assert user_images(str(mine)) == mine
    assert ("+" in str(mine).partition(":")[0]) == (fit != "crop")
    assert of_images(str(mine)) == (kind in ("folder", "zip", "upload"))


@pytest.mark.parametrize("reference", ["digits", "test:mnist", "folder", "folder:", "other:/x", "", "ring8+pad"])
def test_references_to_other_data(reference: str) -> None:
    assert user_images(reference) is None
    assert not of_images(reference)


@pytest.mark.parametrize("reference", ["folder+zoom:/x", "paired+:/x", "zip+Pad:/x", "unpaired+pad+pad:/x"])
def test_an_unknown_way_to_fit(reference: str) -> None:
    with pytest.raises(BadValue, match=r"Valid: crop, stretch, pad\."):
        load(reference, 16)


def ramp(width: int, height: int) -> Image.Image:
    """Red grows to the right from 0 to 240, green downwards."""
    red = np.linspace(0, 240, width)[None].repeat(height, 0)
    green = np.linspace(0, 240, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, np.zeros_like(red)], 2).astype(np.uint8))


def test_the_middle_is_cut_out_of_a_wide_picture() -> None:
    pixels = square(ramp(128, 64), 32).astype(int)
    assert abs(pixels[0, 0, 0] - 60) < 8
    assert abs(pixels[0, 0, -1] - 180) < 8
    assert pixels[1, 0, 0] < 8


def test_all_of_a_picture_is_stretched() -> None:
    for size in ((128, 64), (64, 128)):
        pixels = square(ramp(*size), 32, "stretch").astype(int)
        assert pixels.shape == (3, 32, 32)
        assert pixels[0, 0, 0] < 8
        assert pixels[0, 0, -1] > 232
        assert pixels[1, 0, 0] < 8
        assert pixels[1, -1, 0] > 232


def test_all_of_a_picture_is_kept_and_its_borders_are_mirrored() -> None:
    pixels = square(ramp(128, 64), 32, "pad").astype(int)
    assert pixels.shape == (3, 32, 32)
    assert pixels[0, 16, 0] < 8
    assert pixels[0, 16, -1] > 232
    np.testing.assert_array_equal(pixels[:, :8], pixels[:, 8:16][:, ::-1])  # 32 x 16 pixels in the middle
    np.testing.assert_array_equal(pixels[:, 24:], pixels[:, 16:24][:, ::-1])
    tall = square(ramp(64, 128), 32, "pad").astype(int)
    np.testing.assert_array_equal(tall[:, :, :8], tall[:, :, 8:16][:, :, ::-1])


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(8, 3000), (3000, 8), (9, 8), (33, 64), (64, 64)])
def test_any_shape(fit: str, size: tuple[int, int]) -> None:
    assert square(Image.new("L", size, 77), 64, fit).shape == (1, 64, 64)
    assert (square(Image.new("RGB", size, (9, 8, 7)), 16, fit) == np.array([9, 8, 7])[:, None, None]).all()


@pytest.mark.parametrize("fit", ["stretch", "pad"])
def test_folders_pairs_and_domains_are_fitted_alike(fit: str, tmp_path: Path) -> None:
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        ramp(96, 48).save(tmp_path / side / "1.png")
    truth = square(ramp(96, 48), 24, fit)
    assert not np.array_equal(truth, square(ramp(96, 48), 24))
    for reference in (f"folder+{fit}:{tmp_path}", f"paired+{fit}:{tmp_path}", f"unpaired+{fit}:{tmp_path}"):
        data = load(reference, 24)
        assert data.name == reference
        images = [array for name, array in data.arrays.items() if name != "label"]
        assert all((image == truth).all() for array in images for image in array)
        plain = load(reference.replace(f"+{fit}", ""), 24)  # from another entry of the cache
        assert not np.array_equal(next(iter(plain.arrays.values())), next(iter(data.arrays.values())))


def test_a_missing_upload(tmp_path: Path) -> None:
    for name in ("gone.zip", "../../etc/passwd", "no-zip.txt"):
        with pytest.raises(BadData, match="no upload named"):
            load(f"upload:{name}", 16)


def test_a_plus_that_a_link_lost() -> None:
    assert user_images("folder pad:/a b") == UserImages("folder", "/a b", "pad")


@pytest.mark.parametrize("name", ["../../x.zip", "..\\x.zip", "C:x.zip", "/etc/x.zip", "x.zip"])
def test_an_upload_is_identified_by_its_file_name_alone(name: str) -> None:
    assert user_images(f"upload:{name}") == UserImages("upload", "x.zip")


@pytest.mark.parametrize("name", ["a" * 300 + ".zip", "\0.zip", "x", ".zip", "ä.zip"])
def test_a_name_that_no_upload_has(name: str) -> None:
    with pytest.raises(BadData, match="no upload named"):
        load(f"upload:{name}", 16)


def test_messages_about_an_upload_reveal_no_path(home: Path) -> None:
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        archive.writestr("notes.txt", "no picture")
    packed.seek(0)
    reference = folders.store_upload("junk.zip", packed)
    with pytest.raises(BadData) as caught:
        load(reference, 16)
    assert "junk.zip" in str(caught.value)  # as its owner calls it
    assert reference.removeprefix("upload:") not in str(caught.value)
    assert str(home) not in str(caught.value)


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_pairs_need_an_existing_folder_or_zip(kind: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.zip").write_bytes(b"PK")
    for path, said in (
        (tmp_path / "pairs.zip", "pairs.zip can't be read as a zip"),
        ("/" + "a" * 5000, "There is no folder"),
        ("~nosuchuser/x", "There is no folder"),
    ):
        with pytest.raises(BadData, match=said):
            load(f"{kind}:{path}", 16)


def test_narrow_halves_are_accepted_where_they_are_kept_whole(tmp_path: Path) -> None:
    both = Image.new("RGB", (20, 30), "red")
    both.paste((0, 0, 255), (10, 0, 20, 30))
    both.save(tmp_path / "1.png")
    with pytest.raises(BadData, match="doesn't hold two pictures"):
        load(f"paired:{tmp_path}", 8)
    pair = load(f"paired+pad:{tmp_path}", 8).arrays
    assert pair["source"][0, 0].min() == 255
    assert pair["target"][0, 2].min() == 255
