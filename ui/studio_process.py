"""The Studio process: one per machine, shared by all visitors; found if it runs, started if it doesn't.

A Studio writes its address and an identifying word into `GANSCOPE_HOME/studio.json`, so that anyone who shares that
folder can find it, even after the classroom was restarted. A Studio started from here ends with this process in any
case: its standard input is a pipe that then closes.

Imports no front end: both apps use it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import Enum
from http.client import HTTPException
from pathlib import Path

from gan_core import paths
from gan_core.errors import BadValue, GanscopeError, StoreError
from gan_core.files import write_atomically

ENTRY = Path(__file__).parents[1] / "gradio_app.py"
NOTICE, LOG = "studio.json", "studio.log"
CHILD = "GANSCOPE_STUDIO_ENDS_WITH_STDIN"  # set for a Studio that was started from here
WHO = "/ganscope-studio"  # path that answers with the Studio's word
PORTS = range(7860, 7880)
BUILDING, OPENING = "Building the pages", "The Studio is at"  # prefixes of its log lines during startup
STEPS = (BUILDING, OPENING)
PATIENCE = 2.0  # seconds for a Studio to identify itself
GRACE = 10.0  # seconds to end by itself
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # requests to this computer bypass proxies
_ABSENT = re.compile(r"No module named '([\w.]+)'")


class StudioError(GanscopeError):
    """The Studio can't be started."""


@dataclass(frozen=True)
class Notice:
    """Where a Studio listens. `host` is the bind address, such as 0.0.0.0; `word` identifies this Studio."""

    host: str
    port: int
    word: str

    @property
    def open(self) -> bool:
        """Whether other computers can reach it."""
        return not is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached only from this computer."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


@contextmanager
def announced(notice: Notice) -> Iterator[None]:
    """Announces this Studio within the block. If the file can't be written, it runs unannounced."""
    path = None
    with suppress(StoreError, OSError):
        path = paths.home() / NOTICE
        write_atomically(path, json.dumps(asdict(notice)).encode())
    try:
        yield
    finally:
        with suppress(OSError):
            if path and read(path) == notice:
                path.unlink()


def read(path: Path) -> Notice | None:
    """Returns the notice; None if there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        notice = Notice(**values)
    except (OSError, ValueError, TypeError):
        return None
    fits = isinstance(notice.host, str) and isinstance(notice.word, str) and isinstance(notice.port, int)
    return notice if fits and 0 < notice.port < 65536 else None


def found() -> Notice | None:
    """Returns the running Studio, if it answers."""
    notice = read(paths.home() / NOTICE)
    if notice is None:
        return None
    host = "127.0.0.1" if notice.open and notice.host in ("0.0.0.0", "::", "") else notice.host
    try:
        with _direct.open(f"http://{bracketed(host)}:{notice.port}{WHO}", timeout=PATIENCE) as answer:
            said = answer.read(200).decode(errors="replace")
    except (OSError, HTTPException, ValueError):
        return None
    return notice if said == notice.word else None


def log() -> Path:
    """Returns the path of the log of a Studio started from here."""
    return paths.home() / LOG


def bracketed(host: str) -> str:
    """Returns the host as written in a URL."""
    return f"[{host}]" if ":" in host else host


class Stage(Enum):
    """Stages of the Studio."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class Status:
    """`notice` when ready, `seconds` since its start, `reason` if it failed.

    `steps` is how many of STEPS it has reached.
    """

    stage: Stage
    notice: Notice | None = None
    seconds: float = 0.0
    steps: int = 0
    reason: StudioError | None = None


class StudioProcess:
    """The Studio as seen from this process. `host` is its bind address if it is started from here."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0

    def look(self) -> Status:
        """Returns the Studio's status; takes a few milliseconds."""
        notice = found()
        if notice and (notice.open or is_loopback(self.host)):
            return Status(Stage.READY, notice)
        with self._lock:
            process = self._process
        if process is None:
            return Status(Stage.ABSENT)
        if process.poll() is None:
            return Status(Stage.STARTING, seconds=time.monotonic() - self._began, steps=_steps())
        return Status(Stage.FAILED, reason=_last_words(process.returncode))

    def start(self) -> None:
        """Starts the Studio unless it is running or starting; raises BadValue, StoreError or StudioError."""
        with self._lock:
            if self._process and self._process.poll() is None:
                return
            if (notice := found()) and (notice.open or is_loopback(self.host)):
                return
            names = os.environ | {
                "GRADIO_SERVER_NAME": self.host, "GRADIO_SERVER_PORT": str(free_port(self.host)), CHILD: "1",
                "PYTHONUNBUFFERED": "1",
            }  # fmt: skip
            try:
                with log().open("wb") as said:
                    self._process = subprocess.Popen(
                        [sys.executable, str(ENTRY)], cwd=ENTRY.parent, env=names, stdin=subprocess.PIPE, stdout=said,
                        stderr=said,
                    )  # fmt: skip
            except OSError as error:
                raise StudioError("The Studio can't be started: {reason}.", reason=error.strerror or error) from error
            self._began = time.monotonic()

    def close(self) -> None:
        """Stops the Studio that was started from here."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port(host: str) -> int:
    """Returns the port in `GRADIO_SERVER_PORT`, else the first free one of PORTS; raises BadValue or StudioError."""
    asked = os.environ.get("GRADIO_SERVER_PORT", "")
    if asked and not (asked.isdecimal() and 0 < int(asked) < 65536):
        raise BadValue("GRADIO_SERVER_PORT must be a port between 1 and 65535, not {value}.", value=asked)
    for port in [int(asked)] if asked else PORTS:
        if why_taken(host, port) is None:
            return port
    if asked:
        raise StudioError(
            "Port {port} is in use by another program. Set GRADIO_SERVER_PORT to another port and restart GANscope.",
            port=asked,
        )
    raise StudioError(
        "All ports from {first} to {last} are in use. Set GRADIO_SERVER_PORT to a free port and restart GANscope.",
        first=PORTS[0],
        last=PORTS[-1],
    )


def why_taken(host: str, port: int) -> str | None:
    """Returns why a program can't listen there; None if it can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":  # on other systems it would let two programs share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
        except UnicodeError:  # no name of a host at all
            return "Name or service not known"
    return None


def new_word() -> str:
    """Returns a new word that identifies a Studio."""
    return secrets.token_hex(8)


def _steps() -> int:
    """Returns how many of STEPS the Studio's log shows."""
    lines: list[str] = []
    with suppress(OSError):
        lines = log().read_text(encoding="utf-8", errors="replace").splitlines()
    return sum(any(line.startswith(step) for line in lines) for step in STEPS)


def _last_words(code: int) -> StudioError:
    """Returns why the Studio ended, from its log."""
    lines: list[str] = []
    with suppress(OSError):
        lines = log().read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    if absent := _ABSENT.search(last):
        return StudioError(
            "The Studio needs the package {package}, which isn't installed: pip install -r requirements.txt",
            package=absent[1],
        )
    return StudioError(
        "The Studio ended before it was ready (exit code {code}). See its log: {file}.", code=code, file=LOG
    )
