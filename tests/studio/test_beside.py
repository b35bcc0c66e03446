"""The Studio next to the classroom: started once, found again, ended with it; and error messages."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.errors import BadValue
from tests.studio_serving import ROOT
from ui import studio_process
from ui.classroom.shell import studio_page
from ui.studio_process import NOTICE, Notice, Stage, StudioError, StudioProcess

START = 180.0  # seconds
NO_GRADIO = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "gradio":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port, set for the Studio."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    monkeypatch.setenv("GRADIO_SERVER_PORT", str(free))
    return free


@pytest.fixture
def studio() -> Iterator[StudioProcess]:
    made = StudioProcess("127.0.0.1")
    yield made
    made.close()


def settled(studio: StudioProcess, steps: set[int] | None = None) -> studio_process.Status:
    """Its status once startup is over; the steps that were seen are added to `steps`."""
    end = time.monotonic() + START
    while (status := studio.look()).stage is Stage.STARTING:
        if steps is not None:
            steps.add(status.steps)
        assert time.monotonic() < end
        time.sleep(0.2)
    return status


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- where it is -----------------------------------------------------------------------------------------------------


def test_nothing_runs_at_first(studio: StudioProcess, home: Path) -> None:
    assert studio.look() == studio_process.Status(Stage.ABSENT)
    studio.close()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"host": "127.0.0.1"}', '{"host": 1, "port": 7860, "word": "x"}',
     '{"host": "127.0.0.1", "port": 99999999, "word": "x"}', '{"host": "no such host", "port": 7860, "word": "x"}'],
)  # fmt: skip
def test_an_invalid_notice_counts_as_none(home: Path, content: str) -> None:
    home.mkdir()
    (home / NOTICE).write_text(content)
    assert studio_process.found() is None


def test_a_stale_notice_or_one_of_another_program_counts_as_none(home: Path, port: int) -> None:
    with studio_process.announced(Notice("127.0.0.1", port, "word")):
        assert json.loads((home / NOTICE).read_text()) == {"host": "127.0.0.1", "port": port, "word": "word"}
        assert studio_process.found() is None
        server = subprocess.Popen(
            [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=home,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not listens(port):
                time.sleep(0.05)
            assert studio_process.found() is None
        finally:
            server.terminate()
            server.wait()
    assert not (home / NOTICE).exists()


def test_a_later_announcement_is_kept(home: Path) -> None:
    with studio_process.announced(Notice("127.0.0.1", 7860, "first")):
        later = studio_process.announced(Notice("127.0.0.1", 7861, "second"))
        later.__enter__()
    assert studio_process.read(home / NOTICE) == Notice("127.0.0.1", 7861, "second")
    later.__exit__(None, None, None)


@pytest.mark.parametrize(("host", "open"), [("0.0.0.0", True), ("::", True), ("192.168.1.7", True), ("::1", False),
                                            ("127.0.0.1", False), ("localhost", False)])  # fmt: skip
def test_which_computers_an_address_reaches(host: str, open: bool) -> None:
    assert Notice(host, 7860, "").open is open


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("localhost:8501", "localhost"),
        ("192.168.1.7:8501", "192.168.1.7"),
        ("Class-Room.local", "class-room.local"),
        ("[fe80::1]:8501", "[fe80::1]"),
        ("", "localhost"),
        ('a"onload="alert(1)', "localhost"),
        ("ada@evil.example/x", "evil.example"),
        ("[", "localhost"),
    ],
)
def test_the_link_names_this_computer_as_the_visitor_does(given: str, host: str) -> None:
    assert studio_page.visited_host({"Host": given}) == host


# --- ports -----------------------------------------------------------------------------------------------------------


def test_a_requested_port_that_is_taken_is_reported(studio: StudioProcess, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(StudioError, match=f"Port {port} is in use by another program. Set GRADIO_SERVER_PORT"):
            studio.start()
    assert studio.look().stage is Stage.ABSENT


@pytest.mark.parametrize("value", ["0", "70000", "http", "-1"])
def test_an_invalid_port_is_reported(studio: StudioProcess, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", value)
    with pytest.raises(BadValue, match="must be a port between 1 and 65535"):
        studio.start()


def test_the_first_free_port_is_used_and_a_lack_of_ports_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        taken = one.getsockname()[1]
        monkeypatch.setattr(studio_process, "PORTS", range(taken, taken + 1))
        with pytest.raises(StudioError, match=f"All ports from {taken} to {taken} are in use"):
            studio_process.free_port("127.0.0.1")
        monkeypatch.setattr(studio_process, "PORTS", range(taken, taken + 200))
        assert studio_process.free_port("127.0.0.1") > taken


# --- real processes --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_is_started_once_found_by_others_and_ended(studio: StudioProcess, home: Path, port: int) -> None:
    studio.start()
    begun = studio.look()
    assert (begun.stage, begun.steps) == (Stage.STARTING, 0)
    studio.start()
    steps: set[int] = set()
    status = settled(studio, steps)
    assert steps >= {0, 1}  # it reports its progress
    assert (status.stage, status.notice and status.notice.port) == (Stage.READY, port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
        assert "GANscope Studio" in answer.read().decode()
    other = StudioProcess("127.0.0.1")
    other.start()
    assert other.look() == status
    other.close()
    assert listens(port)
    assert StudioProcess("0.0.0.0").look().stage is Stage.ABSENT  # visitors from elsewhere could not open it
    studio.close()
    assert not listens(port)
    assert not (home / NOTICE).exists()


@pytest.mark.slow
def test_it_ends_when_the_classroom_is_killed(home: Path, port: int) -> None:
    code = (
        "import time\nfrom ui.studio_process import Stage, StudioProcess\n"
        "studio = StudioProcess('127.0.0.1')\nstudio.start()\n"
        "while studio.look().stage is Stage.STARTING: time.sleep(0.2)\nprint(studio.look().stage.value, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline().strip() == "ready"
    assert listens(port)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 30
    while listens(port):
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.slow
def test_a_missing_package_is_named(
    studio: StudioProcess, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "sitecustomize.py").write_text(NO_GRADIO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "without"))
    studio.start()
    status = settled(studio)
    assert status.stage is Stage.FAILED
    assert str(status.reason).startswith("The Studio needs the package gradio, which isn't installed: pip install")
