"""Inversion: a generator's own pictures are found again, and what can't be inverted is refused."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.explorer import Explorer
from gan_core.latent.inside import layer_names, switched
from gan_core.latent.inversion import InversionStep, Settings, invert, pixel_distance, prepared, psnr
from tests.latent.models import explorer

QUICK = Settings(steps=60, rate=0.2, prior=0.0)


@pytest.fixture(scope="module")
def styled() -> Explorer:
    return explorer("stylegan2")


@pytest.mark.parametrize("name", ["stylegan2", "sagan", "cgan"])
@pytest.mark.parametrize("start", ["mean", "nearest"])
def test_a_picture_of_the_generator_is_found_again(name: str, start: str) -> None:
    model = explorer(name)
    target = model.draw(model.sample(1, 11))
    label = 0 if name == "cgan" else None
    if label is not None:
        target = model.draw(model.sample(1, 11, label))
    found = list(invert(model, target, dataclasses.replace(QUICK, start=start)))
    assert [one.step for one in found] == [0, 10, 20, 30, 40, 50, 60]
    assert found[-1].psnr > min(found[0].psnr + 8, 25)
    assert found[-1].psnr >= found[0].psnr
    assert (found[0].share, found[-1].share) == (0.0, 1.0)
    assert found[-1].psnr == pytest.approx(psnr(found[-1].picture, target))
    again = model.draw(found[-1].points)
    assert torch.allclose(again, found[-1].picture, atol=1e-5)
    assert found[0].distance != found[0].distance  # without a net it is NaN


def test_features_and_the_prior_count(styled: Explorer) -> None:
    target = styled.draw(styled.sample(1, 11))

    def describe(pictures: Tensor) -> Tensor:
        return pictures.mean((2, 3))

    *_, last = invert(styled, target, dataclasses.replace(QUICK, pixel=0.0, feature=10.0, start="mean"), describe)
    assert last.distance < 0.02
    *_, bound = invert(styled, target, dataclasses.replace(QUICK, prior=100.0, start="mean"))
    *_, free = invert(styled, target, dataclasses.replace(QUICK, start="mean"))
    mean = styled.read(styled.mean(), "w+")
    lengths = [float((styled.read(one.points, "w+") - mean).norm()) for one in (bound, free)]
    assert lengths[0] < 0.5 * lengths[1]


def test_an_encoder_can_provide_the_start(styled: Explorer) -> None:
    wanted = styled.sample(1, 11)
    target = styled.draw(wanted)
    first = next(invert(styled, target, Settings(start="encoder"), encode=lambda picture: styled.read(wanted, "w+")))
    assert first.psnr > 50


def test_a_search_never_shows_what_another_visitor_has_switched_off(styled: Explorer) -> None:
    target, settings = styled.draw(styled.sample(1, 11)), dataclasses.replace(QUICK, start="mean")
    alone = next(invert(styled, target, settings))
    layer, shape = next(iter(layer_names(styled).items()))
    found: list[InversionStep] = []
    search = threading.Thread(target=lambda: found.append(next(invert(styled, target, settings))))
    with switched(styled, {layer: range(shape[0])}):
        search.start()
        search.join(1.0)
        assert not found
    search.join(60.0)
    assert torch.equal(found[0].picture, alone.picture)


def test_the_distance_is_the_mean_over_three_sizes() -> None:
    picture, target = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    picture[0, 0, 0, 0] = 1.0
    # by hand: 1/16 of 1, then one of four of 1/4, then 1/16
    assert float(pixel_distance(picture, target)) == pytest.approx((1 / 16 + (1 / 4) ** 2 / 4 + (1 / 16) ** 2) / 3)
    assert psnr(picture, target) == pytest.approx(10 * np.log10(4 * 16))


def test_pictures_are_cut_and_resized(styled: Explorer) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 30:] = 255
    picture = Image.fromarray(pixels)
    whole = prepared(picture, styled)
    assert whole.shape == (1, 3, 16, 16)
    assert whole[0, 0, 0, 0] == -1
    assert whole[0, 0, 0, -1] == 1
    assert (prepared(picture, styled, (30, 0, 60, 30)) == 1).all()
    grey = prepared(picture.convert("RGBA"), explorer("dcgan", channels=1))
    assert grey.shape == (1, 1, 16, 16)
    for box in ((30, 0, 61, 30), (30, 0, 20, 30), (-1, 0, 20, 20)):
        with pytest.raises(BadValue, match="within the image of 60 x 40"):
            prepared(picture, styled, box)
    with pytest.raises(BadValue, match="smaller than 8"):
        prepared(picture.crop((0, 0, 7, 40)), styled)
    with pytest.raises(BadValue, match="floating-point pixels"):
        prepared(Image.new("F", (20, 20)), styled)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"steps": 0}, "between 1 and 5000"), ({"start": "encoder"}, "Valid: mean, nearest"),
     ({"start": "x"}, "Unknown starting point"),
     ({"rate": -1.0}, "rate must be"), ({"prior": float("nan")}, "prior must be")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(styled: Explorer, change: dict[str, object], said: str) -> None:
    target = styled.draw(styled.sample(1))
    with pytest.raises(BadValue, match=said):
        next(invert(styled, target, dataclasses.replace(Settings(), **change)))  # type: ignore[arg-type]
    with pytest.raises(BadValue, match=r"shape \(3, 8, 8\), but the model generates \(3, 16, 16\)"):
        next(invert(styled, torch.zeros(1, 3, 8, 8)))
