"""`ganscope translate` and `ganscope upscale`, on almost untrained models."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from gan_core.cli.translating import jobs
from gan_core.models import loading
from gan_core.pictures import photos
from gan_core.runs.store import RunStore
from tests.cli.commands import ganscope, ok, refused
from tests.made_models import make_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of models: a path can be used instead of a name."""
    folder = tmp_path_factory.mktemp("models")
    for name, data, changes in (
        ("cyclegan.x", "digits_coloured_unpaired", {}),
        ("pix2pix.x", "digits_coloured", {}),
        ("srgan.x", "digits", {}),
        ("srgan.y", "digits", {"seed": 5}),
        ("srgan.z", "digits", {"blocks": 2}),
        ("cgan.x", "digits", {}),
    ):
        make_model(name, data, folder / name, **changes)
    return folder


@pytest.fixture
def on_shelf(models: Path, home: Path) -> Path:
    home.mkdir(exist_ok=True)
    (home / "models").symlink_to(models)
    return models


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    levels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(levels).save(path, quality=95)
    return path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_picture_is_fitted_and_translated(on_shelf: Path, photo: Path, tmp_path: Path) -> None:
    output = ok("translate", "cyclegan.x", photo, "-o", tmp_path / "new" / "out.png")
    assert "8 x 8 pixels, by cyclegan.x (a_to_b)" in output
    there = pixels(tmp_path / "new" / "out.png")
    assert there.shape == (8, 8, 3)
    with Image.open(photo) as image:
        square = ImageOps.fit(image, (8, 8), Image.Resampling.LANCZOS)
    images = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    expected = loading.load("cyclegan.x").translate(images, "a_to_b")[0].permute(1, 2, 0).add(1).mul(127.5).numpy()
    assert np.abs(there - expected).max() <= 1
    facts = json.loads(
        ok("translate", "cyclegan.x", photo, "-o", tmp_path / "b.png", "--direction", "b_to_a", "--json")
    )
    assert (facts["direction"], facts["files"]) == ("b_to_a", [str(tmp_path / "b.png")])
    assert not np.array_equal(pixels(tmp_path / "b.png"), there)


def test_a_picture_is_fitted_as_requested_or_as_in_training(
    on_shelf: Path, photo: Path, tmp_path: Path, store: RunStore
) -> None:
    made = {}
    for fit in ("crop", "stretch", "pad"):
        ok("translate", "cyclegan.x", photo, "-o", tmp_path / f"{fit}.png", "--fit", fit)
        made[fit] = pixels(tmp_path / f"{fit}.png")
    assert not np.array_equal(made["crop"], made["stretch"])
    assert not np.array_equal(made["pad"], made["stretch"])
    ok("translate", "cyclegan.x", photo, "-o", tmp_path / "usual.png")
    assert np.array_equal(pixels(tmp_path / "usual.png"), made["crop"])
    assert "Valid: crop, stretch, pad" in refused(
        2, "translate", "cyclegan.x", photo, "-o", tmp_path / "no.png", "--fit", "zoom"
    )

    for side in ("trainA", "trainB"):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (32, 16), (60 * number, 99, 0)).save(tmp_path / "pairs" / side / f"{number}.png")
    small = [word for knob in ("channels=4", "discriminator_channels=4") for word in ("--set", knob)]
    ok("train", "pix2pix", "--data", f"paired+pad:{tmp_path / 'pairs'}", "--size", "8", "--steps", "1", *small)
    for name, options in (("by_run.png", []), ("asked.png", ["--fit", "pad"]), ("other.png", ["--fit", "crop"])):
        ok("translate", "latest", photo, "-o", tmp_path / name, *options)
    assert np.array_equal(pixels(tmp_path / "by_run.png"), pixels(tmp_path / "asked.png"))
    assert not np.array_equal(pixels(tmp_path / "by_run.png"), pixels(tmp_path / "other.png"))


