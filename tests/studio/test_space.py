"""The files that a Space reads are correct, and the benchmark of the Studio runs."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.studio.conftest import DRAWING
from tests.studio_serving import ROOT, STYLED
from tests.test_benchmarks import run
from ui.studio.server import check_port


def test_the_front_matter_names_what_is_installed() -> None:
    _, matter, _ = (ROOT / "docs" / "space" / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    facts = dict(line.split(": ", 1) for line in matter.splitlines())
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"gradio=={facts['sdk_version']}" in pinned
    assert (ROOT / facts["app_file"]).is_file()
    assert facts["sdk"] == "gradio"
    assert len(facts["short_description"]) <= 60  # the Hub refuses longer ones


def test_a_taken_port_is_reported() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"Port {port} can't be used .* GRADIO_SERVER_PORT={port + 1}"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.mark.release
def test_the_benchmark_runs(models_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_HOME", str(models_home))
    table = run("studio", "--model", STYLED, "--drawing", DRAWING, "--moves", "5", "--seconds", "2", "--starts", "0")
    assert table.count("a move, ") == 3
    assert table.count("a line, ") == 2
