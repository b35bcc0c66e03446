"""The Studio in a process of its own."""

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

ROOT = Path(__file__).parents[1]
STYLED = "stylegan2.tiny"
START = 120.0  # seconds


@dataclass(frozen=True)
class Studio:
    """One server. `uploads` is the folder of visitors' uploads."""

    url: str
    log: Path
    uploads: Path
    process: int


@contextmanager
def serving(home: Path, **environment: str) -> Iterator[Studio]:
    """Runs the Studio with a home's shelf within the block."""
    with serving_from(ROOT, home, **environment) as running:
        yield running


@contextmanager
def serving_from(folder: Path, home: Path, **environment: str) -> Iterator[Studio]:
    """Starts the Studio of a folder with `gradio_app.py` in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {name: value for name, value in os.environ.items() if not name.startswith(("GANSCOPE_", "GRADIO_"))}
    uploads, log = home / "uploads", home / "studio.log"
    names |= {
        "GANSCOPE_HOME": str(home), "GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(uploads),
        "OMP_NUM_THREADS": "1", **environment,
    }  # fmt: skip
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, "gradio_app.py"], cwd=folder, env=names, stdout=file, stderr=file)
        try:
            _wait(f"http://localhost:{port}", process, log)
            yield Studio(f"http://localhost:{port}", log, uploads, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/config", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the Studio did not start: {log.read_text(encoding='utf-8')[-2000:]}")
