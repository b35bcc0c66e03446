"""A home of its own for every test, and real image files of every kind."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REAL_DATA = os.environ.get("GANSCOPE_DATA")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary GANSCOPE_HOME; no GANSCOPE_DATA."""
    folder = tmp_path / "home"
    monkeypatch.setenv("GANSCOPE_HOME", str(folder))
    monkeypatch.delenv("GANSCOPE_DATA", raising=False)
    return folder


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of data sets that GANSCOPE_DATA named when the tests began."""
    if not REAL_DATA:
        pytest.skip("GANSCOPE_DATA isn't set")
    monkeypatch.setenv("GANSCOPE_DATA", REAL_DATA)
    return Path(REAL_DATA)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """Makes the bytes of an image file: a colour picture with noise, or the one that is given."""

    def make(image: Image.Image | None = None, format: str = "PNG", seed: int = 0, **options: object) -> bytes:
        if image is None:
            noise = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
            image = Image.fromarray(noise)
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    return make
