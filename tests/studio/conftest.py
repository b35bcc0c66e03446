"""A shelf of tiny models for the Studio, and the Studio itself as a real server, both made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.made_models import make_model
from tests.studio_serving import STYLED, Studio, serving
from ui import studio_models

OTHERS = ("dcgan.tiny", "cgan.tiny")


@pytest.fixture(scope="session")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose shelf holds a style-based model, a plain one, and one that knows classes."""
    folder = tmp_path_factory.mktemp("studio")
    for name in (STYLED, *OTHERS):
        make_model(name, folder=folder / "models" / name)
    return folder


@pytest.fixture
def shelf(models_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process sees that shelf."""
    monkeypatch.setenv("GANSCOPE_HOME", str(models_home))
    monkeypatch.setattr(studio_models.listing, "BUNDLED", models_home / "none")
    return models_home / "models"


@pytest.fixture(scope="session")
def studio(models_home: Path) -> Iterator[Studio]:
    with serving(models_home) as running:
        yield running
