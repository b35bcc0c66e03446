"""A home of its own for every test, real image files of every kind, and a server of published sets."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.data.published import fetch, published
from gan_core.data.published.catalogue import Published
from gan_core.data.published.origins import File
from tests.data.loopback import Loopback, serving
from tests.data.offered import summed

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
    """Makes the bytes of an image file: a colour picture with noise, or the given one."""

    def make(image: Image.Image | None = None, format: str = "PNG", seed: int = 0, **options: object) -> bytes:
        if image is None:
            noise = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
            image = Image.fromarray(noise)
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    return make


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        monkeypatch.setenv("GANSCOPE_GITHUB_RAW", f"{server.address}/")
        monkeypatch.setenv("GANSCOPE_MIRROR", server.address)
        yield server


@pytest.fixture
def offer(loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Published]:
    """Puts files on the server, and registers the set of that name with their checksums."""

    def make(name: str, files: dict[File, bytes]) -> Published:
        loopback.files.update({file.name: content for file, content in files.items()})
        made = summed(published.get(name), loopback, tmp_path)
        monkeypatch.setitem(published._items, name, made)
        return made

    return make
