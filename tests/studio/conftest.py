"""A shelf of tiny models for the Studio, and the Studio itself as a real server, both made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.models.card import read_card, write_card
from tests.made_models import make_model
from tests.studio_serving import STYLED, Studio, serving
from ui.studio.models import opened

OTHERS = ("dcgan.tiny", "cgan.tiny")
CYCLE, DRAWING, FILLING = "cyclegan.tiny", "pix2pix.tiny", "context_encoder.tiny"
ENCODER = "encoder.tiny"  # of the style-based one
ENLARGING, SMOOTH = "srgan.tiny", "srgan.smooth"  # of the same networks, so that they can be blended
TRANSLATORS = {CYCLE: "digits_coloured_unpaired", DRAWING: "digits_coloured", FILLING: "digits"}


@pytest.fixture(scope="package")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose shelf holds a style-based model, a plain one, one that knows classes, and some that translate."""
    folder = tmp_path_factory.mktemp("studio")
    for name in (STYLED, *OTHERS):
        make_model(name, folder=folder / "models" / name)
    for name, data in TRANSLATORS.items():
        make_model(name, data, folder / "models" / name)
    for name, seed in ((ENLARGING, 0), (SMOOTH, 1)):
        make_model(name, folder=folder / "models" / name, scale="4", seed=seed)
    with pytest.MonkeyPatch.context() as patch:  # with the encoder's generator
        patch.setenv("GANSCOPE_HOME", str(folder))
        make_model(ENCODER)
    place = folder / "models" / DRAWING  # the model for Draw was trained on edges, which would take a while to draw
    write_card(place, replace(read_card(place), data="edges2avatars"))
    return folder


@pytest.fixture
def shelf(models_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process sees that shelf."""
    monkeypatch.setenv("GANSCOPE_HOME", str(models_home))
    monkeypatch.setattr(opened.listing, "BUNDLED", models_home / "none")
    return models_home / "models"


@pytest.fixture(scope="package")
def studio(models_home: Path) -> Iterator[Studio]:
    with serving(models_home) as running:
        yield running
