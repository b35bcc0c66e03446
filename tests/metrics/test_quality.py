"""The measures of the shelf's generators, with a tiny model and a tiny net."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import quality
from gan_core import data
from gan_core.data.sets import avatars
from gan_core.metrics.answers import class_spread, reached, sureness
from gan_core.metrics.classes import ClassCounts
from gan_core.metrics.memorisation import memorisation
from gan_core.models import listing
from gan_core.models.card import NEIGHBOURS, write_card
from gan_core.models.plans import Plan
from gan_core.shelf import pretrain
from tests.made_models import make_model

NET = {"channels": 4, "max_channels": 8, "features": 6, "batch_size": 16}


def make_net(name: str, learnt: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(recipe="feature_net", data=learnt, size=8, steps=20, title="Judge", limits="All.", hparams=NET)
    monkeypatch.setitem(pretrain.plans, name, plan)
    assert pretrain.main([name, "--folder", str(home / "models" / name)]) == 0


def test_a_generator_of_classes_is_measured_and_its_card_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_net("features.digits", "train:digits", home, monkeypatch)
    make_model("mlp_gan.digits")
    assert quality.main(["mlp_gan.digits", "--samples", "300", "--save"]) == 0
    card = listing.card("mlp_gan.digits")
    assert set(card.metrics) == {
        *(f"{kind}300_digitsnet_train" for kind in ("fd", "precision", "recall", "density", "coverage", "sure")),
        *(f"{kind}300_digitsnet{of}_train" for kind in ("rarest_class", "commonest_class") for of in ("", "_real")),
        "fd150_digitsnet_floor_train", "sure300_digitsnet_real_train", "nearest300_pixels", "copied300_pixels",
    }  # fmt: skip
    assert card.metrics["fd300_digitsnet_train"] > 5 * card.metrics["fd150_digitsnet_floor_train"]
    assert "fd300_digitsnet_train" in capsys.readouterr().out
    with Image.open(home / "models" / "mlp_gan.digits" / NEIGHBOURS) as picture:
        assert picture.width >= quality.WIDTH
        assert picture.width / picture.height == pytest.approx(8 / 2, rel=0.05)
    assert quality.main(["mlp_gan.digits", "--samples", "200", "--save"]) == 0
    card = listing.card("mlp_gan.digits")
    assert not [kind for kind in card.metrics if "300" in kind]  # replaced, not added
    assert card.pictures == "8 bits"
    write_card(home / "models" / "mlp_gan.digits", dataclasses.replace(card, pictures="float"))
    assert quality.main(["mlp_gan.digits", "--samples", "200", "--save"]) == 2
    assert "Metrics of mlp_gan.digits can't be compared: some are for images of float" in capsys.readouterr().err


def test_a_generator_of_faces_is_measured_by_its_attributes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "COUNT", 60)
    monkeypatch.setattr(avatars, "TEST_COUNT", 80)
    make_net("features.avatars", "avatars", home, monkeypatch)
    make_model("mlp_gan.avatars", "avatars")
    found = quality.quality("mlp_gan.avatars").metrics
    assert {f"reached80_avatarsnet_{name}" for name in avatars.ATTRIBUTES} < set(found)
    assert 0 <= found["reached80_avatarsnet"] < 1
    assert 0 <= found["sure80_avatarsnet"] <= 1
    assert "rarest_class80_avatarsnet" not in found
    assert found["fd80_avatarsnet"] > found["fd40_avatarsnet_floor"]


def test_a_model_without_a_net_is_reported_and_the_others_are_measured(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model("mlp_gan.digits")
    assert quality.main([]) == 2
    assert "mlp_gan.digits: There is no model named 'features.digits'" in capsys.readouterr().err
    make_net("features.digits", "train:digits", home, monkeypatch)
    make_model("points.ring", "ring8")
    capsys.readouterr()
    assert quality.main(["points.ring", "mlp_gan.digits", "--samples", "100"]) == 2
    captured = capsys.readouterr()
    assert "points.ring: " in captured.err
    assert "fd100_digitsnet_train" in captured.out
    assert listing.card("mlp_gan.digits").metrics == {}


def test_copies_are_shown_above_their_originals() -> None:
    training = data.load("digits", 8)
    copied = training.arrays["real"][[5, 700, 900]]
    strange = np.random.default_rng(0).integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    samples = np.concatenate([strange, copied])
    picture = np.asarray(quality.neighbours(samples, training, memorisation(samples, training)))
    rows, columns = 2 * 9 - 1, quality.PAIRS * 9 - 1
    small = picture[:: picture.shape[0] // rows, :: picture.shape[1] // columns][:rows, :columns]
    np.testing.assert_array_equal(small[:8, : 3 * 9], small[9:, : 3 * 9])  # the three copies come first
    assert not np.array_equal(small[:8, 3 * 9 :], small[9:, 3 * 9 :])


def counts(*rows: list[float]) -> ClassCounts:
    made = ClassCounts(len(rows[0]))
    made.add(np.array(rows))
    return made


def test_shares_by_hand() -> None:
    sure, unsure = [0.95, 0.05], [0.4, 0.6]
    made = {"hat": counts(sure, sure, sure, unsure), "hair": counts([0.2, 0.8, 0], [0.1, 0.9, 0])}
    real = {"hat": counts(sure, unsure), "hair": counts([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8])}
    assert sureness(made) == pytest.approx((3 / 4 + 0) / 2)  # 0.9 itself isn't above 0.9
    assert class_spread(made["hat"], real["hat"], "4_net") == {
        "rarest_class4_net": 0.5, "commonest_class4_net": 1.5,
        "rarest_class4_net_real": 1.0, "commonest_class4_net_real": 1.0,
    }  # fmt: skip
    # hats: 1/4 of the samples against 1/2 of the real ones is just enough; hair: only the second value is there
    assert reached(made, real, "4_net") == {
        "reached4_net": pytest.approx(3 / 5), "reached4_net_hat": 1.0, "reached4_net_hair": pytest.approx(1 / 3),
    }  # fmt: skip


def test_numbers_from_elsewhere_are_kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_net("features.digits", "train:digits", home, monkeypatch)
    make_model("mlp_gan.digits")
    measured = quality.quality("mlp_gan.digits", samples=60)
    card = dataclasses.replace(measured.card, metrics={"accuracy10": 0.5, "fd60_digitsnet_train": 1e9})
    quality.save("mlp_gan.digits", dataclasses.replace(measured, card=card))
    assert listing.card("mlp_gan.digits").metrics == {"accuracy10": 0.5} | measured.metrics
