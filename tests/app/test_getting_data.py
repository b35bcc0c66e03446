"""Missing data are downloaded by a click on the Train page, from a server on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gan_core.data import source
from gan_core.data.published import fetch, published
from gan_core.data.sets.cyclegan_sets import CLASSICS, PARTS
from tests.app.pages import page, sound
from tests.data.loopback import Loopback, serving
from tests.data.offered import photo, zipped

NAME = "horse2zebra"


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server that holds a tiny set of this name."""
    (classic,) = (one for one in CLASSICS if one.name == NAME)
    content = zipped({f"{NAME}/{part}/{place}.jpg": photo((32, 32), place) for part in PARTS for place in range(3)})
    wanted = replace(published.get(NAME), first={classic.file: hashlib.sha256(content).hexdigest()}, size=len(content))
    monkeypatch.setitem(published._items, NAME, wanted)
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        server.files[classic.file.name] = content
        monkeypatch.setenv("GANSCOPE_MIRROR", server.address)
        yield server


@pytest.mark.usefixtures("store")
def test_a_click_downloads_the_data(loopback: Loopback) -> None:
    test = page("train", recipe="cyclegan", data=NAME, size="32")
    assert any("ganscope data get horse2zebra" in element.value for element in test.info)
    sound(test.button(key="get-data").click().run())
    assert source(NAME).available()
    assert not [element for element in test.button if element.key == "get-data"]
    assert not [element for element in test.info if "ganscope data get" in element.value]
    assert any(element.key == "look" for element in test.toggle)


@pytest.mark.usefixtures("store")
def test_an_unreachable_server_is_reported_and_the_button_stays(loopback: Loopback, home: Path) -> None:
    loopback.files.clear()
    test = page("train", recipe="cyclegan", data=NAME, size="32")
    sound(test.button(key="get-data").click().run())
    assert "HTTP 404" in "\n".join(element.value for element in test.error)
    assert not source(NAME).available()
    assert any(element.key == "get-data" for element in test.button)
    assert not (home / "data").exists() or list((home / "data").iterdir()) == []


@pytest.mark.usefixtures("store", "loopback")
def test_viewers_cannot_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "open")
    test = page("train", recipe="cyclegan", data=NAME, size="32")
    assert all(element.disabled for element in test.button if element.key == "get-data")
