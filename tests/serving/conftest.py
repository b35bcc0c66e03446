"""A shelf of tiny models with the names that docs/serving.md uses, and servers on loopback in this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving import drawing
from serving.app import app
from serving.command import Server, server_of
from serving.service import Service
from serving.settings import Settings
from tests.made_models import make_drawer, make_medium, make_model, make_seer

STYLED, CLASSES = "stylegan2.avatars", "cgan.mnist"
TRANSLATING, FILLING, ENLARGING = "cyclegan.avatars", "context_encoder.avatars", "srgan.bsds_x4"
WORDS, SOUNDS, TEXTS, MUSIC = "stackgan.avatars", "specgan.spoken_digits", "text_mle.arithmetic", "musegan.chorales"
MOLECULES, FILMS = "molgan.molecules", "mocogan.moving_digits"
SETS = {TRANSLATING: "digits_coloured_unpaired", STYLED: "digits", CLASSES: "digits", FILLING: "digits"}


@pytest.fixture(scope="package")
def shelf_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    for name, data in SETS.items():
        make_model(name, data, folder / "models" / name)
    make_seer("features.digits", channels=1, folder=folder / "models" / "features.digits")  # of their training data
    for name in (SOUNDS, TEXTS, MUSIC, MOLECULES, FILMS):
        make_medium(name, folder / "models" / name)
    make_drawer(WORDS, folder=folder / "models" / WORDS)
    make_model(ENLARGING, folder=folder / "models" / ENLARGING, scale="4")
    return folder


@pytest.fixture(autouse=True)
def home(shelf_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same shelf for all tests and servers of this folder."""
    monkeypatch.setenv("GANSCOPE_HOME", str(shelf_home))
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", shelf_home / "none")
    return shelf_home


@pytest.fixture(scope="package", autouse=True)
def exports(request: pytest.FixtureRequest) -> Iterator[None]:
    """Opened models are exported in processes that take 13 s of processor time each: only where slow tests are run,
    which need them. For the quick ones, PyTorch draws, as it does until an export is written.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.config.getoption("markexpr").startswith("not slow"):
            waiting = threading.Lock()
            waiting.acquire()
            patch.setattr(drawing, "_exporting", waiting)
        yield


class Running:
    """A server and its service."""

    def __init__(self, url: str, service: Service, server: Server, thread: threading.Thread) -> None:
        self.url = url
        self.service, self.server, self.thread = service, server, thread
        self.http = httpx.Client(base_url=url, timeout=120)


@contextmanager
def serving(settings: Settings) -> Iterator[Running]:
    made = app(settings)
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        place.listen(256)
        server = server_of(made, settings)
        thread = threading.Thread(target=server.run, args=([place],), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        running = Running(f"http://127.0.0.1:{place.getsockname()[1]}", made.state.service, server, thread)
        try:
            yield running
        finally:
            running.http.close()
            server.should_exit = True
            thread.join(30)


@pytest.fixture(scope="package")
def server(shelf_home: Path) -> Iterator[Running]:
    """A server without keys or rate limits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSCOPE_HOME", str(shelf_home))
        patch.setattr("gan_core.models.listing.BUNDLED", shelf_home / "none")
        with serving(Settings(rate="", models=(STYLED, CLASSES))) as running:
            yield running
