"""The app in a process of its own, with its own empty home."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = 60.0  # seconds


@dataclass(frozen=True)
class Server:
    """One app, with its own empty home."""

    url: str
    home: Path


@contextmanager
def serving(home: Path, script: str = "app.py", **environment: str) -> Iterator[Server]:
    """The app in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {name: value for name, value in os.environ.items() if not name.startswith("GANSCOPE_")}
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        script,
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**names, "GANSCOPE_HOME": str(home), **environment}, stdout=log, stderr=log
        )
        try:
            _wait(f"http://localhost:{port}", process)
            yield Server(f"http://localhost:{port}", home)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, process: subprocess.Popen) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the app did not start")
