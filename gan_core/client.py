"""A client of `ganscope serve`.

    with Client("http://127.0.0.1:8000", key="...") as service:
        made = service.generate(seed=7, count=4, truncation=0.7)
        made.pictures[0].save("face.png")
        said = service.generate(model="specgan.spoken_digits", label="7 theo")
        Path("seven.wav").write_bytes(said.files[0])
        film = service.interpolate(seeds=[1, 2, 3], kind="WebP")         waits until it is done

docs/serving.md describes the parameters of each call; errors are raised as a ServiceError with the server's message.
Needs httpx, which comes with the extra `serve` and with Gradio.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from gan_core.errors import GanscopeError

PICTURES = ("image/png", "image/webp")
Picture = Path | bytes | Image.Image
LOOK = 0.3  # seconds between two polls of a job
TRIES = 3  # of a request while the server is busy
MOST_PAUSE = 30.0  # seconds between two tries


class ServiceError(GanscopeError):
    """The server refused a request; holds its message. `status` is the HTTP status, 0 if there was no answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__("{sentence}", sentence=sentence)
        self.status = status


@dataclass(frozen=True)
class Made:
    """Pictures or other samples, and the inputs that they were drawn from."""

    pictures: tuple[Image.Image, ...]
    seed: str
    sha256: str  # of the model's weights
    files: tuple[bytes, ...] = ()  # of each sample, or one of all if a format was chosen
    type: str = "image/png"  # media type of the files
    texts: tuple[str, ...] = ()  # of samples that can be read, such as texts and molecules


@dataclass(frozen=True)
class Result:
    """The result of a job: a film or a picture as a file's content, and facts about it."""

    content: bytes
    type: str
    facts: Mapping[str, Any]

    @property
    def picture(self) -> Image.Image:
        return Image.open(io.BytesIO(self.content))


class Client:
    """A client of one server. `key` is needed if the server requires one."""

    def __init__(self, url: str, key: str = "", timeout: float = 60.0) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def models(self) -> list[dict[str, Any]]:
        """All models, with the calls that each can be used for."""
        found: list[dict[str, Any]] = self._sent("GET", "/v1/models").json()["models"]
        return found

    def generate(self, **values: Any) -> Made:
        """`model`, `seed`, `count`, `truncation`, `label` (a class, a sentence or a pose), or `latents`.

        `format`, such as "mp4", asks for one file of all samples; otherwise there is one for each.
        """
        return self._drawn("generate", _named(values))

    def edit(self, **values: Any) -> Made:
        """`model`, `seed`, `truncation`, `label`, and `edits` by name, such as {"PCA 1": 2}."""
        return self._drawn("edit", _named(values))

    def mix(self, **values: Any) -> Made:
        """`model`, `seed_a`, `seed_b`, `band`, `first_layer`, `truncation`."""
        return self._drawn("mix", values)

    def translate(self, picture: Picture, **values: Any) -> Made:
        """`model`, `direction`, `strength`."""
        return self._of_picture("translate", values, picture=picture)

    def inpaint(self, picture: Picture, mask: Picture, **values: Any) -> Made:
        """`model`."""
        return self._of_picture("inpaint", values, picture=picture, mask=mask)

    def interpolate(self, progress: Callable[[float], object] | None = None, **values: Any) -> Result:
        """`model`, `seeds`, `way`, `closed`, `kind`, `seconds`, `size`, `truncation`, `label`."""
        return self._result(self._sent("POST", "/v1/interpolate", json=_named(values)), progress)

    def upscale(self, picture: Picture, progress: Callable[[float], object] | None = None, **values: Any) -> Result:
        """`model`, `scale`."""
        return self._result(self._with_files("upscale", values, picture=picture), progress)

    def invert(self, picture: Picture, progress: Callable[[float], object] | None = None, **values: Any) -> Result:
        """`model`, `steps`."""
        return self._result(self._with_files("invert", values, picture=picture), progress)

    def evaluate(self, progress: Callable[[float], object] | None = None, **values: Any) -> Mapping[str, Any]:
        """`model`, `samples`, `metrics`, `seed`; the answer has `metrics` by name, and facts about the evaluation."""
        made = self._result(self._sent("POST", "/v1/evaluate", json=values), progress)
        found: Mapping[str, Any] = json.loads(made.content)
        return found

    def _drawn(self, call: str, values: Mapping[str, Any]) -> Made:
        format = values.get("format")
        if format in (None, "json"):  # nested lists say no more than files do
            format = "base64"
        return _made(self._sent("POST", f"/v1/{call}", json={**values, "format": format}))

    def _of_picture(self, call: str, values: Mapping[str, Any], **pictures: Picture) -> Made:
        return _made(self._with_files(call, {**values, "format": "base64"}, **pictures))

    def _with_files(self, call: str, values: Mapping[str, Any], **pictures: Picture) -> httpx.Response:
        files = {name: (f"{name}.png", _content(picture)) for name, picture in pictures.items()}
        return self._sent("POST", f"/v1/{call}", data=dict(values), files=files)

    def _result(self, begun: httpx.Response, progress: Callable[[float], object] | None) -> Result:
        """Waits for a job; cancels it if the wait is interrupted."""
        address = begun.headers["Location"]
        try:
            while (job := self._sent("GET", address).json())["state"] in ("waiting", "running"):
                if progress:
                    progress(job["progress"])
                time.sleep(LOOK)
        except BaseException:
            with suppress(httpx.HTTPError):  # the server may be why the wait ended
                self._http.delete(address)
            raise
        if job["state"] != "done":
            raise ServiceError(0, job.get("error", f"The job was {job['state']}."))
        made = self._sent("GET", job["result"])
        return Result(made.content, made.headers["Content-Type"], job)

    def _sent(self, method: str, address: str, **content: Any) -> httpx.Response:
        """Sends a request and returns the answer; waits and retries if the server asks for it. Raises ServiceError."""
        for rest in reversed(range(TRIES)):
            try:
                answer = self._http.request(method, address, **content)
            except httpx.HTTPError as error:
                raise ServiceError(0, f"The server can't be reached: {error}") from error
            if answer.status_code not in (429, 503) or not rest:
                break
            time.sleep(min(MOST_PAUSE, float(answer.headers.get("Retry-After", 1))))
        if answer.is_error:
            raise ServiceError(answer.status_code, _sentence(answer))
        return answer


def _content(picture: Picture) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Path):
        return picture.read_bytes()
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """Values with `label` under its name in the service, which Python reserves."""
    return {"class" if name == "label" else name: value for name, value in values.items()}


def _made(answer: httpx.Response) -> Made:
    type, said = answer.headers["Content-Type"].partition(";")[0], {}
    files: tuple[bytes, ...] = (answer.content,)
    if type == "application/json":
        said = answer.json()
        type = said.get("type", "image/png")
        files = tuple(map(base64.b64decode, said["images"] if "images" in said else said["files"]))
    pictures = tuple(Image.open(io.BytesIO(file)) for file in files if type in PICTURES)
    facts = answer.headers.get("X-Seed", ""), answer.headers["X-Model-SHA256"]
    return Made(pictures, *facts, files, type, tuple(said.get("texts", ())))


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The server answered with status {answer.status_code}."
