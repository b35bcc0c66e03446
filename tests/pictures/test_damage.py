"""The damage of a picture: determined from its file or from its pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from gan_core.data.avatars import draw_avatars, sample_attributes
from gan_core.models.enlarging import advised, harmed
from gan_core.pictures.damage import Damage, damage_of, jpeg_quality
from gan_core.pictures.photos import sample_photo


def photo(name: str = "china.jpg", side: int = 256) -> np.ndarray:
    """Shrunk, so that the photo's own compression isn't visible."""
    whole = sample_photo(name).resize((480, 320), Image.Resampling.LANCZOS)
    return np.asarray(whole.crop((60, 20, 60 + side, 20 + side)))


def saved(array: np.ndarray, kind: str, **options: object) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return Image.open(io.BytesIO(file.getvalue()))


def noisy(array: np.ndarray, sigma: float) -> np.ndarray:
    added = np.random.default_rng(0).normal(0, sigma, array.shape)
    return (array + added).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [10, 30, 50, 75, 90, 95])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_gives_its_quality(quality: int, mode: str) -> None:
    image = saved(np.asarray(Image.fromarray(photo()).convert(mode)), "JPEG", quality=quality)
    found = jpeg_quality(image)
    assert found is not None
    assert abs(found - quality) <= (1 if quality > 12 else 5)  # for a low quality the table is clipped at 255


def test_other_files_give_none() -> None:
    assert jpeg_quality(saved(photo(), "PNG")) is None
    assert jpeg_quality(saved(photo(), "WEBP", quality=10)) is None
    assert jpeg_quality(Image.new("RGB", (9, 9))) is None


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_blocks_are_seen_wherever_they_begin(name: str, cut: int) -> None:
    again = np.asarray(saved(photo(name), "JPEG", quality=30))[cut:, 2 * cut :]
    assert harmed(damage_of(again)) == (True, False)
    assert harmed(damage_of(photo(name))) == (False, False)


@pytest.mark.parametrize("sigma", [6.0, 10.0, 15.0])
def test_noise_is_measured(sigma: float) -> None:
    for array in (photo(), photo("flower.jpg"), photo()[:, :, :1], photo().astype(np.uint16)):
        found = damage_of(
            noisy(array, sigma) if array.dtype == np.uint8 else noisy(array, sigma).astype(np.uint16) * 257
        )
        assert found.noise == pytest.approx(sigma, rel=0.25)
        assert harmed(found)[1]


def test_drawn_pictures_and_pixel_art_have_suffered_nothing() -> None:
    faces = draw_avatars(sample_attributes(6, 3), 128).transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)
    art = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    for array in (*faces, art):
        assert harmed(damage_of(array))[0] is False
    assert [harmed(damage_of(array))[1] for array in faces] == [False] * len(faces)


def test_a_tiny_picture_has_no_estimate() -> None:
    assert damage_of(noisy(photo(side=20), 30)) == Damage(None, 1.0, 0.0)


def test_the_more_a_picture_has_suffered_the_less_strength_is_advised() -> None:
    assert advised(Damage(None, 1.1, 0.5)) == advised(Damage(98, 1.1, 0.5)) == 1
    by_quality = [advised(Damage(quality, 1.0, 0.0)) for quality in (95, 90, 75, 50, 30, 15, 5)]
    by_noise = [advised(Damage(None, 1.0, levels, levels + 5)) for levels in (1, 4, 6, 9, 15)]
    by_steps = [advised(Damage(None, steps, 0.0)) for steps in (1.2, 1.5, 1.9, 3.0)]
    for found in (by_quality, by_noise, by_steps):
        assert found == sorted(found, reverse=True)
        assert (found[0], found[-1]) == (1, 0)


def test_a_network_that_removes_damage_works_at_full_strength_on_it() -> None:
    for damage in (Damage(30, 1.0, 0.0), Damage(None, 1.0, 15, 20), Damage(None, 1.9, 0.0)):
        assert advised(damage, restores=True) == 1
    assert advised(Damage(None, 1.0, 0.5), restores=True) < 0.5
