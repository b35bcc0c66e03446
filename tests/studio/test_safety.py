"""Visitors' files: nobody can read another's, by any endpoint, however the Studio is started; and all are deleted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.studio.calling import Caller, Refusal, calling, default, file
from tests.studio.conftest import CYCLE, ENLARGING
from tests.studio_serving import ROOT, STYLED, Studio
from ui.studio.requests import files as studio_files

REFUSED = "Only files that you uploaded in this session can be read."
HOW: list[Callable[[Any], Any]] = [file, lambda path: [file(path)], lambda path: {"a": [{"b": file(path)}]}]


def picture(folder: Path, name: str = "own.png", seed: int = 0) -> Path:
    path = folder / name
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def holds(folder: Path, content: bytes) -> list[Path]:
    """Finds the files in a folder that contain some bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == content]


Callers = Callable[[], Caller]


@pytest.fixture
def callers(studio: Studio) -> Iterator[Callers]:
    """Creates visitors."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(calling(studio.url))


def until(check: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether something becomes true in time; on a busy machine that may take a while."""
    end = time.monotonic() + seconds
    while not check() and time.monotonic() < end:
        time.sleep(0.2)
    return check()


# --- whose files are read --------------------------------------------------------------------------------------------


def test_no_endpoint_reads_a_file_that_its_visitor_did_not_upload(
    studio: Studio, callers: Callers, tmp_path: Path
) -> None:
    """Every input of every endpoint listed by the app: a file elsewhere, one put among the uploads by hand, and
    another visitor's upload.
    """
    other, caller = callers(), callers()
    outside = picture(tmp_path, "outside.png", 1)
    among = picture(next(studio.uploads.glob("ganscope-studio-*")), "among.png", 2)
    others = Path(other.upload(picture(tmp_path, "others.png", 3)))
    paths = [outside, among, others]
    content = {path: path.read_bytes() for path in paths}
    read = []
    for number, endpoint in enumerate(caller.endpoints):
        inputs = caller.inputs(endpoint)
        for place, component in enumerate(inputs):
            if component["type"] == "state":  # clients can't provide it
                continue
            many = len(HOW) * len(paths) if component["type"] == "file" else 1
            for turn in range(many):
                path, how = paths[(number + place + turn) % 3], HOW[(place + turn // 3) % 3]
                data = [default(one) for one in inputs]
                data[place] = how(path)
                try:
                    caller.call(endpoint, data)
                    read.append((endpoint["api_name"], place, path))
                except Refusal as refusal:
                    if not refusal.words.startswith(REFUSED):
                        read.append((endpoint["api_name"], place, refusal.words))
    assert read == []
    for path in paths:
        assert holds(studio.uploads, content[path]) == ([] if path == outside else [path])
    assert outside.is_file()
    among.unlink()
    assert "outside.png" not in studio.log.read_text(encoding="utf-8")


def test_the_same_file_is_read_once_it_was_uploaded_and_each_visitor_has_a_copy(
    studio: Studio, callers: Callers, tmp_path: Path
) -> None:
    """Two visitors send the same file under the same name: reading and deleting one doesn't affect the other."""
    one, other = callers(), callers()
    path = picture(tmp_path)
    first, second = one.upload(path), other.upload(path)
    assert first != second
    for caller, upload in ((one, first), (other, second)):
        assert caller.call("take", [file(upload), STYLED])[1]["now"]
        assert not Path(upload).exists()


def test_addresses_of_the_web_are_not_fetched(callers: Callers) -> None:
    caller = callers()
    with pytest.raises(Refusal, match=REFUSED):
        caller.call("take", [file("http://127.0.0.1:9/own.png"), STYLED])
    for address in ("http://127.0.0.1:9/own.png", "https://example.com/own.png"):
        assert caller.http.get(f"{caller.address}/file={address}").status_code == 404


def test_a_file_is_handed_out_to_its_visitor_alone(studio: Studio, callers: Callers, tmp_path: Path) -> None:
    one, other = callers(), callers()
    path = picture(tmp_path)
    upload = one.upload(path)
    assert one.http.get(f"{one.address}/file={upload}").content == path.read_bytes()
    assert other.http.get(f"{other.address}/file={upload}").status_code == 404
    assert other.http.get(f"{studio.url}/gradio_api/file={upload}").status_code == 404
    answer = one.http.get(f"{one.address}/file={one.upload(_page(tmp_path))}")
    assert answer.headers["content-type"] == "application/octet-stream"  # a browser saves it and runs nothing
    assert answer.headers["content-disposition"].startswith("attachment")


def _page(folder: Path) -> Path:
    path = folder / "page.html"
    path.write_text("<p>nothing</p>")
    return path


def test_callers_without_a_client_name_a_session_or_none(studio: Studio, callers: Callers, tmp_path: Path) -> None:
    """As curl does: the upload names the session that the call names, or neither names one."""
    root, path = f"{studio.url}/gradio_api", picture(tmp_path)
    for session in ("mine", None):
        where = {"params": {"session_hash": session}} if session else {}
        with path.open("rb") as content:
            upload = httpx.post(f"{root}/upload", files={"files": ("own.png", content)}, **where).json()[0]
        more = {"session_hash": session} if session else {}
        stranger = httpx.post(
            f"{root}/run/take", json={"data": [file(upload), STYLED], "session_hash": "another"}, timeout=60
        )
        assert (stranger.status_code, stranger.json()["error"].startswith(REFUSED)) == (400, True)
        answer = httpx.post(f"{root}/run/take", json={"data": [file(upload), STYLED], **more}, timeout=60)
        assert answer.status_code == 200
        assert answer.json()["data"][1]["now"].startswith("data:image/")
        made = httpx.post(f"{root}/run/generate", json={"data": [STYLED, 1, None, "", None], **more}, timeout=60)
        result = made.json()["data"][0]
        assert httpx.get(result["url"]).content.startswith(b"\x89PNG")
        assert httpx.get(f"{root}/v-another/file={result['path']}").status_code == 404


# --- however it is started -------------------------------------------------------------------------------------------


# launched by itself, mounted without the guard in front of the routes, and as deployed
WAYS = """
import sys, threading
import fastapi, gradio as gr, uvicorn
from gradio_app import TABS
from ui.studio import server
ports = [int(port) for port in sys.argv[1:]]
launched = server.page(TABS, "en")
launched.launch(prevent_thread_lock=True, server_port=ports[0], quiet=True)
others = fastapi.FastAPI()
gr.mount_gradio_app(others, server.page(TABS, "en"), "/there")
servers = [uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
           for app, port in ((others, ports[1]), (server.app(TABS), ports[2]))]
for server in servers:
    threading.Thread(target=server.run, daemon=True).start()
while not all(server.started for server in servers):
    threading.Event().wait(0.1)
print("ready", flush=True)
sys.stdin.read()
"""


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.mark.parametrize("hosted", ["1", pytest.param("0", marks=pytest.mark.release)])
def test_no_way_to_start_it_opens_the_disk(hosted: str, models_home: Path, tmp_path: Path) -> None:
    outside, ports = picture(tmp_path, "outside.png"), free_ports(3)
    names = os.environ | {
        "GANSCOPE_HOME": str(models_home), "GANSCOPE_HOSTED": hosted, "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", WAYS, *map(str, ports)]
    with subprocess.Popen(command, cwd=ROOT, env=names, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().strip() == b"ready"
            for way, port, path in zip(("launched", "by others", "mounted"), ports, ("", "/there", ""), strict=True):
                with calling(f"http://127.0.0.1:{port}{path}") as caller:
                    check_that_files_are_safe(caller, outside, uploads=way != "by others")
        finally:
            process.kill()


def check_that_files_are_safe(caller: Caller, outside: Path, uploads: bool) -> None:
    """Without the guard in front of the routes, the owner of an upload is unknown, and none is read."""
    taking = [one for one in caller.endpoints if any(c["type"] == "file" for c in caller.inputs(one))]
    assert {"take", "read_back", "translate", "enlarge", "inpaint", "invert"} <= {one["api_name"] for one in taking}
    for endpoint in taking:
        data = [file(outside) if one["type"] == "file" else default(one) for one in caller.inputs(endpoint)]
        with pytest.raises(Refusal, match=REFUSED):
            caller.call(endpoint, data)
    assert caller.http.get(f"{caller.address}/file={outside}").status_code in (403, 404)
    assert outside.is_file()
    if uploads:
        assert caller.call("take", [file(caller.upload(outside)), STYLED])[1]["now"].startswith("data:image/")
    else:
        with pytest.raises(Refusal, match=REFUSED):
            caller.call("take", [file(caller.upload(outside)), STYLED])


# --- deletion --------------------------------------------------------------------------------------------------------


def test_files_given_to_a_callback_are_deleted_whatever_its_outcome(
    studio: Studio, callers: Callers, tmp_path: Path
) -> None:
    caller = callers()
    for call in (
        lambda path: ("take", [file(path), "nobody"]),  # refused before it was read
        lambda path: ("take", [file(path), 5]),
        lambda path: ("translate_files", [[file(path)], CYCLE, "a_to_b", 1]),  # a generator callback
        lambda path: ("translate", [file(path), CYCLE, "", None]),
    ):
        upload = caller.upload(picture(tmp_path))
        with suppress(Refusal):
            caller.call(*call(upload))
        assert until(lambda path=upload: not Path(path).exists())
    assert [path for path in studio.uploads.rglob("tmp*") if path.is_file() and not path.stat().st_size] == []


def test_files_go_with_their_session(studio: Studio, callers: Callers, tmp_path: Path) -> None:
    """An unread upload, and a result; not those of others."""
    caller, other = callers(), callers()
    path = picture(tmp_path)
    kept = other.upload(path)
    with caller.page_open():
        upload = caller.upload(path)
        made = caller.call("enlarge", [file(caller.upload(path)), ENLARGING, None])[0]
        time.sleep(studio_files.GRACE + 1)
        assert caller.http.get(made["url"]).content == Path(made["path"]).read_bytes()
    assert until(lambda: not Path(upload).exists() and not Path(made["path"]).exists())
    assert Path(kept).exists()


@pytest.mark.slow  # the client checks every 15 seconds whether it was closed
def test_files_of_the_python_client_go_when_it_is_closed(studio: Studio, callers: Callers, tmp_path: Path) -> None:
    client = Client(studio.url, verbose=False)
    client.predict(seed=11, api_name="/generate")
    assert list(studio.uploads.rglob("*-seed11.png"))
    client.predict(handle_file(str(picture(tmp_path, "mine.png"))), ENLARGING, 4, api_name="/enlarge_picture")
    assert not list(studio.uploads.rglob("mine.png"))
    client.close()
    assert until(lambda: not list(studio.uploads.rglob("*-seed11.png")))


def files_in(folder: Path) -> set[Path]:
    """Lists files, also while others are created and deleted."""
    while True:
        with suppress(FileNotFoundError):
            return {path for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_upload_leaves_nothing(studio: Studio, callers: Callers, tmp_path: Path) -> None:
    before = files_in(studio.uploads)
    host, port = studio.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        head = 'Content-Disposition: form-data; name="files"; filename="own.png"\r\n\r\n'
        line.sendall(
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n{head}".encode()
            + bytes(5000)
        )
        time.sleep(1)
    assert until(lambda: not files_in(studio.uploads) - before)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[studio_files.Files]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    made = studio_files.Files()
    yield made
    made.close()


def kept(files: studio_files.Files, visitor: str, uploaded: bool) -> Path:
    path = files.place() / "own.png"
    path.write_bytes(b"own")
    files.keep(path, visitor, uploaded)
    return path


def test_unread_files_are_deleted_after_a_while(files: studio_files.Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.came(["here"])
    upload, result, open_result = kept(files, "x", True), kept(files, "x", False), kept(files, "here", False)
    stray = files.folder / "stray"
    stray.write_bytes(b"")
    os.utime(stray, (0, 0))
    files.sweep()
    assert not stray.exists()
    assert upload.exists()
    monkeypatch.setattr(studio_files, "LAST", -1.0)
    files.sweep()
    assert [path.exists() for path in (upload, result, open_result)] == [False, False, True]
    assert not files.owns(["x"], str(upload))
    monkeypatch.setattr(studio_files, "LONGEST", -1.0)
    files.sweep()
    assert not open_result.exists()


def test_a_page_that_comes_back_finds_its_files(files: studio_files.Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio_files, "GRACE", 0.2)
    path = kept(files, "x", False)
    files.came(["x"])
    files.left(["x"])
    files.came(["x"])
    time.sleep(0.5)
    assert path.exists()
    files.left(["x"])
    assert until(lambda: not path.exists())


def test_files_of_a_dead_process_are_deleted_at_the_next_start(files: studio_files.Files, tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom ui.studio.requests.files import files\npath = files.place() / 'own.png'\n"
        "path.write_bytes(b'left')\nprint(path, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert died.returncode == -signal.SIGKILL
    left = Path(died.stdout.strip())
    assert left.is_file()
    alive = studio_files.Files()
    others = kept(alive, "x", True)
    assert not left.exists()
    mine = kept(files, "x", True)
    assert others.exists()
    assert mine.exists()
    assert files.folder != alive.folder
    alive.close()
    assert not others.exists()
