"""A visitor of a running Studio over HTTP: everything that the page does, and what it never does."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.app.messages import all_messages
from ui.languages import translations

JSON = {"Content-Type": "application/json"}
KIND = {"_type": "gradio.FileData"}
PATIENCE = 120.0  # seconds


class Refusal(Exception):
    """The Studio's answer instead of a result."""

    def __init__(self, words: str, title: str = "") -> None:
        super().__init__(words)
        self.words = html.unescape(words)
        self.title = title


class Caller:
    """One visitor: a page's own address, and a session."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.session = uuid4().hex
        self.http = httpx.Client(timeout=PATIENCE)
        self.config: dict[str, Any] = self.http.get(f"{self.url}/config").json()
        self.address = f"{self.url}{self.config['api_prefix']}"

    @cached_property
    def components(self) -> dict[int, dict[str, Any]]:
        return {one["id"]: one for one in self.config["components"]}

    @property
    def endpoints(self) -> list[dict[str, Any]]:
        """All endpoints that run something on the server, including the page's own."""
        return [one for one in self.config["dependencies"] if one["backend_fn"]]

    def inputs(self, endpoint: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.components[number] for number in endpoint["inputs"]]

    def named(self, name: str) -> dict[str, Any]:
        return next(one for one in self.endpoints if one["api_name"] == name)

    def upload(self, path: Path) -> str:
        """Uploads a file; returns its path on the server."""
        with path.open("rb") as file:
            answer = self.http.post(f"{self.address}/upload", files={"files": (path.name, file)})
        answer.raise_for_status()
        return str(answer.json()[0])

    def call(self, endpoint: dict[str, Any] | str, data: list[Any], **more: Any) -> list[Any]:
        """Calls an endpoint; returns its final answer; raises Refusal."""
        chosen = self.named(endpoint) if isinstance(endpoint, str) else endpoint
        body = {"data": data, "fn_index": chosen["id"], "session_hash": self.session, **more}
        joined = self.http.post(f"{self.address}/queue/join", content=json.dumps(body), headers=JSON)
        if joined.status_code != 200:
            raise Refusal(joined.json()["detail"], f"HTTP {joined.status_code}")
        with self.http.stream("GET", f"{self.address}/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    output = message["output"]
                    if "error" in output:
                        raise Refusal(str(output["error"]), str(output.get("title")))
                    return list(output["data"])
        raise AssertionError("the stream ended without an answer")

    @contextmanager
    def page_open(self) -> Iterator[None]:
        """Keeps the page open within the block, as a browser does."""
        with self.http.stream("GET", f"{self.address}/heartbeat/{self.session}") as stream:
            beats = stream.iter_raw()  # the connection is closed with it
            next(beats)
            yield
            del beats


@contextmanager
def calling(url: str) -> Iterator[Caller]:
    """A visitor, until the end of the block."""
    caller = Caller(url)
    try:
        yield caller
    finally:
        caller.http.close()


def file(path: object) -> dict[str, Any]:
    """A file as a client names it."""
    return {"path": str(path), "meta": KIND}


def default(component: dict[str, Any]) -> Any:
    """Returns a valid value for a control."""
    props = component["props"]
    if props.get("value") is not None or component["type"] in ("state", "file", "json", "number", "dropdown"):
        return props.get("value")
    return {"slider": props.get("minimum"), "checkbox": True}.get(component["type"], "")


PLACE = re.compile(r"\{[^{}]*\}")  # of a value, in a template


@cache
def _texts(language: str) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """All texts of the Studio in a language: complete ones, and templates, each with its beginning before a value."""
    texts = {translations(language).gettext(text) for text in all_messages()}
    least = 12 if language == "en" else 6  # letters: a few templates consist only of values
    texts = {text for text in texts if len(PLACE.sub("", text).replace("\\", "")) >= least}
    templates = {text for text in texts if PLACE.search(text)}
    return frozenset(texts - templates), tuple((PLACE.split(text, maxsplit=1)[0], text) for text in templates)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(".*?".join(re.escape(part) for part in PLACE.split(template)), re.S)


def is_ours(words: str, language: str) -> bool:
    """Whether a sentence is one of the Studio's, in that language."""
    whole, templates = _texts(language)
    return words in whole or any(
        words.startswith(start) and _pattern(template).fullmatch(words) for start, template in templates
    )