def test_a_folder_goes_to_a_folder_and_bad_files_are_named(on_shelf: Path, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("one.png", "two.webp", "three.tif"):
        Image.new("RGB", (9, 9), "red").save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    for left in ("._one.png", ".hidden.png", "Thumbs.db"):  # created by operating systems
        (folder / left).write_bytes(b"no picture")
    output = ok("translate", "pix2pix.x", folder, photo, "-o", tmp_path / "out")
    assert output.count("8 x 8 pixels") == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "one.png", "photo.png", "three.png", "two.png",
    ]  # fmt: skip
    (folder / "junk.png").write_bytes(b"\x89PNG and no more")
    message = refused(2, "translate", "pix2pix.x", folder, "-o", tmp_path / "again")
    assert "junk.png is not an image in a supported format" in message
    assert "1 of 4 images could not be used" in message
    assert len(list((tmp_path / "again").iterdir())) == 3
    assert ok("upscale", "srgan.x", photo, folder / "one.png", "-o", tmp_path / "large").count("pixels") == 2
    (folder / "junk.png").unlink()
    assert ok("upscale", "srgan.x", folder, "-o", tmp_path / "larger").count("18 x 18 pixels") == 3
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "._one.png").write_bytes(b"no picture")
    assert "There are no images in" in refused(2, "upscale", "srgan.x", tmp_path / "left", "-o", tmp_path / "none")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_kind_of_picture_can_be_translated(mode: str, on_shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.new(mode, (1, 1)).save(path)  # a picture of one pixel is enlarged
    ok("translate", "pix2pix.x", path, "-o", tmp_path / "out.png")
    assert pixels(tmp_path / "out.png").shape == (8, 8, 3)


def test_a_picture_is_enlarged_and_keeps_its_kind(on_shelf: Path, photo: Path, tmp_path: Path) -> None:
    assert "120 x 80 pixels, by srgan.x" in ok("upscale", "srgan.x", photo, "-o", tmp_path / "large.png")
    facts = json.loads(ok("upscale", "srgan.x", photo, "-o", tmp_path / "l.png", "--scale", "2", "--json"))
    assert (facts["model"], facts["scale"], facts["with"]) == ("srgan.x", 2, None)
    for mode, shape in (("L", (10, 12)), ("RGBA", (10, 12, 4)), ("I;16", (10, 12))):
        Image.new(mode, (6, 5)).save(tmp_path / "x.png")
        ok("upscale", "srgan.x", tmp_path / "x.png", "-o", tmp_path / "y.png")
        assert pixels(tmp_path / "y.png").shape == shape
        assert pixels(tmp_path / "y.png").dtype == pixels(tmp_path / "x.png").dtype
    Image.new("L", (1, 1)).save(tmp_path / "x.png")
    assert "2 x 2 pixels" in ok("upscale", "srgan.x", tmp_path / "x.png", "-o", tmp_path / "y.png")


def test_sixteen_bits_are_kept_or_their_loss_is_reported(on_shelf: Path, tmp_path: Path) -> None:
    deep, shallow = (Path(__file__).parents[1] / "pictures" / "files" / f"deep_{name}.tif" for name in ("zip", "lzw"))
    out = tmp_path / "out"
    said = ganscope("upscale", "srgan.x", deep, shallow, "-o", out).stderr
    assert f"{shallow}: its encoding of 16 bits per channel" in said
    assert f"{deep}: its encoding of 16 bits" not in said
    assert photos.read(out / "deep_zip.png", 2**20).dtype == np.uint16
    assert photos.read(out / "deep_lzw.png", 2**20).dtype == np.uint8
    assert "16 bits" not in ganscope("translate", "cyclegan.x", shallow, "-o", tmp_path / "x.png").stderr
    assert (tmp_path / "x.png").exists()


def test_two_models_are_blended(on_shelf: Path, photo: Path, tmp_path: Path) -> None:
    def made(*options: str, model: str = "srgan.x") -> np.ndarray:
        ok("upscale", model, photo, "-o", tmp_path / "x.png", *options)
        return pixels(tmp_path / "x.png").astype(int)

    one, other = made(), made(model="srgan.y")
    np.testing.assert_array_equal(made("--with", "srgan.y:0"), one)
    np.testing.assert_array_equal(made("--with", "srgan.y:1"), other)
    between = made("--with", "srgan.y:0.5")
    assert np.abs(between - one).mean() > 0
    assert "0.5 of srgan.y" in ok("upscale", "srgan.x", photo, "-o", tmp_path / "x.png", "--with", "srgan.y:0.5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("translate", "cyclegan.x", "{photo}", "-o", "{out}/x.png", "--direction", "up"), "Valid: a_to_b, b_to_a"),
        (("translate", "cgan.x", "{photo}", "-o", "{out}/x.png"), "doesn't translate images"),
        (
            ("translate", "srgan.x", "{photo}", "-o", "{out}/x.png"),
            "is a super-resolution model. Use `ganscope upscale srgan.x",
        ),
        (
            ("translate", "nobody.x", "{photo}", "-o", "{out}/x.png"),
            "There is no model or run named 'nobody.x'. Valid: cgan.x",
        ),
        (("translate", "cyclegan.x", "{photo}x", "-o", "{out}/x.png"), "doesn't exist"),
        (("translate", "cyclegan.x", "{photo}", "-o", "{out}/x.bmp"), "Valid file extensions: .png, .jpg"),
        (("translate", "cyclegan.x", "{empty}", "-o", "{out}"), "There are no images in"),
        (("translate", "cyclegan.x", "{photo}", "{photo}", "-o", "{out}/x.png"), "Several images need a folder"),
        (("translate", "cyclegan.x", "{photo}", "{photo}", "-o", "{out}"), "Two images would both be written to"),
        (("translate", "cyclegan.x", "{photo}", "-o", "{photo}"), "would be overwritten"),
        (("upscale", "cyclegan.x", "{photo}", "-o", "{out}/x.png"), "is not a super-resolution model"),
        (("upscale", "srgan.x", "{photo}", "-o", "{out}/x.png", "--scale", "3"), "Valid: 2."),
        (("upscale", "srgan.x", "{junk}", "-o", "{out}/x.png"), "is not an image in a supported format"),
        (("upscale", "srgan.x", "{clear}", "-o", "{out}/x.jpg"), "Valid file extensions: .png, .webp"),
        (("upscale", "srgan.x", "{huge}", "-o", "{out}/x.png"), "more than 16 megapixels"),
        (("upscale", "srgan.x", "{photo}", "-o", "{out}/x.png", "--with", "srgan.z:0.5"), "their networks differ"),
        (
            ("upscale", "srgan.x", "{photo}", "-o", "{out}/x.png", "--with", "srgan.y"),
            "OTHER:SHARE with a share in [0, 1]",
        ),
        (
            ("upscale", "srgan.x", "{photo}", "-o", "{out}/x.png", "--with", "srgan.y:2"),
            "OTHER:SHARE with a share in [0, 1]",
        ),
    ],
)
def test_bad_input_is_reported_and_nothing_is_written(
    arguments: tuple[str, ...], said: str, on_shelf: Path, photo: Path, tmp_path: Path
) -> None:
    places = {name: tmp_path / name for name in ("out", "empty", "junk", "clear.png", "huge.png")}
    places["empty"].mkdir()
    places["junk"].write_bytes(b"no picture")
    Image.new("RGBA", (5, 5)).save(places["clear.png"])
    if "{huge}" in arguments:
        Image.new("1", (8193, 2048)).save(places["huge.png"])
    named = {name.partition(".")[0]: path for name, path in places.items()} | {"photo": photo}
    before = photo.read_bytes()
    assert said in refused(2, *(word.format(**named) for word in arguments))
    assert photo.read_bytes() == before
    assert not places["out"].exists() or not list(places["out"].iterdir())


def test_a_large_folder_is_planned_in_time_that_grows_with_it(tmp_path: Path) -> None:
    for number in range(1_500):
        (tmp_path / f"{number}.png").touch()
    began = time.perf_counter()
    assert len(jobs([tmp_path], tmp_path / "out")) == 1_500
    assert time.perf_counter() - began < 10  # all pairs of files took minutes
