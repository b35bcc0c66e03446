"""A local server that behaves like that of published files, and can truncate, refuse and falsify answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Loopback:
    """`files` by path; `cut`: bytes after which each answer for a path ends; `status`: status codes sent instead."""

    address: str = ""
    ranges: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    status: dict[str, list[int]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, asked = request.path.lstrip("/"), request.headers.get("Range")
        self.asked.append((path, asked))
        refused = self.status.get(path)
        if path not in self.files or refused:
            request.send_error(refused.pop(0) if refused else 404)
            return
        content = self.files[path]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if start >= len(content) > 0:
            request.send_error(416)
            return
        request.send_response(206 if asked and self.ranges else 200)
        if asked and self.ranges:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        cuts = self.cut.get(path)
        request.wfile.write(content[start:][: cuts.pop(0) if cuts else None])


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # with the default of 5, one of 8 simultaneous connections would wait a second


@contextmanager
def serving() -> Iterator[Loopback]:
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            loopback.answer(self)

        def log_message(self, *arguments: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    loopback.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
