"""How close translators are to the truth, with tiny models and a tiny net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from benchmarks import quality, translation_quality
from benchmarks.translation_quality import closeness, colour_table, recoloured
from gan_core import data
from gan_core.data.sets import avatars, bsds500
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.models import listing, loading
from gan_core.objectives.fidelity import luma, psnr, ssim
from gan_core.objectives.super_resolution import NETS
from tests.made_models import make_model, make_seer

MARKS = ("psnr", "ssim", "perceptual")


@pytest.fixture(autouse=True)
def seers(home: Path) -> None:
    for name in NETS:
        make_seer(name)


def named(kind: str, side: str, count: int, net: str = "emojinet") -> str:
    return f"{kind}{'_' + side if side else ''}{count}{'_' + net if kind.endswith('perceptual') else ''}"


def test_luma_by_hand() -> None:
    black, white, red = (torch.tensor(colour)[None, :, None, None] for colour in ([-1.0] * 3, [1.0] * 3, [1.0, -1, -1]))
    for colour, level in ((black, 16), (white, 235), (red, 81.481)):
        assert_close(luma(colour), torch.full((1, 1, 1, 1), level / 127.5 - 1), atol=1e-5, rtol=0)
    grey = torch.rand(1, 1, 2, 2)
    assert luma(grey) is grey


def test_photos_are_measured_whole_beside_bicubic(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data" / "BSDS500" / "test"
    folder.mkdir(parents=True)
    numbers = np.random.default_rng(0)
    for place in range(3):
        levels = numbers.integers(0, 256, (11, 16, 3)).astype(np.uint8)
        Image.fromarray(levels).resize((65, 47), Image.Resampling.BICUBIC).save(folder / f"{place}.jpg", quality=95)
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(bsds500, "TILE", 16)
    (folder.parent / "train").mkdir()
    for path in folder.iterdir():
        (folder.parent / "train" / path.name).write_bytes(path.read_bytes())
    make_model("srgan.photos", "bsds500", adversarial_weight=0.0)
    assert quality.main(["srgan.photos", "--save"]) == 0
    metrics = listing.card("srgan.photos").metrics
    assert set(metrics) == {named(kind, side, 3) for kind in MARKS for side in ("", "bicubic")}
    expected = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as opened:
            truth = opened.crop((0, 0, 64, 46))
        plainly = truth.resize((32, 23), Image.Resampling.BICUBIC).resize((64, 46), Image.Resampling.BICUBIC)
        one, other = (
            luma(torch.from_numpy(np.asarray(image)[4:-4, 4:-4].copy()).permute(2, 0, 1)[None] / 127.5 - 1)
            for image in (plainly, truth)
        )
        expected.append([float(psnr(one, other)), float(ssim(one, other))])
    assert_close([metrics["psnr_bicubic3"], metrics["ssim_bicubic3"]], list(np.mean(expected, 0)), atol=1e-4, rtol=0)
    assert metrics["psnr3"] < metrics["psnr_bicubic3"]
    output = capsys.readouterr().out
    assert f">= {metrics['psnr_bicubic3'] + 0.8:.4g}" in output
    assert quality.main(["srgan.photos", "--samples", "2", "--save"]) == 0
    assert not [kind for kind in listing.card("srgan.photos").metrics if "3" in kind]  # replaced, not added


def test_small_sets_are_enlarged_too() -> None:
    make_model("esrgan.digits", "train:digits")
    found = closeness("esrgan.digits", samples=20)
    assert set(found.metrics) == {named(kind, side, 20) for kind in MARKS for side in ("", "bicubic")}


@pytest.mark.parametrize(
    ("name", "reference", "directions"),
    [
        ("pix2pix.x", "train:digits_coloured", ("",)),
        ("cyclegan.x", "train:digits_coloured_unpaired", ("", "back_")),
        ("cut.x", "train:digits_coloured_unpaired", ("",)),
    ],
)
def test_translations_are_measured_against_the_true_pairs(
    name: str, reference: str, directions: tuple[str, ...]
) -> None:
    make_model(name, reference)
    metrics = closeness(name, samples=30).metrics
    assert set(metrics) == {
        named(f"{way}{kind}", side, 30) for way in directions for kind in MARKS for side in ("", "input", "colours")
    }
    test = data.load("test:digits_coloured", 8)
    places = translation_quality.chosen_places(len(test), 30, 0)
    source, target = (torch.from_numpy(test.arrays[end][places]).float() / 127.5 - 1 for end in ("source", "target"))
    assert_close(metrics["ssim_input30"], float(ssim(source, target).mean()), atol=1e-5, rtol=0)
    assert metrics["psnr_colours30"] > metrics["psnr_input30"]
    if "back_" in directions:
        assert_close(metrics["back_psnr_input30"], metrics["psnr_input30"], atol=1e-4, rtol=0)  # the same two pictures
        assert metrics["back_psnr30"] != metrics["psnr30"]


def test_holes_are_measured_beside_the_mean_of_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "COUNT", 40)
    monkeypatch.setattr(avatars, "TEST_COUNT", 20)
    make_model("context_encoder.avatars", "avatars")
    found = closeness("context_encoder.avatars")
    assert found.net == "features.avatars"
    assert set(found.metrics) == {
        named(kind, side, 20, "avatarsnet") for kind in ("psnr", "perceptual") for side in ("", "mean")
    }


def test_encoders_are_measured_beside_the_generators_average_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "COUNT", 40)
    monkeypatch.setattr(avatars, "TEST_COUNT", 20)
    make_model("stylegan2.tiny", "avatars")
    make_model("encoder.avatars", "avatars")
    found = closeness("encoder.avatars")
    assert set(found.metrics) == {named(kind, side, 20, "avatarsnet") for kind in MARKS for side in ("", "average")}
    explorer = Explorer(loading.load("stylegan2.tiny"))
    w = explorer.read(explorer.sample(10_000), "w+").mean(0, keepdim=True)
    average = explorer.draw(Points(ws=w))
    truth = torch.from_numpy(data.load("test:avatars", 8).arrays["real"].copy()).float() / 127.5 - 1
    marks = psnr(average.expand_as(truth), truth)
    assert_close(found.metrics["psnr_average20"], float(marks.mean()), atol=0.1, rtol=0)


def test_models_that_cannot_be_measured_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    make_model("pix2pix.whole", "digits_coloured")
    assert quality.main(["pix2pix.whole"]) == 2
    assert "no part that the model didn't learn from" in capsys.readouterr().err


def test_colours_are_matched_to_the_others_histogram() -> None:
    numbers = np.random.default_rng(0)
    given = numbers.integers(0, 100, (50, 2, 8, 8)).astype(np.uint8)
    wanted = (255 - given // 2)[::-1]
    table = colour_table(given, wanted)
    made = recoloured(given, table)
    for channel in range(2):
        one, other = (np.sort(images[:, channel].ravel()).astype(int) for images in (made, wanted))
        assert np.abs(one - other).max() <= 2
    np.testing.assert_array_equal(colour_table(given, given)[:, :100], np.tile(np.arange(100), (2, 1)))
