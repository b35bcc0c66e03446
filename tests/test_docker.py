"""The Dockerfile: what it copies exists and is everything that both apps need, and its commands start them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
START = 180.0  # seconds


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each instruction, with lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def copies() -> list[tuple[list[str], str]]:
    """Sources and destination of each COPY."""
    words = [arguments.split() for name, arguments in instructions() if name == "COPY"]
    return [(one[:-1], one[-1]) for one in words]


def variables() -> dict[str, str]:
    (text,) = (arguments for name, arguments in instructions() if name == "ENV")
    return dict(pair.split("=", 1) for pair in text.split())


def test_every_path_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {source for sources, _ in copies() for source in sources}
    assert lines[1] == "*"
    assert copied == allowed
    for source in copied:
        assert (ROOT / source).exists(), source


def test_it_runs_as_a_user_and_opens_the_ports_that_the_apps_listen_at() -> None:
    names = [name for name, _ in instructions()]
    settings = dict(instructions())
    assert names.index("USER") < names.index("CMD")
    assert settings["USER"] == "ganscope"
    ports = {variables()["STREAMLIT_SERVER_PORT"], variables()["GRADIO_SERVER_PORT"]}
    assert set(settings["EXPOSE"].split()) == ports
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"-p {port}:{port}" in readme for port in ports)


def test_its_python_is_one_that_the_project_takes() -> None:
    version = re.fullmatch(r"python:3\.(\d+)-slim", dict(instructions())["FROM"])
    assert version is not None
    needed = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert needed is not None
    assert int(version[1]) >= int(needed[1])


def test_it_is_healthy_with_the_classroom_and_with_the_studio_alone() -> None:
    """Its health check, at other ports, beside servers that answer with these codes; None: no server."""
    (check,) = re.findall(r'CMD (python -c ".*")', dict(instructions())["HEALTHCHECK"])
    for classroom, studio, healthy in ((200, None, True), (None, 200, True), (None, None, False), (500, 200, False)):
        ports, servers = list(free_ports()), []
        for port, code in zip(ports, (classroom, studio), strict=True):
            if code:
                servers.append(HTTPServer(("127.0.0.1", port), answering(code)))
                threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        command = check.replace("8501", str(ports[0])).replace("7860", str(ports[1]))
        command = command.replace("python", shlex.quote(sys.executable), 1)
        found = subprocess.run(command, shell=True, capture_output=True, timeout=60, check=False)
        for server in servers:
            server.shutdown()
            server.server_close()
        assert (found.returncode == 0) == healthy, (classroom, studio, found.stderr)


def answering(code: int) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            pass

    return Answer


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The folder /app of the image."""
    for sources, destination in copies():
        for source in sources:
            target = tmp_path / "app" / destination / ("" if (ROOT / source).is_dir() else source)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, target)
    return tmp_path / "app"


def free_ports() -> Iterator[int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        yield from (probe.getsockname()[1] for probe in (one, other))


@pytest.mark.slow
def test_its_command_serves_both_apps(image: Path, tmp_path: Path) -> None:
    """The last line of the Dockerfile, run in a folder with what it copies and nothing else."""
    command = json.loads(dict(instructions())["CMD"])
    classroom, studio = free_ports()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GANSCOPE_", "GRADIO_"))}
    kept |= variables() | {
        "STREAMLIT_SERVER_PORT": str(classroom), "GRADIO_SERVER_PORT": str(studio), "OMP_NUM_THREADS": "1",
        "GANSCOPE_HOME": str(tmp_path / "home"), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=image, env=kept, stdout=file, stderr=file, start_new_session=True)
        try:
            for address in (f"http://localhost:{classroom}/_stcore/health", f"http://localhost:{studio}/config"):
                assert answers(address, process), log.read_text(encoding="utf-8")[-2000:]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
    assert "Traceback" not in log.read_text(encoding="utf-8")


def answers(address: str, process: subprocess.Popen) -> bool:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.3)
    return False
