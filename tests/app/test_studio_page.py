"""The page Studio without a browser: who may start it, and what is reported if it can't be started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gan_core.runs.store import RunStore
from tests.app.pages import page
from tests.app.test_models_page import texts
from ui import studio_process


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def test_viewers_start_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "sesame")
    assert "Anyone with the passphrase can start it" in texts(page("studio"))
    assert not (home / studio_process.LOG).exists()


def test_a_taken_port_is_reported_on_the_page(store: RunStore, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("GRADIO_SERVER_PORT", str(other.getsockname()[1]))
        assert "is in use by another program" in texts(page("studio"))
        assert "被其他程序占用" in texts(page("studio", lang="zh"))
    assert not (home / studio_process.LOG).exists()
