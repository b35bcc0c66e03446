"""`ganscope serve` as a process: it starts, reports what is missing, and finishes running work before it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from gan_core.cli import serving as verb
from gan_core.disk import TEMPORARY
from gan_core.exporting.runtime import open_session
from serving.jobs import RESULTS
from tests.cli.commands import refused
from tests.serving.conftest import STYLED

ROOT = Path(__file__).parents[2]
START = 200.0  # seconds


@contextmanager
def process(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen, str, Path]]:
    """The server, its address, and the file of its log; ended by SIGTERM unless it has ended."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    log = home / "serve.log"
    words = [sys.executable, "-m", "gan_core", "serve", "--port", port, *options]
    names = {**os.environ, "GANSCOPE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with log.open("w") as file:
        running = subprocess.Popen(words, cwd=ROOT, env=names, stdout=file, stderr=file)
    try:
        url, end = f"http://127.0.0.1:{port}", time.monotonic() + START
        while not answers(url):
            assert time.monotonic() < end, log.read_text()[-2000:]
            assert running.poll() is None, log.read_text()[-2000:]
            time.sleep(0.2)
        yield running, url, log
    finally:
        if running.poll() is None:
            running.terminate()
        running.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow
def test_what_runs_is_finished_at_the_end(home: Path, tmp_path: Path) -> None:
    """A film being written when SIGTERM arrives is finished, and its client notified; then the process ends."""
    keys = tmp_path / "keys"
    keys.write_text("class 0123456789abcdef-secret\n")
    with process(home, "--key", str(keys), "--rate", "none") as (running, url, log):
        with httpx.Client(base_url=url, headers={"X-API-Key": "0123456789abcdef-secret"}, timeout=120) as http:
            body = {"model": STYLED, "seeds": [1, 2, 3], "seconds": 1, "size": 128, "kind": "GIF"}
            begun = http.post("/v1/interpolate", json=body)
            assert begun.status_code == 202, begun.text
            exporting = psutil.Process(running.pid).children()
            events: list[str] = []
            with http.stream("GET", f"{begun.headers['Location']}/events") as stream:
                for line in stream.iter_lines():
                    if line.startswith("data:"):
                        if not events:
                            running.send_signal(signal.SIGTERM)
                        events.append(line)
        assert json.loads(events[-1].removeprefix("data:"))["state"] == "done"
        assert running.wait(60) == 0
        _gone, left = psutil.wait_procs(exporting, timeout=10)
        assert not left
    lines = log.read_text().splitlines()
    assert lines[0].startswith("Serving at http://127.0.0.1:")
    logged = [json.loads(line) for line in lines[1:]]
    assert not [line for line in logged if "traceback" in line]
    assert "0123456789abcdef" not in log.read_text()
    assert {"/v1/interpolate", "/v1/jobs/{id}/events"} <= {line.get("route") for line in logged}


@pytest.mark.slow
def test_the_studio_is_served_beside_it(home: Path) -> None:
    with process(home, "--studio", "--rate", "none") as (_running, url, log):
        page = httpx.get(url, timeout=60)
        assert "GANscope Studio" in page.text
        assert httpx.get(f"{url}/config", timeout=60).json()["title"] == "GANscope Studio"
        assert "'unsafe-inline'" in page.headers["content-security-policy"]  # the Studio's own, not the API's
        body = {"data": [STYLED, 1, None, "", None]}
        made = httpx.post(f"{url}/gradio_api/run/generate", json=body, timeout=120).json()["data"][0]
        with_ours = httpx.post(f"{url}/v1/generate", json={"model": STYLED, "seed": 1}, timeout=120)
        assert with_ours.status_code == 200
        assert made["path"].endswith(".png")
        assert httpx.get(f"{url}/v1/nothing").status_code == 404
        assert "/v1/generate" in httpx.get(f"{url}/openapi.json").json()["paths"]
    assert '"route": "studio"' in log.read_text()


@pytest.mark.release
def test_a_hundred_clients_are_answered_or_told_to_wait(home: Path) -> None:
    """For ten seconds; nothing but 200 and 429, and memory that stays flat."""
    with process(home, "--rate", "none", "--queue", "32", "--model", STYLED) as (running, url, _log):
        while httpx.get(f"{url}/readyz").status_code != 200:
            time.sleep(0.3)
        seen: dict[int, int] = {}
        load(url, 5, seen)
        before = memory(running.pid)
        load(url, 10, seen)
        assert seen.keys() <= {200, 429}
        assert seen[200] > 100
        assert memory(running.pid) < 1.05 * before


@pytest.mark.release
@pytest.mark.timeout(900)
def test_kill_9_under_load_leaves_no_partial_files(home: Path) -> None:
    """Killed while it exports, draws and makes films; files with final names are complete, and it starts again."""
    for path in (home / "exports").glob("*"):
        path.unlink()
    with process(home, "--rate", "none", "--model", STYLED) as (running, url, _log):
        film = {"model": STYLED, "seeds": [1, 2, 3], "seconds": 2, "size": 256}
        assert httpx.post(f"{url}/v1/interpolate", json=film, timeout=60).status_code == 202
        exporting = psutil.Process(running.pid).children(recursive=True)
        visitors = [threading.Thread(target=asked_until_the_end, args=(url, seed)) for seed in range(8)]
        for one in visitors:
            one.start()
        time.sleep(2)
        running.kill()
        running.wait(30)
        for one in visitors:
            one.join(60)
        psutil.wait_procs(exporting, timeout=120)  # an export continues on its own, and is complete or absent
    results, folders = Path(tempfile.gettempdir()), f"{RESULTS}{running.pid}-*"
    assert list(results.glob(folders))
    with process(home, "--rate", "none", "--model", STYLED) as (_running, url, log):
        with httpx.Client(base_url=url, timeout=60) as http:
            while http.get("/readyz").status_code != 200:
                time.sleep(0.3)
            assert http.post("/v1/generate", json={"model": STYLED, "seed": 1}).status_code == 200
        assert "traceback" not in log.read_text()
    assert not list(results.glob(folders))
    for path in (home / "exports").glob("*.onnx"):
        if TEMPORARY not in path.name:
            open_session(path)


def asked_until_the_end(url: str, seed: int) -> None:
    with httpx.Client(base_url=url, timeout=60) as http, suppress(httpx.HTTPError):
        while True:
            http.post("/v1/generate", json={"model": STYLED, "seed": seed, "count": 4})


def load(url: str, seconds: float, seen: dict[int, int]) -> None:
    end = time.monotonic() + seconds

    def visit(first: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            while time.monotonic() < end:
                status = http.post("/v1/generate", json={"model": STYLED, "seed": first, "count": 2}).status_code
                seen[status] = seen.get(status, 0) + 1

    visitors = [threading.Thread(target=visit, args=(first,)) for first in range(100)]
    for one in visitors:
        one.start()
    for one in visitors:
        one.join()


def memory(process: int) -> int:
    """Resident KiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_what_is_missing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "PACKAGES", ("fastapi", "not_a_package"))
    said = refused(2, "serve")
    assert "aren't installed: not_a_package" in said
    assert "pip install 'ganscope[serve]'" in said
    monkeypatch.setattr(verb.paths, "ROOT", tmp_path)
    assert "needs the whole project" in refused(2, "serve")


def test_options_out_of_range_and_unknown_models_are_refused(tmp_path: Path) -> None:
    assert "Valid, for example" in refused(2, "serve", "--rate", "often")
    assert "deadline must be between" in refused(2, "serve", "--deadline", "0")
    assert "can't be read" in refused(2, "serve", "--key", tmp_path / "none")
    assert STYLED in refused(2, "serve", "--port", "0", "--model", "nobody")
    assert "features.digits can't be used for /v1/generate" in refused(
        2, "serve", "--port", "0", "--model", "features.digits"
    )
    for host in ("300.1.1.1", "x" * 64):
        assert f"{host}:0 can't be used" in refused(1, "serve", "--port", "0", "--host", host)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} can't be used" in refused(1, "serve", "--port", str(port))
