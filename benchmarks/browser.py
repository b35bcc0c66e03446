"""The app in a process of its own, and a browser to look at it, for the benchmarks that need them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from benchmarks.timing import ROOT
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore

if TYPE_CHECKING:
    from playwright.sync_api import Page

ENDLESS = 100_000_000  # steps
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
LONGEST = 180.0  # seconds that a start may take


class Served:
    """A Streamlit server and the store it works on. `seconds_to_up` is from its start to its first healthy answer."""

    def __init__(self, script: Path, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.home = home
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true"]
        command += ["--server.port", str(port), "--browser.gatherUsageStats", "false"]
        environment = {**os.environ, "GANSCOPE_HOME": str(home)}
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._await_health(began)
        self.seconds_to_up = time.perf_counter() - began

    def _await_health(self, began: float) -> None:
        while time.perf_counter() - began < LONGEST and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.02)
        self.close()
        raise RuntimeError("the server did not start")

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def store(self) -> RunStore:
        return RunStore(self.home)

    def run_url(self, id: str) -> str:
        return f"{self.url}/train?{urlencode({'run': id})}"

    def start(self, page: Page, spec: RunSpec) -> str:
        """Presses Train for a recipe and its preset or data, without an end; returns the run's id once it trains."""
        wanted: dict[str, str | int] = {"recipe": spec.recipe, "steps": ENDLESS}
        wanted |= {"preset": spec.preset} if spec.preset else {"data": spec.data, "size": spec.size}
        page.goto(f"{self.url}/train?{urlencode(wanted)}")
        page.locator(".st-key-train button").click()
        page.wait_for_url("**run=*")
        store = self.store
        while not (runs := store.runs()) or runs[0].step < 20:
            time.sleep(0.1)
        return runs[0].id

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def app(script: Path = ROOT / "app.py") -> Iterator[Served]:
    """Runs a server with an empty home within the block."""
    with tempfile.TemporaryDirectory(prefix="ganscope-", ignore_cleanup_errors=True) as home:
        served = Served(script, Path(home))
        try:
            yield served
        finally:
            served.close()


@contextlib.contextmanager
def chromium() -> Iterator[Page]:
    """A page of a browser that has already started."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = browser.new_page()
        page.set_default_timeout(LONGEST * 1000)
        page.goto("about:blank")
        try:
            yield page
        finally:
            browser.close()
