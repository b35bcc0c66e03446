"""Visitors of a running Studio: clients of its HTTP API, like the page."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.studio_serving import Studio


class Visitor:
    """A session of its own."""

    def __init__(self, client: httpx.Client, ids: dict[str, int]) -> None:
        self._client, self._ids = client, ids
        self.session = uuid.uuid4().hex[:12]

    def __call__(self, name: str, *data: Any) -> list[Any]:
        """Calls an endpoint, with None for each state; returns the answer, of which there must be one."""
        asked = self.ask(name, *data)
        asked.thread.join(600)
        assert asked.answer is not None, (name, asked.heard)
        return asked.answer

    def ask(self, name: str, *data: Any) -> Asked:
        """Calls an endpoint and reads its stream in a thread."""
        body = {"data": list(data), "fn_index": self._ids[name], "session_hash": self.session}
        answer = self._client.post("/gradio_api/queue/join", json=body).raise_for_status()
        return Asked(self._client, self.session, self._ids[name], answer.json()["event_id"])


class Asked:
    """A request: all messages about it, and the answer."""

    def __init__(self, client: httpx.Client, session: str, function: int, event: str) -> None:
        self._client, self._body = client, {"session_hash": session, "fn_index": function, "event_id": event}
        self.heard: list[str] = []
        self.answer: list[Any] | None = None
        self._left = threading.Event()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        session = {"session_hash": self._body["session_hash"]}
        with self._client.stream("GET", "/gradio_api/queue/data", params=session) as stream:
            for line in stream.iter_lines():
                if self._left.is_set():
                    return
                self.heard.append(line)
                if '"process_completed"' in line:
                    said = json.loads(line[5:])
                    if said["success"]:
                        self.answer = said["output"].get("data", [])
                    return

    def stop(self) -> None:
        """Presses the button Stop."""
        self._client.post("/gradio_api/cancel", json=self._body).raise_for_status()

    def leave(self) -> None:
        """Closes the page: the next message has no receiver any more."""
        self._left.set()
        self.thread.join(10)


@contextmanager
def visitors(studio: Studio, page: str = "") -> Iterator[Callable[[], Visitor]]:
    """Creates visitors; `page` is "/zh" for the Chinese one."""
    with httpx.Client(base_url=f"{studio.url}{page}", timeout=600) as client:
        config = client.get("/config").json()
        ids = {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]}
        yield lambda: Visitor(client, ids)
